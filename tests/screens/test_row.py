"""A row draws its new text whole, and no more than its cells."""

from __future__ import annotations

import re
from typing import Any

from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Region

from rlhf_tui.screens.widgets.row import Row


class Spy(Row):
    """Notes the regions that are drawn anew."""

    def __init__(self) -> None:
        super().__init__(id="row")
        self.drawn: list[tuple[Region, ...]] = []

    def _set_dirty(self, *regions: Region) -> None:
        self.drawn.append(regions)
        super()._set_dirty(*regions)


class OneRow(App[None]):
    CSS = "#row { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def compose(self) -> ComposeResult:
        self.row = Spy()
        yield self.row


def words(app: App[Any]) -> str:
    return "".join(re.findall(r"<text[^>]*>([^<]*)</text>", app.export_screenshot())).replace(
        "&#160;", " "
    )


async def test_a_change_draws_the_longer_of_both_texts_and_no_more() -> None:
    app = OneRow()
    async with app.run_test(size=(40, 4)) as pilot:
        app.row.put(Content("a text of twenty-two.."))
        await pilot.pause()
        app.row.drawn.clear()
        app.row.put(Content("short"))
        await pilot.pause()
        assert app.row.drawn == [(Region(0, 0, 22, 1),)]
        assert "short" in words(app)
        assert "twenty" not in words(app)
        app.row.put(Content("日本語の言葉"))
        await pilot.pause()
        assert app.row.drawn[-1] == (Region(0, 0, 12, 1),)
        assert "short" not in words(app)


async def test_a_text_that_does_not_fit_is_drawn_whole() -> None:
    app = OneRow()
    async with app.run_test(size=(40, 4)) as pilot:
        app.row.put(Content("word " * 20))
        await pilot.pause()
        assert app.row.drawn[-1] == ()
        assert "…" in words(app)
        app.row.put(Content("short"))
        await pilot.pause()
        assert app.row.drawn[-1] == ()
        assert "word" not in words(app)
