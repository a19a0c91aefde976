"""The dashboard as people use it: keys pressed, rows read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.recorded import FakeLink, info_of, write_run
from textual.pilot import Pilot

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import Denied
from rlhf_tui.evaluation.model_report import Evaluation, Pairs
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.hub.messages import Ingest, Request, ResumeRun, RunInfo, StopRun
from rlhf_tui.runs.layout import EVALUATION, write_atomic
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.widgets.canvas_view import CanvasView
from rlhf_tui.screens.widgets.chart import Chart
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any
SIZES = [(80, 24), (120, 30), (200, 60)]


def screen(pilot: Pilot[int]) -> DashboardScreen:
    found = pilot.app.screen
    assert isinstance(found, DashboardScreen)
    return found


def charts(pilot: Pilot[int]) -> list[Chart]:
    return [chart for chart in screen(pilot).charts.charts if chart.display]


def drawn(pilot: Pilot[int]) -> bool:
    """Whether the first chart shows a curve."""
    visible = charts(pilot)
    return bool(visible) and any(0x2800 < ord(c) < 0x2900 for c in visible[0].text)


def text(pilot: Pilot[int]) -> str:
    return "\n".join(view.text for view in screen(pilot).query(CanvasView) if view.display)


@pytest.mark.parametrize("size", SIZES)
async def test_opens_on_runs_and_curves(program: Open, until: Until, size: tuple[int, int]) -> None:
    async with program("dashboard", size) as pilot:
        await until(pilot, lambda: drawn(pilot))
        shown = text(pilot)
        assert "ppo-0002" in shown
        assert "83/150" in shown
        assert "● running" in shown
        assert "#1 next" in shown
        assert "objective/scores" in shown
        expected = {(80, 24): 2, (120, 30): 4, (200, 60): 12}[size]
        assert len(charts(pilot)) == expected
        for chart in charts(pilot):
            assert chart.region.right <= size[0]
            assert chart.region.bottom <= size[1] - 1


async def test_opens_on_the_named_run(program: Open, until: Until) -> None:
    async with program("dashboard:rm-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert screen(pilot).runs.chosen.run_id == "rm-0001"
        assert "accuracy" in text(pilot)
        assert "reward" in text(pilot)


async def test_a_run_that_is_not_there_is_said(program: Open, until: Until) -> None:
    async with program("dashboard:ppo-0099") as pilot:
        await until(pilot, lambda: pilot.app._notifications)
        assert any("ppo-0099" in n.message for n in pilot.app._notifications)


async def test_choosing_runs_and_reading_why_one_failed(program: Open, until: Until) -> None:
    async with program() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("j", "j", "down", "down")
        await until(pilot, lambda: "ran out of memory" in text(pilot))
        assert "✗ failed" in text(pilot)
        await pilot.press("k", "up", "k", "k", "k", "k")
        assert screen(pilot).runs.index == 0


async def test_the_panes(program: Open, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("6")
        await until(pilot, lambda: "step 83: saved" in text(pilot))
        await pilot.press("pageup")
        assert "step 83: saved" not in text(pilot)
        await pilot.press("2")
        assert "quiet marvel" in text(pilot)
        assert "reward" in text(pilot)
        await pilot.press("7")
        await until(pilot, lambda: "kl_coef" in text(pilot))
        assert f"default {PPOOptions().kl_coef}" in text(pilot)
        await pilot.press("tab", "tab")
        assert "objective/scores" in text(pilot)
        await pilot.press("shift+tab", "shift+tab")
        assert "kl_coef" in text(pilot)


async def test_what_was_measured_stands_over_the_arguments(
    workspace: Workspace, program: Open, until: Until
) -> None:
    accuracy = Figure("accuracy", 0.8125, 0.79, 0.84, 1200, "Equal scores are half right.")
    found = Evaluation("rm", "validation", 1200, preference=Pairs(1200, 400, accuracy))
    write_atomic(workspace.runs / "rm-0001" / EVALUATION, found)
    async with program("dashboard:rm-0001", (80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("7")
        await until(pilot, lambda: "Measured on 1,200 rows of the validation split" in text(pilot))
        assert "0.8125" in text(pilot)
        assert "Equal scores are half right." in text(pilot)
        await pilot.press("j")
        await until(pilot, lambda: "Measured on" not in text(pilot) and "device" in text(pilot))


async def test_chart_keys(program: Open, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        pages = screen(pilot).charts.pages
        assert pages > 4
        seen = {charts(pilot)[0].name_shown}
        for _ in range(pages - 1):
            await pilot.press("n")
            seen.add(charts(pilot)[0].name_shown)
        assert len(seen) == pages
        await pilot.press("n")
        assert charts(pilot)[0].name_shown == "objective/scores"
        await pilot.press("N")
        assert f" {pages}/{pages}" in screen(pilot).tabs.text
        await pilot.press("n", "l")
        assert screen(pilot).tabs.text.endswith(" log")
        await pilot.press("l", "s", "s")
        assert screen(pilot).tabs.text.endswith("0.9")
        assert "~" in charts(pilot)[0].text.splitlines()[0]
        await pilot.press("f")
        await until(pilot, lambda: len(charts(pilot)) == 1 and charts(pilot)[0].size.height > 15)
        await pilot.press("n")
        assert charts(pilot)[0].name_shown == "objective/kl"
        await pilot.press("f")
        assert len(charts(pilot)) == 2


async def test_stop_asks_first(program: Open, link: FakeLink, until: Until) -> None:
    async with program() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("n")
        await pilot.pause()
        assert not any(isinstance(request, StopRun) for request in link.asked)
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("y")
        await until(pilot, lambda: StopRun("ppo-0002") in link.asked)


async def test_resume(program: Open, link: FakeLink, until: Until) -> None:
    async with program("dashboard:ppo-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("r")
        await until(pilot, lambda: ResumeRun("ppo-0001") in link.asked)
        link.refuse = Denied("Only the owner may resume runs.")
        await pilot.press("r")
        await until(
            pilot, lambda: any("Only the owner" in n.message for n in pilot.app._notifications)
        )


async def test_without_a_hub_the_directories_are_read(
    program: Open, link: FakeLink, until: Until
) -> None:
    link.connected = False
    async with program() as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert "rm-0001" in text(pilot)
        assert "hub is away" in screen(pilot).source.note
        assert "hub away" in str(screen(pilot).status.saved.render())
        link.connected = True
        screen(pilot).post_message(HubChanged("connected"))
        await until(pilot, lambda: not screen(pilot).source.note)


async def test_a_live_run_is_followed(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, "sft-0009", kind="sft", state="running", steps=1)
    link.infos = [info_of(directory, "running")]
    async with program("dashboard:sft-0009") as pilot:
        await until(pilot, lambda: "●" in charts(pilot)[0].text)
        with (directory / "metrics.jsonl").open("a") as file:
            file.write('{"step": 2, "loss": 17.25}\n{"step": 3, "lo')
            file.flush()
            await until(pilot, lambda: "17.25" in charts(pilot)[0].text)
            file.write('ss": 18.25}\n')
            file.flush()
            await until(pilot, lambda: "18.25" in charts(pilot)[0].text)


async def test_bad_files_leave_the_dashboard_standing(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, "sft-0009", kind="sft", state="running", steps=20)
    link.infos = [info_of(directory, "running")]
    metrics = directory / "metrics.jsonl"
    async with program("dashboard:sft-0009") as pilot:
        await until(pilot, lambda: drawn(pilot))
        rows = [
            {"step": 21, "loss": "diverged", "note": "text"},
            {"step": "22", "loss": 1.0},
            {"step": 23, "loss": None, "grad_norm": True},
            {"step": 24, "loss": 42.5},
        ]
        with metrics.open("a") as file:
            file.write("not json\n[1]\n" + "".join(json.dumps(row) + "\n" for row in rows))
        await until(pilot, lambda: "42.5" in charts(pilot)[0].text)
        metrics.write_text('{"step": 1, "loss": 7.75}\n')
        await until(pilot, lambda: "7.75" in charts(pilot)[0].text)
        shutil.rmtree(directory)
        screen(pilot).look_again()
        await until(pilot, lambda: "is gone" in text(pilot))
        await pilot.press("2", "3", "4", "1")


async def test_model_text_cannot_act_on_the_terminal(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, "ppo-0009", state="finished", steps=2)
    evil = "a\x1b]52;c;aGk=\x07b\x1b[2J [@click=app.quit]x[/] \u202egnp"
    with (directory / "samples.jsonl").open("w") as file:
        file.write(json.dumps({"step": 1, "prompt": evil, "completion": [{"content": evil}]}))
        file.write("\n")
    (directory / "log.txt").write_text(f"{evil}\n 10%\r 90%\r100%\n")
    link.infos = [info_of(directory, title=evil, message=evil)]
    async with program("dashboard:ppo-0009") as pilot:
        await until(pilot, lambda: drawn(pilot))
        for key in "2345678":
            await pilot.press(key)
            await pilot.pause(0.05)
            assert not {c for c in text(pilot) if ord(c) < 32 and c != "\n"}
            assert "\u202e" not in text(pilot)
        await pilot.press("2")
        assert "control characters removed" in text(pilot)
        assert "[@click=app.quit]" in text(pilot)
        await pilot.press("6")
        assert "100%" in text(pilot)
        assert "90%" not in text(pilot)


async def test_a_lost_heartbeat_is_said(
    infos: list[RunInfo], program: Open, link: FakeLink, until: Until
) -> None:
    link.infos = [msgspec.structs.replace(infos[0], lost=True)]
    async with program() as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert "! lost" in text(pilot)
        assert "No sign of life" in text(pilot)


async def test_no_runs(program: Open, link: FakeLink, until: Until, workspace: Workspace) -> None:
    link.infos = []
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: "no runs yet" in text(pilot))
        await pilot.press("j", "k", "x", "r", "n", "f", "s", "l", "2", "3", "4", "1", "pagedown")


@pytest.mark.parametrize("size", [(40, 10), (60, 20), *SIZES])
async def test_an_annotator_is_told_that_runs_are_not_shown(
    program: Open, link: FakeLink, until: Until, size: tuple[int, int]
) -> None:
    """And not what lies in their directories, though these can be read here."""

    async def refused(request: Request, _answer: type[Any]) -> Any:
        raise Denied(f"{type(request).__name__} is for reviewers.")

    link.call = refused  # type: ignore[method-assign]
    async with program("dashboard:ppo-0002", size) as pilot:
        await until(pilot, lambda: "Runs are shown to reviewers and the" in text(pilot))
        assert "home screen tells how many are" in text(pilot)
        assert "ppo-0002" not in text(pilot)
        assert "no runs yet" not in text(pilot)
        assert not pilot.app._notifications
        await pilot.press("j", "k", "x", "r", "n", "f", "s", "l", "2", "3", "4", "1", "pagedown")
        assert "ppo-0002" not in text(pilot)


async def test_narrow_terminals_show_the_run_alone(program: Open, until: Until) -> None:
    async with program("dashboard", (60, 20)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert not screen(pilot).runs.display
        await pilot.press("j", "j")
        await until(pilot, lambda: "rm-0001" in screen(pilot).head.text)


async def test_other_metrics_are_on_later_pages(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, "sft-0009", kind="sft", steps=5)
    with (directory / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "my_metric": 3, "eval_my_metric": 4}\n')
    link.infos = [info_of(directory)]
    async with program("dashboard:sft-0009") as pilot:
        await until(pilot, lambda: drawn(pilot))
        panels = {panel.title: panel.metrics for panel in screen(pilot).charts.panels}
        assert panels["my_metric"] == ("my_metric", "eval_my_metric")
        assert next(iter(panels)) == "loss"


def test_a_run_without_a_supervisor_is_read_as_failed(workspace: Workspace) -> None:
    from rlhf_tui.screens.dashboard_directories import read_runs

    write_run(workspace.runs, "ppo-0001", state="running", steps=3)
    (workspace.runs / "junk").mkdir()
    (workspace.runs / "broken").mkdir()
    (workspace.runs / "broken" / "args.json").write_text("{")
    assert [info.run_id for info in read_runs(workspace.runs)] == ["ppo-0001"]
    assert read_runs(Path("/nonexistent")) == []


@pytest.mark.parametrize("start", ["dashboard", "launch:ppo", "launch:sft"])
async def test_terminals_without_utf8_get_ascii_alone(
    workspace: Workspace, program: Open, until: Until, start: str
) -> None:
    workspace.config.write_text('[display]\nascii = "yes"\n')
    async with program(start, (80, 24)) as pilot:

        def everything() -> str:
            return "\n".join(view.text for view in pilot.app.screen.query(CanvasView))

        wanted = "objective/scores" if start == "dashboard" else "$ rlhf-tui"
        await until(pilot, lambda: wanted in everything())
        for key in ("l", "s", "3", "4") if start == "dashboard" else ("a", *["j"] * 30):
            await pilot.press(key)
            assert everything().isascii()


async def test_keys_of_one_pane_do_nothing_unseen(
    program: Open, link: FakeLink, until: Until
) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("6", "l", "s", "c", "enter")
        look = screen(pilot).charts.drawn_by
        assert (look.log, look.smoothing) == (False, 0.0)
        assert not any(isinstance(request, Ingest) for request in link.asked)
        await pilot.press("1", "l")
        assert screen(pilot).charts.drawn_by.log


async def test_the_list_can_be_hidden(program: Open, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        before = charts(pilot)[0].size.width
        await pilot.press("h")
        await until(pilot, lambda: charts(pilot)[0].size.width > before + 20)
        await pilot.press("j")
        await until(pilot, lambda: "sft-0002" in screen(pilot).head.text)
        await pilot.press("h")
        await until(pilot, lambda: charts(pilot)[0].size.width == before)
