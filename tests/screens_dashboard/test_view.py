"""The dashboard comes back as its person left it: the run, the panes, the charts and their look."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import load_settings
from rlhf_tui.screens import dashboard_view
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.tracking.views import (
    ChartsLayout,
    KindCharts,
    Layout,
    Place,
    SavedViews,
    Stretch,
    View,
    place_path,
    read_view,
    write_view,
)
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture
def path(workspace: Workspace) -> Path:
    return place_path("anna", [workspace.root])


@pytest.fixture
def anna(workspace: Workspace, link: FakeLink) -> Open:
    """Anna's program on the workspace, left by its key as people do."""

    @asynccontextmanager
    async def opened(
        start: str = "dashboard", *, view: str = "", size: tuple[int, int] = (120, 30)
    ) -> AsyncIterator[Pilot[int]]:
        settings = load_settings(workspace)
        app = RlhfApp(workspace, start, lambda _: link, settings, person="anna", view=view)
        async with app.run_test(size=size) as pilot:
            yield pilot
            await app.shut_down()

    return opened


def screen(pilot: Pilot[int]) -> DashboardScreen:
    found = pilot.app.screen
    assert isinstance(found, DashboardScreen)
    return found


def drawn(pilot: Pilot[int]) -> bool:
    texts = [chart.text for chart in screen(pilot).charts.charts if chart.display]
    return any(0x2800 < ord(c) < 0x2900 for text in texts for c in text)


def titles(pilot: Pilot[int]) -> list[str]:
    return [drawing.title for drawing in screen(pilot).charts.on_page]


def notices(pilot: Pilot[int]) -> str:
    return "\n".join(one.message for one in pilot.app._notifications)


def chosen(pilot: Pilot[int]) -> str:
    followed = screen(pilot).followed
    return followed.info.run_id if followed else ""


async def test_all_of_it_comes_back(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        # Keep the PPO run, go to the reward model, and look at its charts in a way of one's own.
        await pilot.press("o", "j", "j", "o")
        await until(pilot, lambda: chosen(pilot) == "rm-0001" and drawn(pilot))
        await pilot.press("s", "s", "l", "t", "plus", "h")
        await pilot.press("slash", *"reward|loss", "enter", "right", "f")
        before = screen(pilot).standing()
        seen, styles = titles(pilot), screen(pilot).looks.kept
        legend = screen(pilot).charts.charts[0].text
        assert before.layout.charts.axis == "time"
        assert before.place.stretch.seen
        assert len(seen) == 1
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot) and screen(pilot).charts.window.seen)
        assert chosen(pilot) == "rm-0001"
        await until(pilot, lambda: titles(pilot) == seen)
        await until(pilot, lambda: screen(pilot).standing() == before)
        charts = screen(pilot).charts
        assert charts.drawn_by.log
        assert charts.drawn_by.smoothing == 0.9
        assert charts.full
        assert [*screen(pilot).others] == ["ppo-0002", "rm-0001"]
        assert screen(pilot).looks.kept == styles
        assert not screen(pilot).runs.display
        await until(pilot, lambda: charts.charts[0].text == legend)


async def test_the_newest_part_of_a_run_that_goes_on_is_still_the_newest(
    anna: Open, until: Until, link: FakeLink
) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("plus", "plus")
        assert screen(pilot).charts.window.seen == (62.5, 83.0)
    metrics = Path(link.infos[0].directory) / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write("".join(json.dumps({"step": n, "objective/kl": 1.0}) + "\n" for n in (90, 103)))
    async with anna() as pilot:
        await until(pilot, lambda: screen(pilot).charts.window.seen == (82.5, 103.0))
        assert screen(pilot).charts.window.follows


async def test_the_pane_its_step_and_its_search_come_back(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("2")
        await until(pilot, lambda: screen(pilot).samples.sampled.steps == [25, 50, 75])
        await pilot.press("d", "slash", *"quiet", "enter", "left")
        await until(pilot, lambda: screen(pilot).samples.step == 50)
    async with anna() as pilot:
        await until(pilot, lambda: "step 50" in screen(pilot).samples.text)
        samples = screen(pilot).samples
        assert screen(pilot).pane is samples
        assert samples.as_diff
        assert samples.sought == "quiet"
        assert len(samples._found) == 3
        # Of another run it is the newest step again.
        await pilot.press("j", "j")
        await until(pilot, lambda: samples.sampled.steps == [25, 50, 75, 100])
        assert samples.step == 100


async def test_the_run_that_is_named_wins(anna: Open, until: Until) -> None:
    async with anna("dashboard:sft-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("l", "plus", "c")
        assert screen(pilot).charts.window.seen
    async with anna("dashboard:rm-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        charts = screen(pilot).charts
        assert chosen(pilot) == "rm-0001"
        assert charts.drawn_by.log
        # A stretch of another run is none of this one.
        assert charts.window.seen is None
        assert charts.window.cross is None


async def test_charts_are_those_of_the_kind(anna: Open, until: Until) -> None:
    async with anna("dashboard:ppo-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("slash", *"kl", "enter")
    async with anna("dashboard:ppo-0002") as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert all("kl" in title.lower() for title in titles(pilot))
        await pilot.press("j", "j")
        await until(pilot, lambda: "accuracy" in titles(pilot))
        await pilot.press("slash", *"margin", "enter")
    async with anna("dashboard:rm-0001") as pilot:
        await until(pilot, lambda: titles(pilot) == ["margin"])
        assert screen(pilot).charts.kinds["ppo"] == KindCharts("kl")


async def test_a_page_is_that_of_its_chart_on_any_terminal(anna: Open, until: Until) -> None:
    async with anna(size=(80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("right", "right", "right")
        (first, *_) = titles(pilot)
        assert screen(pilot).charts.first == first
    async with anna(size=(200, 60)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert first in titles(pilot)
        assert screen(pilot).charts.page_number == 0
    async with anna(size=(80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot) and titles(pilot)[0] == first)


async def test_who_watched_the_first_run_finds_the_first_run(
    anna: Open, until: Until, link: FakeLink, path: Path
) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: chosen(pilot) == "ppo-0002")
    live = link.infos[0]
    new = write_run(Path(live.directory).parent, "ppo-0003", state="running", created=NOW)
    link.infos.insert(0, info_of(new, "running"))
    # It still runs: it is what the person was watching.
    async with anna() as pilot:
        await until(pilot, lambda: chosen(pilot) == "ppo-0002")
    write_view(path, View(place=Place("ppo-0002")))
    live.state = "finished"
    async with anna() as pilot:
        await until(pilot, lambda: chosen(pilot) == "ppo-0003")


async def test_what_is_gone_is_passed_over_without_a_word(
    anna: Open, until: Until, path: Path
) -> None:
    left = Place(
        "ppo-9999",
        went=True,
        beside=["sft-9999", "rm-0001"],
        styles={"sft-9999": 0, "rm-0001": 1},
        stretch=Stretch(seen=(5.0, 9.0)),
    )
    layout = Layout("oracle", charts=ChartsLayout(smoothing=0.75, kinds={"ppo": KindCharts("(")}))
    write_view(path, View(layout=layout, place=left))
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert chosen(pilot) == "ppo-0002"
        assert [*screen(pilot).others] == ["rm-0001"]
        charts = screen(pilot).charts
        assert charts.sought == ""
        assert charts.drawn_by.smoothing == 0.0
        assert charts.window.seen is None
        assert not notices(pilot)


async def test_a_damaged_file_is_told_and_the_standard_view_is_shown(
    anna: Open, until: Until, path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"version": 1, "layout": ')
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot) and notices(pilot))
        assert "How you left the dashboard is damaged" in notices(pilot)
        assert path.with_suffix(".aside").exists()
        await pilot.press("l")
    assert read_view(path)[0].layout.charts.log


async def test_a_disk_that_takes_nothing_is_told_once(
    anna: Open, until: Until, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[View] = []

    def full(path: Path, view: View) -> None:
        tried.append(view)
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(dashboard_view, "write_view", full)
    async with anna() as pilot:
        await until(pilot, lambda: tried and notices(pilot))
        assert "Read-only file system" in notices(pilot)
        for _ in range(2):
            count = len(tried)
            await pilot.press("l")
            await until(pilot, lambda count=count: len(tried) > count)
        assert drawn(pilot)
        assert len(pilot.app._notifications) == 1


async def test_idle_writes_nothing(
    anna: Open, until: Until, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[View] = []
    standing = DashboardScreen.standing

    def looked(self: DashboardScreen) -> View:
        looks.append(standing(self))
        return looks[-1]

    monkeypatch.setattr(dashboard_view, "LOOK_S", 0.0)
    monkeypatch.setattr(DashboardScreen, "standing", looked)
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot) and path.exists())
        before = path.stat()
        looks.clear()
        await until(pilot, lambda: len(looks) >= 4)
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        await pilot.press("s")
        await until(pilot, lambda: json.loads(path.read_text())["layout"].get("charts"))


async def test_two_programs_at_once_do_not_disturb_each_other(
    anna: Open, until: Until, path: Path
) -> None:
    async with anna() as one:
        await until(one, lambda: drawn(one))
        await one.press("l")
        async with anna() as other:
            await until(other, lambda: drawn(other))
            await other.press("s")
        assert read_view(path)[0].layout.charts.smoothing == 0.6
        await one.press("7")
    assert read_view(path)[0].layout == Layout("arguments", charts=ChartsLayout(log=True))


async def test_nothing_is_lost_by_a_person_who_sees_no_runs(
    anna: Open, until: Until, path: Path, link: FakeLink
) -> None:
    kept = View(place=Place("rm-0001", went=True, beside=["sft-0001"]))
    write_view(path, kept)
    infos, link.infos = link.infos, []
    async with anna() as pilot:
        await until(pilot, lambda: screen(pilot)._listed)
        await pilot.press("l")
    assert read_view(path)[0].place == kept.place
    link.infos = infos
    async with anna() as pilot:
        await until(pilot, lambda: chosen(pilot) == "rm-0001")


async def test_a_view_by_name_is_laid_over_the_runs_that_were_left(
    anna: Open, until: Until, path: Path
) -> None:
    SavedViews("anna").save("losses", Layout(charts=ChartsLayout(log=True)))
    write_view(path, View(layout=Layout("samples"), place=Place("rm-0001", went=True)))
    async with anna(view="losses") as pilot:
        await until(pilot, lambda: chosen(pilot) == "rm-0001" and drawn(pilot))
        assert screen(pilot).charts.drawn_by.log
        assert screen(pilot).view == 0
    async with anna(view="standard") as pilot:
        await until(pilot, lambda: chosen(pilot) == "ppo-0002" and drawn(pilot))
        assert not screen(pilot).charts.drawn_by.log


async def test_the_place_in_a_log_and_what_is_sought_come_back(
    anna: Open, until: Until, link: FakeLink
) -> None:
    log = Path(link.infos[0].directory) / "log.txt"
    log.write_text("".join(f"line {number}\n" for number in range(20_000)))

    def text(pilot: Pilot[int]) -> str:
        return "\n".join(screen(pilot).panes[5].text.splitlines()[:1])

    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("6", "slash", *"line 1234", "enter")
        # The newest that holds it, far above the end.
        await until(pilot, lambda: "11 of 11" in screen(pilot).tabs.text)
        await pilot.press("comma")
        await until(pilot, lambda: "10 of 11" in screen(pilot).tabs.text)
        await until(pilot, lambda: "line 12348" in screen(pilot).panes[5].text)
        seen = text(pilot)
    async with anna() as pilot:
        await until(pilot, lambda: text(pilot) == seen)
        await until(pilot, lambda: "11" in screen(pilot).tabs.text)
        assert screen(pilot).panes[5].sought == "line 1234"


async def test_what_is_sought_among_arguments_comes_back(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("7", "slash", *"kl_", "enter")
        await until(pilot, lambda: "only 'kl_'" in screen(pilot).tabs.text)
    async with anna() as pilot:
        await until(pilot, lambda: "kl_coef" in screen(pilot).panes[6].text)
        assert "batch_size" not in screen(pilot).panes[6].text
