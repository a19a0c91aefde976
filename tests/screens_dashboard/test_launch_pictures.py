"""Pictures of the launch screen with what it tells, compared with those that are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from screens_dashboard.test_files import shown
from screens_dashboard.test_launch_preview import Previewing, go_to
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.launch import LaunchScreen
from rlhf_tui.screens.launch_preview import LaunchPreview

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")


@pytest.fixture
def link(infos: list[RunInfo]) -> Previewing:
    return Previewing(infos)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_form_with_its_summary(program: Any, until: Until, size: tuple[int, int]) -> None:
    async with program("launch:dpo", size) as pilot:
        here = pilot.app.screen
        assert isinstance(here, LaunchScreen)
        await until(pilot, lambda: here.view.text and not here.asking.told.asking)
        name = f"launch-summary-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("name", "size", "keys", "command"),
    [
        ("ppo-80x24", (80, 24), "j j right", "train ppo"),
        ("dpo-80x24", (80, 24), "right", "train dpo --recipe tiny-cpu"),
        ("grpo-200x60", (200, 60), "a", "train grpo"),
        ("generate-120x30", (120, 30), "a", "generate"),
    ],
)
async def test_forms(
    program: Any, until: Until, name: str, size: tuple[int, int], keys: str, command: str
) -> None:
    async with program(f"launch:{name.split('-')[0]}", size) as pilot:
        here = pilot.app.screen
        assert isinstance(here, LaunchScreen)
        await until(pilot, lambda: here.view.text)
        await pilot.press(*keys.split())
        await until(pilot, lambda: f"rlhf-tui {command}" in shown(pilot))
        await until(pilot, lambda: not here.asking.told.asking)
        await same_as_kept(pilot.app, pilot, PICTURES / f"launch-{name}.svg")


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_row_in_the_preview(program: Any, until: Until, size: tuple[int, int]) -> None:
    async with program("launch:dpo", size) as pilot:
        here = pilot.app.screen
        assert isinstance(here, LaunchScreen)
        await until(pilot, lambda: here.view.text and not here.asking.told.asking)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, LaunchPreview))
        window = pilot.app.screen
        assert isinstance(window, LaunchPreview)
        await until(pilot, lambda: window.rows_there)
        await pilot.press("right")
        name = f"launch-preview-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("name", "option", "keys", "shows"),
    [
        ("edit", "epochs", "enter 7", "epochs"),
        ("choose", "model", "enter", "demonstrations"),
        ("command", "tune", "right y", "set-clipboard"),
    ],
)
async def test_windows(
    program: Any,
    until: Until,
    infos: list[RunInfo],
    name: str,
    option: str,
    keys: str,
    shows: str,
) -> None:
    for info in infos:
        if info.run_id == "sft-0001":
            (Path(info.directory) / "model").mkdir()
    async with program("launch:dpo", (80, 24)) as pilot:
        here = pilot.app.screen
        assert isinstance(here, LaunchScreen)
        await until(pilot, lambda: here.view.text)
        await go_to(pilot, option)
        await until(pilot, lambda: not here.asking.told.asking)
        await pilot.press(*keys.split())
        await until(pilot, lambda: pilot.app.screen is not here and shows in shown(pilot))
        await until(pilot, lambda: not here.asking.told.asking)
        await same_as_kept(pilot.app, pilot, PICTURES / f"launch-{name}-80x24.svg")
