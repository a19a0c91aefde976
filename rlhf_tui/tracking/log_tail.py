"""The end of a growing text file: a run's log."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

LOG_BYTES = 256 * 1024
"""The end of a log that is read at first: more than anyone scrolls back through on a screen."""
LOG_LINES = 5000


class LogTail:
    """The last lines of a growing text file; a progress bar's rewritten line counts once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: deque[str] = deque(maxlen=LOG_LINES)
        self.open_line = ""
        """What stands after the last line break."""
        self._offset = -1
        self._inode = 0

    def read(self) -> bool:
        """Take in what is new; whether there was anything.

        Raises:
            OSError: the file cannot be read, for another reason than not being there.
        """
        try:
            file = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return False
        with file:
            facts = os.fstat(file.fileno())
            if facts.st_size < self._offset or facts.st_ino != self._inode:
                self.lines.clear()
                self.open_line = ""
                self._offset = -1
                self._inode = facts.st_ino
            skipping = self._offset < 0 and facts.st_size > LOG_BYTES
            if self._offset < 0:
                self._offset = max(0, facts.st_size - LOG_BYTES)
            if facts.st_size == self._offset:
                return False
            file.seek(self._offset)
            data = file.read(LOG_BYTES)
        self._offset += len(data)
        text = self.open_line + data.decode("utf-8", "replace").replace("\r\n", "\n")
        *whole, self.open_line = text.split("\n")
        self.open_line = self.open_line[-10_000:]
        self.lines.extend(_last_state(line) for line in (whole[1:] if skipping else whole))
        return True

    @property
    def shown(self) -> list[str]:
        return [*self.lines, _last_state(self.open_line)] if self.open_line else [*self.lines]


def _last_state(line: str) -> str:
    """What a terminal shows of a line that was rewritten with carriage returns."""
    return line.rstrip("\r").rsplit("\r", 1)[-1]
