"""A scrolled view of rows: follows the end until someone scrolls up."""

from __future__ import annotations

from textual.events import MouseScrollDown, MouseScrollUp, Resize

from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row


class PagedView(CanvasView):
    """Shows as many rows of a longer text as fit; moved by lines and pages."""

    def __init__(self, glyphs: Glyphs = UNICODE, *, follow: bool, id: str | None = None) -> None:
        """
        Args:
            follow: stay at the end as rows are added, as for a log; else at the start.
        """
        super().__init__(id=id)
        self.glyphs = glyphs
        self.all_rows: list[Row] = []
        self.top = 0
        self._follow = follow
        self._at_end = True

    def fill(self, rows: list[Row]) -> None:
        """Take new rows; the place is kept, or the end when it was shown."""
        self.all_rows = rows
        self._draw()

    def move(self, lines: int) -> None:
        """Scroll down by so many lines."""
        self.top += lines
        self._at_end = self.top >= self._last_top
        self._draw()

    def page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 2))

    @property
    def _last_top(self) -> int:
        return max(0, len(self.all_rows) - self.size.height)

    def _draw(self) -> None:
        if self._follow and self._at_end:
            self.top = self._last_top
        self.top = max(0, min(self.top, self._last_top))
        self.show(self.all_rows[self.top : self.top + self.size.height])

    def relayout(self) -> None:
        """Make the rows anew for another width; the plain view cuts lines instead."""
        self._draw()

    def on_resize(self, event: Resize) -> None:
        self.relayout()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.move(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.move(-3)
