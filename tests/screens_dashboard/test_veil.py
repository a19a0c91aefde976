"""Without colours a question lies in a frame over the room, which can still be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


@pytest.mark.parametrize(
    ("keys", "asked", "behind"),
    [
        ("x", "Stop ppo-0002?", "6 runs, 1 running"),
        ("question_mark", "Keys of Dashboard", "Dashboard · test"),
    ],
)
async def test_the_room_stays_in_sight(
    keys: str,
    asked: str,
    behind: str,
    program: Any,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: pilot.app.screen.followed)
        await pilot.press(keys)
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await until(pilot, lambda: asked in pilot.app.export_screenshot().replace("&#160;", " "))
        picture = pilot.app.export_screenshot().replace("&#160;", " ")
        assert "╮" in picture
        assert behind in picture
        assert "sft-0002" in picture


async def test_a_terminal_that_is_too_small_shows_nothing_else(
    program: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: pilot.app.screen.followed)
        await pilot.resize_terminal(36, 9)
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "TooSmall")
        await until(pilot, lambda: "Make" in pilot.app.export_screenshot())
        assert "ppo-0002" not in pilot.app.export_screenshot()
