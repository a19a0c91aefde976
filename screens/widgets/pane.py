"""One completion on the screen, and the grid that puts two to nine of them side by side."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.badge import Head
from rlhf_tui.screens.widgets.page import Page
from rlhf_tui.screens.widgets.page_view import PageView
from rlhf_tui.screens.widgets.scroller import Scroller

__all__ = ["Pane", "PaneGrid", "Scroller"]

STACKED_BELOW = 98
"""Columns under which the completions stand below each other."""
COLUMN = 32
"""The narrowest column in which prose reads well."""
LOWEST = 3
"""Rows of the lowest pane: its head and two lines."""


AT_FIRST = 4
"""Panes made at the start; an item with more has them made when it comes: every widget costs
every start some milliseconds."""


def grid(count: int, width: int, height: int) -> tuple[int, list[int]]:
    """How `count` panes fill `width` by `height` cells: columns, and the height of each row.

    Rows that do not fit keep LOWEST cells; the grid then scrolls as a whole.
    """
    widest = 1 if width < STACKED_BELOW else max(1, min(count, width // COLUMN))
    rows = -(-count // widest)
    columns = -(-count // rows)
    each, rest = divmod(max(height, rows * LOWEST), rows)
    return columns, [each + (row < rest) for row in range(rows)]


class Pane(Vertical):
    """A completion under its head."""

    def __init__(self, number: int, glyphs: Glyphs) -> None:
        super().__init__(classes="pane")
        self.number = number
        self.glyphs = glyphs
        self.head = Head(number, glyphs)
        self.text = PageView(indent=1, classes="text")
        self.body = Scroller(self.text, classes="body")
        self.body.moved = self.say_more

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.body

    def put(self, page: Page, note: str) -> None:
        """Show a completion from its beginning.

        Args:
            note: stands in the head, where there is room.
        """
        self.text.show(page)
        self.body.go(0)
        self.head.rule.expect()
        self.head.rule.say(note)

    def say_more(self) -> None:
        """Show in the head how much lies below."""
        self.head.rule.say_more(self.body.more)


class PaneGrid(Scroller):
    """The panes of an item; their number and the terminal's size decide the columns."""

    def __init__(self, most: int, glyphs: Glyphs) -> None:
        super().__init__(id="panes")
        self.most = most
        self.glyphs = glyphs
        self.panes = [Pane(number, glyphs) for number in range(1, min(most, AT_FIRST) + 1)]
        self.count = 0
        self.alone: int | None = None
        """The index of the pane that has the grid for itself."""

    def compose(self) -> ComposeResult:
        yield from self.panes

    @property
    def shown(self) -> list[Pane]:
        """The panes of the current item, in the order shown."""
        return self.panes[: self.count]

    def put(self, pages: Sequence[tuple[Page, str]]) -> None:
        """Show these pages, each with its note, in place of the ones before."""
        numbers = range(len(self.panes) + 1, min(len(pages), self.most) + 1)
        if numbers:
            more = [Pane(number, self.glyphs) for number in numbers]
            self.panes += more
            self.mount(*more)
        for pane, (page, note) in zip(self.panes, pages, strict=False):
            pane.put(page, note)
        count = min(len(pages), len(self.panes))
        if count != self.count:
            self.count = count
            if self.alone is not None and self.alone >= count:
                self.alone = None
            self.lay_out()

    def only(self, index: int | None) -> None:
        """Give the grid to one pane, or back to all of them."""
        if index != self.alone:
            self.alone = index
            self.lay_out()

    def lay_out(self) -> None:
        """Lay the panes out anew for the count and size there are."""
        for index, pane in enumerate(self.panes):
            pane.display = index < self.count and self.alone in (None, index)
        many = self.count if self.alone is None else 1
        if not self.count or not self.size.height:
            return
        columns, heights = grid(many, self.outer_size.width, self.size.height)
        self.styles.grid_size_columns = columns
        self.styles.grid_rows = " ".join(str(height) for height in heights)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.lay_out()
