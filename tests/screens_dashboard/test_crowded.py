"""Where programs wait for a processor the dashboard looks half as often, and keys draw at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

from textual.pilot import Pilot

from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_live import CROWDED_TICK_S, TICK_S

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]
Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


class Told:
    """What a test says of the machine."""

    def __init__(self) -> None:
        self.full = False

    def crowded(self) -> bool:
        return self.full


async def test_the_tick_is_longer_while_it_is_crowded(program: Open) -> None:
    async with program() as pilot:
        screen = cast(DashboardScreen, pilot.app.screen)
        told: Any = Told()
        screen.crowd = told
        assert screen.tick == TICK_S
        told.full = True
        assert screen.tick == CROWDED_TICK_S == 2 * TICK_S


async def test_keys_draw_without_waiting_for_the_tick(program: Open, until: Until) -> None:
    async with program() as pilot:
        screen = cast(DashboardScreen, pilot.app.screen)
        await until(pilot, lambda: screen.charts.curves and screen.charts.charts[0].rows)
        # From now on no look at the runs comes: whatever is drawn, the key has drawn.
        screen.workers.cancel_group(screen, "live")
        await pilot.pause()
        before = screen.charts.charts[0].text
        await pilot.press("l")
        await until(pilot, lambda: screen.charts.charts[0].text != before)
        await until(pilot, lambda: "log y" in screen.tabs.text)
        chosen = screen.runs.index
        await pilot.press("j")
        await until(pilot, lambda: screen.runs.index == chosen + 1)
