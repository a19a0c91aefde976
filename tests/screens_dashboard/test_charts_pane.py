"""The charts pane as people use it: search, comparison, axes, zoom and crosshair."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_charts import ChartsPane
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any


def screen(pilot: Pilot[int]) -> DashboardScreen:
    found = pilot.app.screen
    assert isinstance(found, DashboardScreen)
    return found


def pane(pilot: Pilot[int]) -> ChartsPane:
    return screen(pilot).charts


def shown(pilot: Pilot[int]) -> str:
    return "\n".join(chart.text for chart in pane(pilot).charts if chart.display)


def drawn(pilot: Pilot[int]) -> bool:
    return any(0x2800 < ord(c) < 0x2900 for c in shown(pilot))


def titles(pilot: Pilot[int]) -> list[str]:
    return [drawing.title for drawing in pane(pilot).drawings]


def notes(pilot: Pilot[int]) -> str:
    return screen(pilot).tabs.text


def write(directory: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / "metrics.jsonl").write_text(text)


@pytest.fixture
def two(workspace: Workspace, link: FakeLink) -> list[RunInfo]:
    """Two short runs: a step of the second takes twice the time; only the first tells tokens."""
    infos = []
    for number, seconds in ((1, 10.0), (2, 20.0)):
        directory = write_run(
            workspace.runs,
            f"sft-010{number}",
            kind="sft",
            steps=1,
            title=f"try {number}",
            created=NOW - number,
        )
        rows = [
            {"step": step, "time": 1.7e9 + step * seconds, "loss": 10.0 * number + step / 100}
            for step in range(101)
        ]
        for row in rows:
            if number == 1:
                row |= {"num_tokens": row["step"] * 1000, "grad_norm": 0.5}
            else:
                row |= {"entropy": 1.25}
        write(directory, rows)
        infos.append(info_of(directory))
    link.infos[:] = infos
    return infos


async def test_a_search_shows_what_matches_and_is_kept_for_the_kind(
    program: Open, until: Until
) -> None:
    async with program("dashboard:sft-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        charts = pane(pilot)
        assert charts.find("loss") == ""
        assert titles(pilot) == ["loss"]
        assert charts.notes()[0].startswith("2 of 7 match loss")
        assert charts.find("^(grad|learn)") == ""
        assert titles(pilot) == ["grad_norm", "learning_rate"]
        assert "None of 7 metrics matches 'zebra'" in charts.find("zebra")
        assert "character 5" in charts.find("loss(")
        assert charts.sought == "^(grad|learn)"
        await pilot.press("k")
        await until(pilot, lambda: "margin" in shown(pilot))
        assert charts.sought == ""
        await pilot.press("j")
        await until(pilot, lambda: "grad_norm" in shown(pilot))
        assert titles(pilot) == ["grad_norm", "learning_rate"]
        assert charts.find("") == ""
        assert titles(pilot)[0] == "loss"
        assert "match" not in charts.notes()[0]


async def test_a_search_is_asked_with_a_key(program: Open, until: Until) -> None:
    async with program("dashboard:sft-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("slash", *"acc", "enter")
        await until(pilot, lambda: titles(pilot) == ["mean_token_accuracy"])
        assert "1 of 7 match acc" in notes(pilot)
        await pilot.press("slash", "x", "left_square_bracket", "enter")
        await until(pilot, lambda: pilot.app._notifications)
        assert any("cannot be read" in n.message for n in pilot.app._notifications)


@pytest.mark.usefixtures("two")
async def test_runs_side_by_side(program: Open, until: Until) -> None:
    async with program("dashboard:sft-0101", (120, 30)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("o", "j")
        await until(pilot, lambda: len(pane(pilot).drawings[0].curves) == 2)
        loss = pane(pilot).drawings[0]
        assert [curve.label for curve in loss.curves] == ["sft-0102", "sft-0101"]
        # The one that is kept keeps its colour and mark.
        assert [curve.style for curve in loss.curves] == [1, 0]
        assert "◆ sft-0102 21" in shown(pilot)
        assert "━ sft-0101 11" in shown(pilot)
        # Metrics that only one of them has.
        found = {d.title: [curve.label for curve in d.curves] for d in pane(pilot).drawings}
        assert found["entropy"] == ["sft-0102"]
        assert found["grad_norm"] == ["sft-0101"]
        await pilot.press("k", "o")
        await until(pilot, lambda: len(pane(pilot).drawings[0].curves) == 1)
        assert pane(pilot).drawings[0].curves[0].style == 0


@pytest.mark.usefixtures("two")
async def test_keys_that_come_together_keep_the_run_that_was_gone_to(
    program: Open, until: Until
) -> None:
    async with program("dashboard:sft-0101", (120, 30)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        screen(pilot).action_choose(1)
        screen(pilot).action_overlay()
        screen(pilot).action_choose(-1)
        await until(pilot, lambda: len(pane(pilot).drawings[0].curves) == 2)
        assert [*screen(pilot).others] == ["sft-0102"]
        labels = [curve.label for curve in pane(pilot).drawings[0].curves]
        assert labels == ["sft-0101", "sft-0102"]


async def test_runs_of_different_kinds(program: Open, until: Until) -> None:
    async with program("dashboard:rm-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("o", "j", "o", "k", "k", "k")
        await until(pilot, lambda: len(titles(pilot)) > 10 and "ppo-0002" in shown(pilot))
        found = {d.title: {c.label for c in d.curves} for d in pane(pilot).drawings}
        assert found["loss"] == {"rm-0001", "sft-0001"}
        assert found["objective/kl"] == {"ppo-0002"}
        # One curve of both names: lr and learning_rate.
        assert found["lr"] == {"ppo-0002", "rm-0001", "sft-0001"}
        assert "learning_rate" not in found


async def test_more_runs_than_colours_differ_by_mark(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    link.infos[:] = [
        info_of(write_run(workspace.runs, f"sft-010{n}", kind="sft", steps=40, created=NOW - n))
        for n in range(6)
    ]
    async with program("dashboard:sft-0100", (200, 60)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press(*["o", "j"] * 5)
        await until(pilot, lambda: len(pane(pilot).drawings[0].curves) == 6)
        assert sorted(curve.style for curve in pane(pilot).drawings[0].curves) == list(range(6))
        first = pane(pilot).charts[0].text
        for n, mark in enumerate("━◆▲■●○"):
            assert f"{mark} sft-010{n}" in first


@pytest.mark.usefixtures("two")
async def test_every_run_has_its_own_clock(program: Open, until: Until) -> None:
    async with program("dashboard:sft-0101") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("o", "j", "t")
        await until(pilot, lambda: "time" in shown(pilot))
        assert "30m" in shown(pilot)
        assert pane(pilot).whole == (0.0, 2000.0)
        assert [curve.extent() for curve in pane(pilot).drawings[0].curves] == [
            (0.0, 2000.0),
            (0.0, 1000.0),
        ]
        await pilot.press("t")
        await until(pilot, lambda: "tokens" in shown(pilot))
        # The other tells of none: it has no place on this axis.
        assert [curve.label for curve in pane(pilot).drawings[0].curves] == ["sft-0101"]
        assert "50k" in shown(pilot)
        await pilot.press("t")
        await until(pilot, lambda: "step" in shown(pilot))
        await pilot.press("t", "t", "o")
        assert pane(pilot).drawn_by.axis == "tokens"


@pytest.mark.usefixtures("two")
async def test_zoom_and_pan(program: Open, until: Until) -> None:
    async with program("dashboard:sft-0101") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("+")
        assert pane(pilot).window.seen == (50.0, 100.0)
        assert "step 50-100" in notes(pilot)
        first = pane(pilot).charts[0]
        assert "10.4" in first.text
        assert "10.0" not in first.text
        await pilot.press("[")
        assert pane(pilot).window.seen == (37.5, 87.5)
        await pilot.press("t")
        assert pane(pilot).window.seen == (375.0, 875.0)
        await pilot.press("t", "t")
        assert pane(pilot).window.seen == (37.5, 87.5)
        await pilot.press("]", "minus")
        assert pane(pilot).window.seen is None
        await pilot.press("+", "+", "0")
        assert pane(pilot).window.seen is None


async def test_a_window_goes_along_to_runs_that_have_it(program: Open, until: Until) -> None:
    async with program("dashboard:rm-0001") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("+")
        seen = pane(pilot).window.seen
        assert seen == (60.5, 120.0)
        await pilot.press("j")
        await until(pilot, lambda: "mean_token_accuracy" in shown(pilot) and drawn(pilot))
        assert pane(pilot).window.seen == seen
        await pilot.press("0", "+", "+")
        await until(pilot, lambda: pane(pilot).window.seen == (225.25, 300.0))
        await pilot.press("j")
        await until(pilot, lambda: "objective/scores" in shown(pilot) and drawn(pilot))
        await until(pilot, lambda: pane(pilot).window.seen is None)


@pytest.mark.usefixtures("two")
async def test_the_crosshair_tells_values(program: Open, until: Until) -> None:
    async with program("dashboard:sft-0101") as pilot:
        await until(pilot, lambda: drawn(pilot))
        pages = pane(pilot).page_number
        await pilot.press("c")
        assert "at step 100" in notes(pilot)
        for _ in range(5):
            await pilot.press("left")
        await pilot.press("N", "shift+right")
        cross = pane(pilot).window.cross
        assert cross is not None
        assert 80 <= cross < 100
        assert pane(pilot).page_number == pages
        assert f"{10 + cross / 100:g}" in pane(pilot).charts[0].text.splitlines()[0]
        await pilot.press("t")
        assert f"at {int(cross * 10) // 60}m" in notes(pilot)
        await pilot.press("c")
        assert "at " not in notes(pilot)
        assert pane(pilot).window.cross is None


@pytest.mark.usefixtures("two")
async def test_the_crosshair_repaints_few_cells(
    program: Open, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with program("dashboard:sft-0101") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("c", "left")
        chart = pane(pilot).charts[0]
        cells: list[int] = []
        monkeypatch.setattr(
            chart, "refresh", lambda *regions, **_: cells.extend(one.area for one in regions)
        )
        await pilot.press("left")
        assert cells
        # The line's old and new place, and the value over it.
        assert sum(cells) < 4 * chart.size.height + 20


async def test_a_live_run_that_is_zoomed_follows_its_end(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, "sft-0009", kind="sft", state="running", steps=100)
    link.infos[:] = [info_of(directory, "running")]
    async with program("dashboard:sft-0009") as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("+", "+")
        before = pane(pilot).window.seen
        assert before is not None
        with (directory / "metrics.jsonl").open("a") as file:
            file.writelines(
                json.dumps({"step": step, "loss": 1.0, "time": 1.7e9 + step}) + "\n"
                for step in range(101, 131)
            )
        await until(pilot, lambda: pane(pilot).window.seen != before)
        seen = pane(pilot).window.seen
        assert seen is not None
        assert seen[0] < 130 <= seen[1]
        assert seen[1] - seen[0] == pytest.approx(before[1] - before[0])


async def test_human_agreement_and_the_target_of_the_kl_are_lines(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    rm = write_run(workspace.runs, "rm-0009", kind="rm", steps=20, created=NOW)
    with (rm / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "human_agreement": 0.78}\n')
    ppo = write_run(
        workspace.runs,
        "ppo-0009",
        steps=20,
        created=NOW - 9,
        arguments={"adaptive_kl": True, "target_kl": 3.5},
    )
    link.infos[:] = [info_of(rm), info_of(ppo, arguments=None)]
    async with program("dashboard:rm-0009") as pilot:
        await until(pilot, lambda: "human agreement 0.78" in shown(pilot))
        assert "human_agreement" not in titles(pilot)
        await pilot.press("j")
        await until(pilot, lambda: "target 3.5" in shown(pilot))


async def test_one_chart_tells_its_extremes(program: Open, until: Until) -> None:
    async with program("dashboard:rm-0001", (80, 24)) as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert pane(pilot).find("reward$") == ""
        await pilot.press("f")
        await until(pilot, lambda: "min" in pane(pilot).charts[0].text)
        rows = pane(pilot).charts[0].text.splitlines()
        assert [row.split()[:2] for row in rows[1:4]] == [
            ["━", "mean"],
            ["◆", "min"],
            ["▲", "max"],
        ]
        assert all("last" in row and "max " in row for row in rows[1:4])


async def test_names_from_files_cannot_act_on_the_terminal(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    evil = "lo\x1b]52;c;aGk=\x07ss[@click=app.quit]\u202e漢" + "x" * 300
    directory = write_run(workspace.runs, "sft-0009", kind="sft", steps=1)
    write(directory, [{"step": step, evil: step} for step in range(30)])
    link.infos[:] = [info_of(directory, title=evil)]
    async with program("dashboard:sft-0009") as pilot:
        await until(pilot, lambda: drawn(pilot))
        assert not {c for c in shown(pilot) if ord(c) < 32 and c != "\n"}
        assert "\u202e" not in shown(pilot)
        assert "[@click=app.quit]?" in shown(pilot)
        await pilot.press("o", "f", "c", "+", "]", "t", "l", "s", "n")
        assert not {c for c in shown(pilot) if ord(c) < 32 and c != "\n"}


async def test_keys_without_any_values(
    workspace: Workspace, program: Open, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, "sft-0009", kind="sft", state="queued")
    link.infos[:] = [info_of(directory, "queued")]
    async with program("dashboard:sft-0009") as pilot:
        await until(pilot, lambda: "no values yet" in shown(pilot))
        await pilot.press(
            *[
                "c",
                "+",
                "minus",
                "0",
                "]",
                "left_square_bracket",
                "t",
                "left",
                "right",
                "n",
                "N",
                "o",
                "full_stop",
            ]
        )
        assert "no values yet" in shown(pilot)
