"""The distributions pane: a map over the steps, and the bars of one."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from textual.pilot import Pilot

from rlhf_tui.screens.dashboard_distributions import DistributionsPane
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")


def bell(step: int, name: str, middle: float, width: float, unit: str = "") -> dict[str, Any]:
    """A bell around a middle, in 20 bins of four widths."""
    counts = [round(100 * math.exp(-(((place - 9.5) / 5) ** 2))) for place in range(20)]
    low, high = middle - 2 * width, middle + 2 * width
    return {"step": step, "name": name, "low": low, "high": high, "counts": counts, "unit": unit}


@pytest.fixture
def spread(workspace: Workspace, link: FakeLink) -> Path:
    directory = write_run(workspace.runs, "ppo-0007", steps=100, total=100, created=1.7636e9)
    rows = []
    for step in range(0, 101, 5):
        rows.append(bell(step, "reward", step / 25 + 0.25, 0.5))
        rows.append(bell(step, "response_length", 24 + step / 4, 6, "tokens"))
        rows.append(bell(step, "token_kl", step / 500, 0.05, "nats a token"))
    path = directory / "distributions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    link.infos[:] = [info_of(directory)]
    return path


def pane(pilot: Pilot[int]) -> DistributionsPane:
    found: DistributionsPane = pilot.app.screen.panes[2]  # type: ignore[attr-defined]
    return found


@pytest.mark.usefixtures("spread")
async def test_steps_and_distributions(program: Any, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "reward" in pane(pilot).text)
        assert pane(pilot).fitting == 1
        assert "▲ 100" in pane(pilot).text
        assert "mean 4.25 " in pane(pilot).text
        await pilot.press("left")
        assert "▲ 95" in pane(pilot).text
        assert "mean 4.05 " in pane(pilot).text
        assert "token_kl" not in pane(pilot).text
        await pilot.press("J", "J")
        assert "token_kl" in pane(pilot).text
        assert "reward" not in pane(pilot).text
        await pilot.press("N", "pageup", "pageup")
        assert "mean 0.25 " in pane(pilot).text
        await pilot.press("n", "left", "right")
        assert "▲ 100" in pane(pilot).text


async def test_it_follows_the_newest(spread: Path, program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "▲ 100" in pane(pilot).text)
        with spread.open("a") as file:
            file.write(json.dumps(bell(110, "reward", 9, 0.5)) + "\n")
        pilot.app.screen._settled.clear()  # type: ignore[attr-defined]
        await until(pilot, lambda: "▲ 110" in pane(pilot).text and "mean 9 " in pane(pilot).text)


async def test_what_is_broken_is_left_out(spread: Path, program: Any, until: Until) -> None:
    rows = ['{"step": 1, "name": "a\\u001b[2J", "low": 0, "high": 1, "counts": [1, 2]}']
    rows += ['{"step": 2, "name": "x", "low": 1, "high": 0, "counts": [1]}', "{", "[]"]
    spread.write_text("\n".join(rows) + "\n")
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "▲ 1" in pane(pilot).text)
        assert "\x1b" not in pane(pilot).text
        assert list(pane(pilot).found) == ["a\x1b[2J"]


async def test_none_yet(link: FakeLink, program: Any, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: "No distributions yet" in pane(pilot).text)
        await pilot.press("left", "right", "J", "pagedown")


@pytest.mark.usefixtures("frozen", "spread")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_pictures(size: tuple[int, int], program: Any, until: Until) -> None:
    async with program("dashboard", size) as pilot:
        await pilot.press("3", "left", "left")
        await until(pilot, lambda: "▲ 90" in pane(pilot).text)
        name = f"distributions-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)  # type: ignore[arg-type]
