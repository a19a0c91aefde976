"""The warnings pane: what it says of recorded runs, and the number on its tab."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of
from helpers.recordings import copy_into, recorded
from textual.pilot import Pilot

from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_warnings import WarningsPane, rows
from rlhf_tui.screens.theme import ASCII, UNICODE
from rlhf_tui.tracking.rules.judge import EVERY_S
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")


@pytest.fixture
def astray(workspace: Workspace, link: FakeLink) -> Path:
    """A recorded run that goes astray, then one that does not, and nothing else."""
    shutil.rmtree(workspace.runs)
    workspace.runs.mkdir()
    directories = [copy_into(workspace.runs, name) for name in ("ppo-kl", "ppo-good")]
    noon = 1_763_640_000_000
    link.infos[:] = [
        info_of(directory, created_ms=noon - hours * 3_600_000, ended_ms=noon - 100_000)
        for directory, hours in zip(directories, (1, 2), strict=True)
    ]
    return directories[0]


def screen(pilot: Pilot[int]) -> DashboardScreen:
    found = pilot.app.screen
    assert isinstance(found, DashboardScreen)
    return found


def pane(pilot: Pilot[int]) -> WarningsPane:
    return screen(pilot).query_one(WarningsPane)


def text(pilot: Pilot[int]) -> str:
    """What the pane shows; empty before it is there."""
    return "\n".join(found.text for found in screen(pilot).query(WarningsPane))


def flagged(pilot: Pilot[int]) -> int:
    """The number of its warnings."""
    return sum(found.flagged for found in screen(pilot).query(WarningsPane))


@pytest.mark.usefixtures("astray")
async def test_the_number_of_warnings_is_seen_from_every_pane(program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: flagged(pilot))
        count = flagged(pilot)
        for key in "12345678":
            await pilot.press(key)
            assert f"!{count} " in screen(pilot).tabs.text
        await pilot.press("1", "j")
        await until(pilot, lambda: "ppo-good" in screen(pilot).head.text)
        await until(pilot, lambda: "!" not in screen(pilot).tabs.text)
        await pilot.press("k")
        await until(pilot, lambda: f"!{count} " in screen(pilot).tabs.text)


@pytest.mark.usefixtures("astray")
async def test_a_finding_says_what_it_saw_what_it_means_and_what_to_change(
    program: Any, until: Until
) -> None:
    async with program("dashboard", (200, 60)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "CRITICAL" in text(pilot))
        told = text(pilot)
        assert told.index("CRITICAL") < told.index("WARNING")
        head = next(line for line in told.splitlines() if "CRITICAL" in line)
        assert "!! CRITICAL  The KL to the reference runs away" in head
        assert "kl-runaway · since step " in head
        assert "nats a response at step 40, above 20 nats" in told
        assert "What it means: " in told
        assert "What to change:" in told
        assert "· adaptive_kl = true" in told
        await pilot.press("j")
        await until(pilot, lambda: "Nothing looks wrong." in text(pilot))
        assert "rules look at a run of this kind (PPO)" in text(pilot)
        assert "the entropy collapses" in text(pilot)


@pytest.mark.usefixtures("astray")
async def test_it_scrolls_and_stays_where_it_was(program: Any, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "CRITICAL" in text(pilot))
        assert all(len(line) <= 54 for line in text(pilot).splitlines())
        await pilot.press("pagedown")
        await until(pilot, lambda: "CRITICAL" not in text(pilot))
        top = pane(pilot).top
        pane(pilot).relayout()
        assert pane(pilot).top == top
        await pilot.press("j", "k")
        await until(pilot, lambda: "CRITICAL" in text(pilot))


async def test_a_run_that_goes_on_is_judged_again(
    astray: Path, program: Any, link: FakeLink, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.tracking.rules.judge.EVERY_S", 0.0)
    monkeypatch.setattr("rlhf_tui.tracking.rules.judge.MOST_SHARE", 1.0)
    lines = (astray / "metrics.jsonl").read_text().splitlines(keepends=True)
    (astray / "metrics.jsonl").write_text("".join(lines[:3]))
    (astray / "samples.jsonl").unlink()
    link.infos[:] = [info_of(astray, "running")]
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "Nothing looks wrong." in text(pilot))
        with (astray / "metrics.jsonl").open("a") as file:
            file.write("".join(lines[3:]))
        await until(pilot, lambda: "kl-runaway" in text(pilot))
        assert flagged(pilot)


async def test_what_is_over_is_told_in_one_line_and_counts_no_more() -> None:
    run = recorded("ppo-kl")
    found = [f for f in run.findings() if not f.holds]
    assert found
    told = [
        "".join(text for text, _ in row) for row in rows(info_of(run.directory), found, 90, UNICODE)
    ]
    assert told[0].startswith(f"{len(found)} over. ")
    assert any(line.startswith("-  OVER  ") for line in told)
    assert not any("What to change" in line for line in told)


async def test_without_a_run_and_in_ascii() -> None:
    assert rows(None, [], 50, UNICODE) == [[("No run chosen.", "dim")]]
    assert rows(info_of(recorded("ppo-kl").directory), None, 50, UNICODE) == [
        [("Looking at its figures.", "dim")]
    ]
    run = recorded("ppo-kl")
    for found in (run.findings(), []):
        for width in (20, 54, 100):
            laid = rows(info_of(run.directory), found, width, ASCII)
            lines = ["".join(text for text, _ in row) for row in laid]
            assert all(line.isascii() and len(line) <= width for line in lines)


def test_looking_is_rare_enough_for_a_screen() -> None:
    assert EVERY_S >= 2


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.usefixtures("astray", "frozen")
async def test_pictures(program: Any, until: Until, size: tuple[int, int]) -> None:
    async with program("dashboard", size) as pilot:
        await pilot.press("4")
        await until(pilot, lambda: "CRITICAL" in text(pilot) and "!" in screen(pilot).tabs.text)
        kept = PICTURES / f"warnings-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, kept)  # type: ignore[arg-type]
