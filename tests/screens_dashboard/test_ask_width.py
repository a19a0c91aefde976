"""A question fits the terminal: no word of it is cut off."""

from __future__ import annotations

import pytest
from textual.app import App

from rlhf_tui.screens.dashboard_ask import Ask

QUESTION = (
    "Delete rm-0003 (A reward model with a very long title 漢字 for test) for good: its model?"
)


@pytest.mark.parametrize("width", [40, 80, 200])
async def test_every_word_is_seen(width: int) -> None:
    app = App[None]()
    async with app.run_test(size=(width, 24)) as pilot:
        app.push_screen(Ask(QUESTION))
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        words = " ".join("".join(s.text for s in strip) for strip in strips).split()
        assert " ".join(words).startswith(QUESTION)
