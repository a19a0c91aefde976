"""Pictures of the screens, compared with the ones that were looked at and kept.

After a wanted change: UPDATE_PICTURES=1 pytest tests/screens_dashboard/test_pictures.py,
then look at the SVG files in tests/screens_dashboard/pictures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.runs.layout import RunKind
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")
NEW = os.environ.get("UPDATE_PICTURES") == "1"
SHOTS: list[tuple[str, str, tuple[int, int], str, str]] = [
    ("dashboard-80x24", "dashboard", (80, 24), "", "objective/scores"),
    ("dashboard-120x30", "dashboard:sft-0001", (120, 30), "", "grad_norm"),
    ("dashboard-200x60-smooth", "dashboard", (200, 60), "s s", "smooth 0.9"),
    ("dashboard-120x30-log", "dashboard:rm-0001", (120, 30), "l", "log y"),
    ("dashboard-80x24-full", "dashboard", (80, 24), "f", " 1/1"),
    ("dashboard-failed", "dashboard:ppo-0001", (120, 30), "2", "step 40: saved"),
    ("dashboard-samples", "dashboard", (80, 24), "3", "quiet marvel"),
    ("launch-ppo-80x24", "launch:ppo", (80, 24), "j j right", "$ rlhf-tui train ppo"),
    ("launch-dpo-80x24", "launch:dpo", (80, 24), "right", "--recipe tiny-cpu"),
    ("launch-grpo-200x60", "launch:grpo", (200, 60), "a", "$ rlhf-tui train grpo"),
    ("launch-generate-120x30", "launch:generate", (120, 30), "a", "$ rlhf-tui generate"),
]


def steady(svg: str) -> str:
    """The picture without what differs between two that look the same."""
    return re.sub(r"terminal-\d+", "terminal", svg)


def words(svg: str) -> str:
    return re.sub(r"<[^>]+>", "", svg).replace("&#160;", " ")


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("name", "start", "size", "keys", "shows"), SHOTS)
async def test_picture(
    name: str,
    start: str,
    size: tuple[int, int],
    keys: str,
    shows: str,
    program: Any,
    link: FakeLink,
    until: Until,
) -> None:
    async with program(start, size) as pilot:
        await until(pilot, lambda: "$ rlhf-tui" in shown(pilot) or drawn(pilot))
        await pilot.press(*keys.split())
        await until(pilot, lambda: shows in shown(pilot))
        await pilot.pause(0.1)
        compare(name, steady(pilot.app.export_screenshot(simplify=True)))


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("kind", "shows"), [("dpo", "rewards/accuracies"), ("grpo", "reward_std")])
async def test_curves_of_a_kind(
    kind: RunKind, shows: str, workspace: Workspace, program: Any, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, f"{kind}-0001", kind=kind, created=NOW - 900)
    link.infos[:] = [info_of(directory)]
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: drawn(pilot) and shows in shown(pilot))
        await pilot.pause(0.1)
        compare(f"dashboard-{kind}-120x30", steady(pilot.app.export_screenshot(simplify=True)))


def compare(name: str, svg: str) -> None:
    path = PICTURES / f"{name}.svg"
    if NEW:
        PICTURES.mkdir(exist_ok=True)
        path.write_text(svg)
    assert words(svg) == words(path.read_text()), f"{name} looks different"


def shown(pilot: Pilot[int]) -> str:
    return words(pilot.app.export_screenshot())


def drawn(pilot: Pilot[int]) -> bool:
    return any(0x2800 < ord(c) < 0x2900 for c in pilot.app.export_screenshot())
