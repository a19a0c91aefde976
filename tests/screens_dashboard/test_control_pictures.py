"""Pictures of the list with its marks, and of what is asked of a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import pytest
from helpers.pictures import same_as_kept
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard import DashboardScreen

PICTURES = Path(__file__).with_name("pictures")
Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("key", ["tag", "delete"])
async def test_what_is_asked_of_a_run(
    program: Open, until: Until, infos: list[RunInfo], size: tuple[int, int], key: str
) -> None:
    infos[2].archived = True
    infos[3].current, infos[3].tags = True, ["paper", "v2"]
    async with program("dashboard:sft-0001", size) as pilot:
        app = cast(RlhfApp, pilot.app)
        await until(pilot, lambda: isinstance(app.screen, DashboardScreen))
        screen = cast(DashboardScreen, app.screen)
        await until(pilot, lambda: screen.followed is not None)
        await pilot.press("o")
        await until(pilot, lambda: screen.runs.kept)
        await pilot.press("6", *({"tag": "g", "delete": "D"}[key]))
        await until(pilot, lambda: app.screen is not screen)
        if key == "tag":
            await pilot.press(*"+v3")
        await same_as_kept(app, pilot, PICTURES / f"control-{key}-{size[0]}x{size[1]}.svg")
