"""Enter takes the line as it was typed before it, also where more keys come in the same packet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from screens_dashboard.test_view import anna, drawn, screen
from textual import events
from textual.pilot import Pilot

from rlhf_tui.tracking.views import SavedViews

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]
__all__ = ["anna"]


def packet(pilot: Pilot[int], *keys: str) -> None:
    """Keys that are all there before the first of them is acted on."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_a_search_ends_where_enter_was_pressed(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        packet(pilot, "slash", *"kl", "enter", "s", "l")
        charts = screen(pilot).charts
        # The keys behind Enter are the dashboard's.
        await until(pilot, lambda: charts.sought and charts.drawn_by.log)
        assert charts.sought == "kl"
        assert charts.drawn_by.smoothing == 0.6


async def test_a_view_has_the_name_that_was_typed(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        packet(pilot, "v", "o", *"mine", "enter", "s", "l")
        await until(pilot, SavedViews("anna").names)
        assert SavedViews("anna").names() == ["mine"]
