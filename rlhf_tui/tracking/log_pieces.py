"""A long log read in pieces, from any place of it: backwards, forwards, and in search of a text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rlhf_tui.runs.tail import open_plain
from rlhf_tui.tracking.log_tail import Line, last_state
from rlhf_tui.tracking.patterns import Pattern, TooSlow

PIECE = 128 * 1024
"""Bytes read at a time: searched in some 2 ms, so that a key never waits longer for its turn."""
MOST_BYTES = 256 * 1024 * 1024
MOST_S = 10.0
"""A search pauses after so much of a log; whoever wants the rest asks to go on."""
MOST_FOUND = 100_000
"""Lines found that are remembered; a search for more of them tells nothing."""


def before(path: Path, end: int, size: int = PIECE) -> list[Line]:
    """The whole lines that end at a place where a line begins, at most so many bytes of them.

    Of a line longer than that its last part stands for it. Empty at the file's start, and when
    the file has become shorter or is gone.
    """
    start = max(0, end - size)
    data = _bytes(path, start, end)
    if len(data) < end - start:
        return []
    if start:
        cut = data.find(b"\n") + 1
        if 0 < cut < len(data):
            start, data = start + cut, data[cut:]
    return _lines(start, data)


def after(path: Path, start: int, size: int = PIECE) -> tuple[list[Line], int]:
    """The lines from a place where one begins, and where what follows them begins.

    A last line without its end is left out.

    Of a line longer than `size` its first part stands for it, and the rest is a line of its own.
    """
    data = _bytes(path, start, start + size)
    cut = data.rfind(b"\n") + 1
    data = data[:cut] if cut else data
    return _lines(start, data), start + len(data)


def _bytes(path: Path, start: int, end: int) -> bytes:
    try:
        with open_plain(path) as file:
            file.seek(start)
            return file.read(max(0, end - start))
    except OSError:
        return b""


def _lines(start: int, data: bytes) -> list[Line]:
    lines = []
    parts = data.split(b"\n")
    if parts and not parts[-1]:
        parts.pop()
    for part in parts:
        text = part.decode("utf-8", "replace")
        lines.append(Line(start, last_state(text) if "\r" in text else text))
        start += len(part) + 1
    return lines


@dataclass
class Search:
    """A search from a place of a log back to its start, made in pieces."""

    path: Path
    sought: Pattern
    end: int
    """Where what is not searched yet ends; a line begins there."""
    whole: int = 0
    """Bytes that there were to search."""
    found: list[int] = field(default_factory=list)
    """Where the lines that hold it begin, in order."""
    stopped: bool = False
    """Set by whoever wants no more of it."""
    problem: str = ""
    """Why it was given up, as a sentence."""

    def __post_init__(self) -> None:
        self.whole = self.whole or self.end

    @property
    def over(self) -> bool:
        """Whether all is searched, or as much as will be."""
        return bool(self.problem) or self.end <= 0 or len(self.found) >= MOST_FOUND

    @property
    def share(self) -> float:
        """How much of it is searched, from 0 to 1."""
        return 1 - self.end / self.whole if self.whole else 1.0

    def go(self, most_bytes: int = MOST_BYTES, most_s: float = MOST_S) -> None:
        """Search on for as long; for a thread."""
        until = time.monotonic() + most_s
        last = max(0, self.end - most_bytes)
        try:
            for found in self.pieces():
                # In one step: the thread that draws sees the list as it was, or as it is.
                self.found = found + self.found
                if self.stopped or self.end <= last or time.monotonic() > until:
                    return
        except TooSlow as error:
            self.problem = str(error)

    def pieces(self) -> Iterator[list[int]]:
        """Where lines that hold it begin, piece by piece, the newest piece first.

        Raises:
            TooSlow: it takes too long to search one of them.
        """
        while not self.over:
            lines = before(self.path, self.end)
            # Nothing can be read: it was cut short, or is gone.
            self.end = lines[0].start if lines else 0
            yield matching(lines, self.sought)


def matching(lines: list[Line], sought: Pattern) -> list[int]:
    """Where the lines that hold it begin.

    Raises:
        TooSlow: it takes too long to search all of them.
    """
    return [lines[place].start for place in sought.places(line.text for line in lines)]
