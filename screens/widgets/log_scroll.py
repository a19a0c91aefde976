"""A log of any length, scrolled by rows: only what is seen is laid out, the rest is read on demand.

The place is kept by where its line begins in the file, so that nothing moves under the eyes while
the log grows, and while earlier pieces of it are read.
"""

from __future__ import annotations

import asyncio

from textual.events import MouseScrollDown, MouseScrollUp, Resize

from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.log_find import LogFind
from rlhf_tui.screens.widgets.log_lines import level, rows_of
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking.log_tail import LogTail
from rlhf_tui.tracking.log_window import LogWindow


class LogView(CanvasView):
    """A run's log: untrusted text, shown without its control characters."""

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.window: LogWindow | None = None
        self.search: LogFind | None = None
        self.following = True
        self.nothing = "Nothing in the log yet."
        """What an empty log says."""
        self._top, self._below = 0, 0
        """Where the first line that is seen begins, and how many of its rows lie above."""
        self._reading = False

    def follow(self, tail: LogTail) -> bool:
        """Show this log; whether it is another one, or has begun anew."""
        anew = self.window is None or self.window.path != tail.path
        if anew:
            self.window = LogWindow(tail.path)
        window = self.window
        assert window is not None
        anew = window.take(tail) or anew
        if anew:
            self.following, self._top, self._below = True, 0, 0
        elif self.search is not None:
            self.search.take(window)
        self.draw()
        return anew

    # --- moving -------------------------------------------------------------------------------

    def move(self, rows: int) -> None:
        """Scroll down by so many rows."""
        window = self.window
        if window is None or not window.lines:
            return
        index, below = window.place(self._top), self._below + rows
        if rows < 0:
            self.following = False
        while below < 0 and index > 0:
            index -= 1
            below += len(self._rows_at(index))
        while index + 1 < len(window.lines) and below >= (count := len(self._rows_at(index))):
            index, below = index + 1, below - count
        self._top, self._below = window.lines[index].start, max(0, below)
        self.draw()
        self._read_on(index)

    def page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 2))

    def to_end(self) -> None:
        """Go to the log's end, and stay there as it grows."""
        if self.window is not None:
            self.window.to_end()
        self.following = True
        self.draw()

    def go_to(self, start: int) -> None:
        """Show the line that begins at this place of the file."""
        window = self.window
        if window is None:
            return
        index = window.index(start)
        if index < len(window.lines) and window.lines[index].start == start:
            self._show_at(start)
        else:
            self.run_worker(work(self._jump, window, start), group="log", exclusive=True)

    def _show_at(self, start: int) -> None:
        """Show a line that is held, a third down where it was not seen already."""
        self.following = False
        self._top, self._below = start, 0
        self.move(-max(1, self.size.height // 3))

    async def _jump(self, window: LogWindow, start: int) -> None:
        piece, end = await asyncio.to_thread(window.around, start)
        if piece and window is self.window:
            window.jump(piece, end)
            self._show_at(start)

    def _read_on(self, index: int) -> None:
        """Read what lies further on where the end of what is held comes near."""
        window = self.window
        if window is None or self._reading:
            return
        near = 3 * self.size.height
        if index < near and window.start > 0:
            self._reading = True
            self.run_worker(work(self._read_earlier, window), group="log-piece")
        elif not window.attached and index > len(window.lines) - near:
            self._reading = True
            self.run_worker(work(self._read_later, window), group="log-piece")

    async def _read_earlier(self, window: LogWindow) -> None:
        start = window.start
        piece = await asyncio.to_thread(window.earlier)
        self._reading = False
        if piece and window is self.window and window.start == start:
            window.prepend(piece)
            self.draw()

    async def _read_later(self, window: LogWindow) -> None:
        before = window.end
        piece, end = await asyncio.to_thread(window.later)
        self._reading = False
        if window is self.window and window.end == before and not window.attached:
            window.append(piece, end)
            self.draw()

    # --- drawing ------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the rows that are seen."""
        window, height = self.window, self.size.height
        if window is None or not window.lines:
            self.show([[(self.nothing, "dim")]])
            return
        if not height:
            # Not laid out yet: the size comes with an event that draws.
            return
        rows: list[Row] = []
        if not self.following:
            index = window.place(self._top)
            rows = self._rows_at(index)[self._below :]
            while len(rows) < height and (index := index + 1) < len(window.lines):
                rows += self._rows_at(index)
            # The last row of the log is seen: it is followed again.
            self.following = len(rows) <= height and index >= len(window.lines) - 1
            self.following = self.following and window.attached
        if self.following:
            index, rows = len(window.lines), []
            while len(rows) < height and index > 0:
                index -= 1
                rows = [*self._rows_at(index), *rows]
            above = max(0, len(rows) - height)
            self._top, self._below = window.lines[index].start, above
            rows = rows[above:]
        self.show(rows[:height])

    def _rows_at(self, index: int) -> list[Row]:
        window, search = self.window, self.search
        assert window is not None
        line = window.lines[index]
        mark = ""
        if search is not None and search.has(line.start):
            mark = "here" if line.start == search.here else "found"
        return rows_of(
            line.text,
            level(window.lines, index),
            mark,
            search.sought if mark and search is not None else None,
            self.size.width,
            self.glyphs,
        )

    @property
    def looked_at(self) -> int:
        """Where the line begins that `go_to` would bring back to where it is seen now."""
        window = self.window
        if window is None or not window.lines:
            return 0
        third = window.place(self._top) + max(1, self.size.height // 3)
        return window.lines[min(third, len(window.lines) - 1)].start

    @property
    def bottom(self) -> int:
        """Where the last line that is seen begins, or a little behind it."""
        window = self.window
        if window is None or not window.lines:
            return 0
        last = window.place(self._top) + self.size.height
        return window.lines[min(last, len(window.lines) - 1)].start

    def on_resize(self, event: Resize) -> None:
        self.draw()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.move(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.move(-3)
