"""Read a growing JSON Lines file again and again, each time only what is new."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

FINGERPRINT = 64
"""Bytes before the offset that are remembered, to notice a file that was cut and grew again."""


class JsonlTail:
    """Whole new lines since the last read, by byte offset.

    A half-written last line is left for the next read; lines that are not JSON objects are
    counted and passed over; a file that was cut short or replaced is read from its start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.bad = 0
        """Lines passed over so far."""
        self.restarted = False
        """Whether the last read began anew because the file had been cut or replaced."""
        self._inode = 0
        self._before = b""

    def read(self, max_bytes: int = -1) -> list[dict[str, Any]]:
        """The objects of the whole lines written since the last read; [] if there is no file.

        Args:
            max_bytes: stop after about so many bytes, so that a long file can be read in
                pieces that leave a screen alive; -1: to the end.
        """
        self.restarted = False
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return []
        with file:
            self._notice_replacement(file.fileno())
            file.seek(self.offset - len(self._before))
            if file.read(len(self._before)) != self._before:
                self._restart()
                file.seek(0)
            data = file.read(max_bytes)
            if max_bytes >= 0 and b"\n" not in data:
                data += file.readline()
        end = data.rfind(b"\n") + 1
        self.offset += end
        self._before = (self._before + data[:end])[-FINGERPRINT:]
        return self._decode(data[:end])

    def _notice_replacement(self, descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        if self._inode and inode != self._inode:
            self._restart()
        self._inode = inode

    def _restart(self) -> None:
        self.offset, self._before, self.restarted = 0, b"", True

    def _decode(self, data: bytes) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for line in data.split(b"\n"):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                row = None
            if isinstance(row, dict):
                rows.append(row)
            else:
                self.bad += 1
        return rows
