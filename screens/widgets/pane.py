"""One completion on the screen, and the grid that puts two to nine of them side by side."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from rlhf_tui.records import Completion
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.badge import Head
from rlhf_tui.screens.widgets.conversation import completion_view

STACKED_BELOW = 100
"""Columns of the terminal under which the completions stand below each other."""
COLUMN = 32
"""The narrowest column in which prose reads well."""
LOWEST = 3
"""Rows of the lowest pane: its head and two lines."""


def grid(count: int, width: int, height: int) -> tuple[int, list[int]]:
    """How `count` panes fill `width` by `height` cells: columns, and the height of each row.

    Rows that do not fit keep LOWEST cells; the grid then scrolls as a whole.
    """
    widest = 1 if width < STACKED_BELOW else max(1, min(count, width // COLUMN))
    rows = -(-count // widest)
    columns = -(-count // rows)
    each, rest = divmod(max(height, rows * LOWEST), rows)
    return columns, [each + (row < rest) for row in range(rows)]


class Scroller(VerticalScroll, can_focus=False, inherit_bindings=False):
    """A region that scrolls by the screen's keys; focus would repaint its whole border."""


class Pane(Vertical):
    """A completion under its head."""

    def __init__(self, number: int, glyphs: Glyphs) -> None:
        super().__init__(classes="pane")
        self.number = number
        self.glyphs = glyphs
        self.head = Head(number, glyphs)
        self.text = Static(markup=False, classes="text")
        self.body = Scroller(self.text, classes="body")

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.body

    def put(self, completion: Completion, *, markdown: bool) -> None:
        """Show a completion from its beginning."""
        self.text.update(
            completion_view(completion.completion, markdown=markdown, encoding=self.glyphs.encoding)
        )
        self.body.scroll_to(y=0, animate=False, immediate=True)
        cut = completion.finish_reason == "length"
        self.head.rule.say("cut at its length limit" if cut else "")


class PaneGrid(Scroller):
    """The panes of an item; their number and the terminal's size decide the columns."""

    def __init__(self, most: int, glyphs: Glyphs) -> None:
        super().__init__(id="panes")
        self.panes = [Pane(number, glyphs) for number in range(1, most + 1)]
        self.count = 0
        self.alone: int | None = None
        """The index of the pane that has the grid for itself."""

    def compose(self) -> ComposeResult:
        yield from self.panes

    @property
    def shown(self) -> list[Pane]:
        """The panes of the current item, in the order shown."""
        return self.panes[: self.count]

    def put(self, completions: Iterable[Completion], *, markdown: bool) -> None:
        """Show these completions in place of the ones before."""
        shown = list(completions)[: len(self.panes)]
        for pane, completion in zip(self.panes, shown, strict=False):
            pane.put(completion, markdown=markdown)
        if len(shown) != self.count:
            self.count = len(shown)
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
        columns, heights = grid(many, self.app.size.width, self.size.height)
        self.styles.grid_size_columns = columns
        self.styles.grid_rows = " ".join(str(height) for height in heights)

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()
