"""What keys do to runs: over a real hub what they change, over a recorded one what is said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest
from helpers.ended import enter_run
from helpers.hubs import SERVER, TEST_SERVER, HubProcess, end_runs, ingest, tasks
from helpers.recorded import FakeLink
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import load_settings
from rlhf_tui.errors import Denied
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    DeleteRun,
    Done,
    EditRun,
    Launch,
    Launched,
    ListRuns,
    MoveRun,
    PromoteRun,
    Request,
    RunAnswer,
    RunInfo,
    SetPriority,
    ShowRun,
)
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_ask import Ask
from rlhf_tui.screens.dashboard_lines import Checked, LineAsk
from rlhf_tui.screens.theme import ASCII
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.run_list import RunList
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture
def start_hub(workspace: Workspace) -> Iterator[Callable[..., HubProcess]]:
    started: list[HubProcess] = []

    def start(program: tuple[str, ...] = SERVER) -> HubProcess:
        started.append(HubProcess(workspace, program=program))
        return started[-1].ready()

    yield start
    for hub in started:
        hub.kill()
    end_runs(workspace)


@asynccontextmanager
async def opened(workspace: Workspace, until: Until) -> AsyncIterator[Pilot[int]]:
    """The dashboard beside a real hub, at the smallest size."""

    def link(here: Workspace) -> AsyncHub:
        return AsyncHub(here, client="tui")

    app = RlhfApp(workspace, "dashboard", link, load_settings(workspace))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: rows(pilot) and not screen(pilot).source.only_shown)
        await until(pilot, lambda: not screen(pilot).source.note)
        yield pilot


def screen(pilot: Pilot[int]) -> DashboardScreen:
    return next(s for s in pilot.app.screen_stack if isinstance(s, DashboardScreen))


def rows(pilot: Pilot[int]) -> list[str]:
    """The list; empty before the dashboard is there."""
    found = [s for s in pilot.app.screen_stack if isinstance(s, DashboardScreen)]
    return [info.run_id for info in found[0].runs.infos] if found and found[0].is_mounted else []


def told(pilot: Pilot[int]) -> str:
    return "\n".join(n.message for n in pilot.app._notifications)


def info(workspace: Workspace, run_id: str) -> RunInfo:
    with HubClient(workspace) as client:
        return client.call(ShowRun(run_id), RunAnswer).run


def text_of(pilot: Pilot[int]) -> str:
    """The pane that is seen."""
    pane = screen(pilot).pane
    assert isinstance(pane, CanvasView)
    return pane.text


def asking(pilot: Pilot[int]) -> bool:
    return isinstance(pilot.app.screen, Ask | Checked)


async def test_words_on_a_run(
    workspace: Workspace, start_hub: Callable[..., HubProcess], until: Until
) -> None:
    enter_run(workspace, "sft-0001", title="first")
    start_hub()
    async with opened(workspace, until) as pilot:
        runs = screen(pilot).runs
        await pilot.press("e")
        await until(pilot, lambda: asking(pilot))
        assert pilot.app.screen.query_one(Input).value == "first"
        await pilot.press(*" try", "enter")
        await until(pilot, lambda: runs.chosen and runs.chosen.title == "first try")
        await pilot.press("m")
        await until(pilot, lambda: asking(pilot))
        await pilot.press(*"good", "ctrl+j", *"start", "enter")
        await until(pilot, lambda: runs.chosen and runs.chosen.note == "good\nstart")
        await pilot.press("g")
        await until(pilot, lambda: asking(pilot))
        await pilot.press(*"v1 v2", "enter")
        await until(pilot, lambda: runs.chosen and runs.chosen.tags == ["v1", "v2"])
        await pilot.press("g")
        await until(pilot, lambda: asking(pilot))
        assert pilot.app.screen.query_one(Input).value == "v1 v2 "
        await pilot.press("ctrl+u", *"v2 v3", "enter")
        await until(pilot, lambda: runs.chosen and runs.chosen.tags == ["v2", "v3"])
        assert "first try #v2" in runs.text
        await pilot.press("7")
        await until(pilot, lambda: "start" in text_of(pilot))
        shown = text_of(pilot)
        assert "said of it" in shown
        assert "v2 v3" in shown
        kept = info(workspace, "sft-0001")
        assert (kept.title, kept.note, kept.tags) == ("first try", "good\nstart", ["v2", "v3"])


async def test_putting_away_promoting_and_deleting(
    workspace: Workspace, start_hub: Callable[..., HubProcess], until: Until
) -> None:
    enter_run(workspace, "sft-0001", created_ms=1)
    enter_run(workspace, "dpo-0001", created_ms=2)
    enter_run(workspace, "ppo-0001", created_ms=3)
    start_hub()
    async with opened(workspace, until) as pilot:
        runs = screen(pilot).runs
        assert rows(pilot) == ["ppo-0001", "dpo-0001", "sft-0001"]
        await pilot.press("a")
        await until(pilot, lambda: rows(pilot) == ["dpo-0001", "sft-0001"])
        assert "A shows what is" in told(pilot)
        await pilot.press("A")
        await until(pilot, lambda: len(rows(pilot)) == 3)
        await pilot.press("k", "a")
        await until(pilot, lambda: runs.chosen and not runs.chosen.archived)
        await pilot.press("P")
        await until(pilot, lambda: runs.chosen and runs.chosen.current)
        await pilot.press("a", "D")
        await until(pilot, lambda: "it is not put away" in told(pilot))
        await until(pilot, lambda: asking(pilot))
        await pilot.press("y")
        await until(pilot, lambda: "is the workspace's current policy. To delete" in told(pilot))
        # A second P asks, and takes the promotion back on a y only.
        await pilot.press("P")
        await until(pilot, lambda: asking(pilot))
        await pilot.press("enter", "P")
        await until(pilot, lambda: asking(pilot))
        assert info(workspace, "ppo-0001").current
        await pilot.press("y")
        await until(pilot, lambda: runs.chosen and not runs.chosen.current)
        await pilot.press("D")
        await until(pilot, lambda: asking(pilot))
        await pilot.press("n")
        await until(pilot, lambda: not asking(pilot))
        assert (workspace.runs / "ppo-0001").exists()
        await pilot.press("D")
        await until(pilot, lambda: asking(pilot))
        await pilot.press("y")
        await until(pilot, lambda: rows(pilot) == ["dpo-0001", "sft-0001"])
        assert not (workspace.runs / "ppo-0001").exists()
        assert "ppo-0001 was deleted" not in told(pilot)
        # What somebody else deletes while one looks at it is said.
        assert runs.chosen is not None
        with HubClient(workspace) as client:
            client.call(DeleteRun("dpo-0001"), Done)
        screen(pilot).look_again()
        await until(pilot, lambda: "dpo-0001 was deleted." in told(pilot))
        assert rows(pilot) == ["sft-0001"]


async def test_the_queue(
    workspace: Workspace, start_hub: Callable[..., HubProcess], until: Until
) -> None:
    start_hub(program=TEST_SERVER)
    ingest(workspace, tasks(2))
    with HubClient(workspace) as client:
        for _ in range(4):
            client.call(Launch("generate", {"limit": 2, "device": "cpu"}), Launched)
    names = [f"generate-000{number}" for number in range(1, 5)]
    async with opened(workspace, until) as pilot:
        await until(pilot, lambda: rows(pilot) == names)
        await pilot.press("less_than_sign", "p")
        # The same sentence for both, which stands there once.
        await until(pilot, lambda: told(pilot).count("only a queued run has a turn") == 1)
        assert not asking(pilot)
        await pilot.press("j", "j", "j", "less_than_sign")
        await until(pilot, lambda: rows(pilot) == [names[0], names[1], names[3], names[2]])
        assert screen(pilot).runs.chosen.run_id == names[3]  # type: ignore[union-attr]
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: rows(pilot) == names)
        await pilot.press("p")
        await until(pilot, lambda: asking(pilot))
        await pilot.press("ctrl+u", *"9x", "enter")
        await pilot.pause()
        assert "whole number" in str(pilot.app.screen.query_one("#ask-hint").render())
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: rows(pilot) == [names[0], names[3], names[1], names[2]])


@pytest.mark.parametrize("key", ["e", "m", "g", "a", "P", "D", "x", "r"])
async def test_who_may_not_is_told_before_anything_is_asked(
    program: Open, until: Until, link: FakeLink, key: str
) -> None:
    assert link.welcome is not None
    link.welcome = msgspec.structs.replace(link.welcome, role="reviewer")
    async with program() as pilot:
        await until(pilot, lambda: rows(pilot))
        await pilot.press("j", "j", "j", key)
        await until(pilot, lambda: "Only the workspace's owner changes runs" in told(pilot))
        assert not asking(pilot)
        assert all(isinstance(request, ListRuns | ShowRun) for request in link.asked)


async def test_without_a_hub_and_when_it_refuses(
    program: Open, until: Until, link: FakeLink
) -> None:
    async with program() as pilot:
        await until(pilot, lambda: rows(pilot))
        link.refuse = Denied("Only the owner may do that.")
        await pilot.press("j", "j", "P")
        await until(pilot, lambda: "Only the owner may do that." in told(pilot))
        link.connected = False
        await pilot.press("P")
        await until(pilot, lambda: "The hub is away: runs are only shown." in told(pilot))


async def test_a_dialog_is_left_with_escape_and_takes_nothing_that_cannot_be(
    program: Open, until: Until, link: FakeLink
) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: rows(pilot))
        await pilot.press("g", *"ok -no", "enter")
        await pilot.pause()
        ask = pilot.app.screen
        assert isinstance(ask, LineAsk)
        assert "does not begin with '-'" in str(ask.hint.render())
        await pilot.press("escape")
        await until(pilot, lambda: not asking(pilot))
        await pilot.press("m", *"words", "escape")
        await until(pilot, lambda: not asking(pilot))
        await pilot.press("e", "enter")
        await until(pilot, lambda: not asking(pilot))
        assert not [r for r in link.asked if isinstance(r, EditRun | MoveRun | SetPriority)]
        # What is pasted into a note does not act on the terminal.
        await pilot.press("m")
        pilot.app.screen.query_one(TextArea).text = "a\x1b[2Jb"
        await until(pilot, lambda: "\x1b" not in pilot.app.screen.query_one(TextArea).text)


class Counting(RunList):
    made = 0

    def _run(self, info: RunInfo, width: int, chosen: bool) -> list[Row]:
        self.made += 1
        return super()._run(info, width, chosen)


def many(count: int) -> list[RunInfo]:
    return [
        RunInfo(f"sft-{n:04d}", "sft", "finished", f"run {n}", "/r", 1_763_630_000_000)
        for n in range(1, count + 1)
    ]


class ListApp(App[None]):
    def __init__(self, runs: RunList) -> None:
        super().__init__()
        self.runs = runs

    def compose(self):  # type: ignore[no-untyped-def]
        yield self.runs


@pytest.mark.usefixtures("frozen")
async def test_the_list_marks_runs_and_builds_only_what_is_seen() -> None:
    runs = Counting()
    infos = many(200)
    infos[0].tags, infos[0].current = ["good"], True
    infos[2].archived = True
    infos[1].title = "\x1b[2J evil"
    async with ListApp(runs).run_test(size=(40, 24)):
        runs.fill(infos)
        runs.made = 0
        runs.fill(infos)
        assert runs.made == 11
        runs.mark({"sft-0002": 1, "sft-0003": 2})
        lines = runs.text.splitlines()
        assert "★" in lines[0]
        assert "run 1 #good" in lines[1]
        assert "◆" in lines[2]
        assert "\x1b" not in lines[3]
        assert "▲" in lines[4]
        assert lines[5].strip().startswith("archived · run 3")


@pytest.mark.usefixtures("frozen")
async def test_the_list_is_read_in_ascii() -> None:
    runs = RunList(ASCII)
    infos = many(3)
    infos[0].current = True
    infos[0].title = "a title that is far too long for it"
    async with ListApp(runs).run_test(size=(26, 24)):
        runs.fill(infos)
        runs.mark({"sft-0002": 1, "sft-0003": 2})
        lines = runs.text.splitlines()
        assert all(character.isascii() for line in lines for character in line)
        assert [lines[0].split()[-1], lines[2].split()[-1], lines[4].split()[-1]] == ["*", "x", "+"]
        assert lines[1].rstrip().endswith("...")


def requests(link: FakeLink) -> list[Request]:
    return [request for request in link.asked if not isinstance(request, ListRuns | ShowRun)]


async def test_promotion_is_one_key(program: Open, until: Until, link: FakeLink) -> None:
    async with program() as pilot:
        await until(pilot, lambda: rows(pilot))
        await pilot.press("j", "j", "j", "P")
        await until(pilot, lambda: requests(link))
        assert requests(link) == [PromoteRun("sft-0001")]


async def test_a_kept_run_has_the_mark_of_its_curve(program: Open, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: rows(pilot))
        for keys in (("o",), ("j", "j", "j"), ("o",), ("k",)):
            await pilot.press(*keys)
            await pilot.pause()
        found = screen(pilot)
        await until(pilot, lambda: len(found.runs.kept) == 2)
        lines = found.runs.text.splitlines()
        styles = found.looks.of([found.followed, *found.others.values()])  # type: ignore[list-item]
        marks = ["━◆▲■●○"[style] for style in styles]
        assert len(set(marks)) == 3
        assert marks[1] in lines[0].split()
        assert marks[2] in lines[6].split()
        legends = "\n".join(chart.text for chart in found.charts.charts)
        assert f"{marks[2]} sft-0001" in legends
