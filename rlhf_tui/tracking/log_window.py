"""The part of a log that is held to be scrolled through: its end, or a stretch further back."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from pathlib import Path

from rlhf_tui.tracking.log_pieces import after, before
from rlhf_tui.tracking.log_tail import Line, LogTail

MOST_LINES = 60_000
"""Lines held; beyond it those at the far end are let go, to be read again when they are wanted."""


class LogWindow:
    """Lines of a log without a gap among them; moved by reading pieces at either end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[Line] = []
        self.end = 0
        """Where what follows the lines begins."""
        self.attached = True
        """Whether the lines reach to the log's end, and grow with it."""
        self.restarts = -1
        self.tail: list[Line] = []
        """The log's end, as it was last told."""

    @property
    def start(self) -> int:
        """Where the first line begins; 0 for a window at the log's start, and for none."""
        return self.lines[0].start if self.lines else 0

    @property
    def whole(self) -> bool:
        """Whether all of the log is held."""
        return self.attached and self.start == 0

    def take(self, tail: LogTail) -> bool:
        """Take what the log's end has become; whether the log began anew."""
        anew = tail.restarts != self.restarts
        self.restarts = tail.restarts
        self.tail = tail.held
        if anew:
            self.attached = True
        if self.attached:
            first = self.tail[0].start if self.tail else 0
            if anew or first > self.end:
                self.lines = self.tail
            else:
                self.lines = [*self.lines[: self.index(first)], *self.tail]
            self.lines = self.lines[-MOST_LINES:]
            self.end = tail.open.start
        return anew

    def index(self, start: int) -> int:
        """The first line that begins at this place or later."""
        return bisect_left(self.lines, start, key=lambda line: line.start)

    def earlier(self) -> list[Line]:
        """Read the lines before the window; for a thread. They are then given to `prepend`."""
        return before(self.path, self.start)

    def prepend(self, piece: list[Line]) -> None:
        """Hold a piece that ends where the window starts; what is too much goes at its end."""
        lines = [*piece, *self.lines]
        if len(lines) > MOST_LINES:
            self.end, self.attached = lines[MOST_LINES].start, False
        self.lines = lines[:MOST_LINES]

    def later(self) -> tuple[list[Line], int]:
        """Read the lines behind the window; for a thread. They are then given to `append`."""
        return after(self.path, self.end)

    def append(self, piece: list[Line], end: int) -> None:
        """Hold a piece that begins where the window ends; what is too much goes at its start."""
        self.lines = [*self.lines, *piece][-MOST_LINES:]
        self.end = end
        self._attach()

    def around(self, start: int) -> tuple[list[Line], int]:
        """Read the lines on both sides of a place; for a thread. They are then given to `jump`."""
        piece, end = after(self.path, start)
        return [*before(self.path, start), *piece], end

    def jump(self, piece: list[Line], end: int) -> None:
        """Hold this piece instead."""
        self.lines, self.end, self.attached = piece, end, False
        self._attach()

    def to_end(self) -> None:
        """Hold the log's end again."""
        if not self.attached:
            self.lines, self.attached = self.tail, True

    def _attach(self) -> None:
        """Join the log's end, once the window reaches it."""
        first = self.tail[0].start if self.tail else 0
        if self.end >= first:
            self.attached = True
            kept = self.lines[: self.index(first)]
            self.lines = [*kept, *self.tail]

    def place(self, start: int) -> int:
        """The line that holds this place of the file."""
        return max(0, bisect_right(self.lines, start, key=lambda line: line.start) - 1)
