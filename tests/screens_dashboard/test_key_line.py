"""The row of keys names what works in the pane that is seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from rlhf_tui.screens import keys
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_panes import Panes
from rlhf_tui.screens.theme import UNICODE
from rlhf_tui.screens.widgets.statusline import KeyLine

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


def words(pilot: Pilot[int]) -> list[str]:
    return [hint.word for hint in pilot.app.screen.query_one(KeyLine).hints()]


async def test_each_pane_has_its_own_words(program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, DashboardScreen)
        await until(pilot, lambda: screen.followed)
        assert {"page", "log y", "smooth", "full"} <= set(words(pilot))
        await pilot.press("2")
        assert {"step", "prompt", "diff", "rank"} <= set(words(pilot))
        assert "log y" not in words(pilot)
        await pilot.press("6")
        assert {"end", "next", "scroll"} <= set(words(pilot))
        await pilot.press("1")
        assert "smooth" in words(pilot)


@pytest.mark.parametrize("place", range(8))
def test_words_are_of_rows_that_there_are(place: int) -> None:
    pane = Panes(UNICODE)[place]
    assert pane.WORDS.keys() <= {row.id for row in keys.KEYS}
    assert bool(pane.FINDS) == (pane.WORDS.get("dashboard.search") != "")
