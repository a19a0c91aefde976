"""The end of a growing text file: a run's log."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from rlhf_tui.runs.tail import OPEN_ANYWAY, facts_of, open_file

LOG_BYTES = 256 * 1024
"""The end of a log that is read at first: more than anyone scrolls back through on a screen."""
LOG_LINES = 5000


class Line(NamedTuple):
    """A line of a text file."""

    start: int
    """Where in the file it begins, in bytes."""
    text: str


class LogTail:
    """The last lines of a growing text file; a progress bar's rewritten line counts once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: deque[Line] = deque(maxlen=LOG_LINES)
        self.open = Line(0, "")
        """What stands after the last line break."""
        self.restarts = 0
        """How often the file was cut short or replaced."""
        self._offset = -1
        self._inode = 0
        self._facts: tuple[int, int, int] | None = None
        """What the file was like when all of it had been read."""
        self._unopened = 0

    def read(self) -> bool:
        """Take in what is new; whether there was anything.

        Raises:
            OSError: the file cannot be read, for another reason than not being there, or is a
                directory, a pipe or a device.
        """
        try:
            seen = facts_of(self.path.stat())
            self._unopened += 1
            if seen == self._facts and self._unopened <= OPEN_ANYWAY:
                return False
            descriptor = open_file(self.path)
        except (FileNotFoundError, NotADirectoryError):
            self._facts = None
            return False
        self._facts, self._unopened = None, 0
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            facts = os.fstat(descriptor)
            if facts.st_size < self._offset or facts.st_ino != self._inode:
                self.lines.clear()
                self.restarts += self._offset >= 0
                self.open = Line(0, "")
                self._offset = -1
                self._inode = facts.st_ino
            skipping = self._offset < 0 and facts.st_size > LOG_BYTES
            if self._offset < 0:
                self._offset = max(0, facts.st_size - LOG_BYTES)
                self.open = Line(self._offset, "")
            if facts.st_size == self._offset:
                self._facts = facts_of(facts)
                return False
            file.seek(self._offset)
            data = file.read(LOG_BYTES)
        starts, at = [self.open.start], self._offset
        for part in data.split(b"\n")[:-1]:
            at += len(part) + 1
            starts.append(at)
        self._offset += len(data)
        text = self.open.text + data.decode("utf-8", "replace").replace("\r\n", "\n")
        found = [Line(*one) for one in zip(starts, text.split("\n"), strict=True)]
        *whole, (start, rest) = found
        # At once: whoever draws meanwhile sees the lines as they were, or as they are.
        self.lines.extend([Line(s, last_state(t)) for s, t in whole[skipping:]])
        self.open = Line(start, rest[-10_000:])
        return True

    @property
    def held(self) -> list[Line]:
        """The lines, and what stands after the last line break."""
        lines, rest = list(self.lines), self.open
        return [*lines, Line(rest.start, last_state(rest.text))] if rest.text else lines

    @property
    def shown(self) -> list[str]:
        return [line.text for line in self.held]


def last_state(line: str) -> str:
    """What a terminal shows of a line that was rewritten with carriage returns."""
    return line.rstrip("\r").rsplit("\r", 1)[-1]
