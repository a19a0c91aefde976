"""Reads a growing text file in pieces: whole new lines each time, of bounded length."""

from __future__ import annotations

import os
import time
from pathlib import Path

from rlhf_tui.runs.tail import FINGERPRINT, begins_alike, open_file

LONGEST = 4 * 1024 * 1024
"""Bytes of a line beyond which it is no row of a log; such lines are passed over unread."""
QUIET_S = 5.0
"""A last line without its end is taken once nobody has written for so long."""


class LineTail:
    """Whole lines since the last read, without their ends.

    A file that was cut short or replaced is read from its start, and so is one whose last line,
    taken as it stood, went on after all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restarted = False
        """Whether the last read began anew."""
        self.more = False
        """Whether there was more to read at once."""
        self.too_long = 0
        """Lines passed over because they are longer than `LONGEST`."""
        self._offset = 0
        self._inode = 0
        self._begin = b""
        self._before = b""
        self._skipping = False
        self._taken = 0
        """Bytes of an unfinished last line that were handed out."""

    def read(self, limit: int) -> list[bytes]:
        """The next lines; [] where nothing is new, or there is no file.

        Args:
            limit: stop after about so many bytes.

        Raises:
            OSError: the file cannot be read, for another reason than not being there, or is no
                plain one.
        """
        self.restarted = self.more = False
        try:
            descriptor = open_file(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            facts = os.fstat(descriptor)
            replaced = self._inode and facts.st_ino != self._inode
            if replaced and not begins_alike(file, self._begin):
                self._restart()
            self._inode = facts.st_ino
            file.seek(max(0, self._offset - len(self._before)))
            if file.read(len(self._before)) != self._before:
                self._restart()
            if self._taken:
                if facts.st_size == self._offset + self._taken:
                    return []
                self._restart()
            if facts.st_size < self._offset:
                self._restart()
            file.seek(self._offset)
            data = file.read(limit)
            # One line may be longer than a piece.
            while data and b"\n" not in data and len(data) <= LONGEST:
                further = file.read(limit)
                if not further:
                    break
                data += further
        return self._lines(data, facts)

    def _lines(self, data: bytes, facts: os.stat_result) -> list[bytes]:
        end = data.rfind(b"\n") + 1
        if not end and len(data) > LONGEST:
            self._skipping, end = True, len(data)
            lines = []
        else:
            lines = data[:end].split(b"\n")[:-1]
            if self._skipping and lines:
                self._skipping = False
                self.too_long += 1
                lines = lines[1:]
            elif self._skipping:
                end = len(data)
        if not self._offset:
            self._begin = data[: min(end, FINGERPRINT)]
        self._before = (self._before + data[:end])[-FINGERPRINT:]
        self._offset += end
        left = data[end:]
        self.more = facts.st_size > self._offset + len(left)
        if left and not self.more and time.time() - facts.st_mtime > QUIET_S:
            self._taken = len(left)
            lines.append(left)
        return lines

    def _restart(self) -> None:
        self._offset, self._begin, self._before, self._taken = 0, b"", b"", 0
        self._skipping, self.restarted = False, True
