"""Read a growing JSON Lines file again and again, each time only what is new."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

FINGERPRINT = 64
"""Bytes before the offset that are remembered, to notice a file that was cut and grew again."""
LONGEST = 64 * 1024 * 1024
"""Bytes of a line beyond which it is none, as zeros that a crash has left: passed over unread."""
OPEN_ANYWAY = 10
"""Every so many looks the file is opened although it seems unchanged: over NFS only opening asks
the server."""

_ROWS: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


def open_file(path: Path) -> int:
    """A descriptor of a file for reading, which never waits for anyone.

    Raises:
        OSError: it cannot be opened, or is a directory, a pipe or a device.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, f"{path.name} is not a plain file", str(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    # What was there a moment ago may have been replaced.
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{path.name} is not a plain file", str(path))
    return descriptor


def open_plain(path: Path) -> BinaryIO:
    """A file for reading bytes, opened as `open_file` does.

    Raises:
        OSError: likewise.
    """
    return open(open_file(path), "rb")


def begins_alike(file: BinaryIO, begin: bytes) -> bool:
    """Whether an open file of another inode may be the one that began so.

    Some file systems give a file another number each time, and who began anew each time would
    never come to its end. Less than `FINGERPRINT` bytes tell nothing.
    """
    return len(begin) == FINGERPRINT and file.read(FINGERPRINT) == begin


class Place(NamedTuple):
    """How far a file has been read."""

    offset: int
    inode: int
    before: bytes
    """The last bytes before the offset."""


class JsonlTail:
    """Whole new lines since the last read, by byte offset.

    A half-written last line is left for the next read; lines that are not JSON objects are
    counted and passed over; a file that was cut short or replaced is read from its start. While
    size, time and inode stay the same it is not even opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.bad = 0
        """Lines passed over so far."""
        self.restarted = False
        """Whether the last read began anew because the file had been cut or replaced."""
        self.more = False
        """Whether the last read left some of what was there, for its limit."""
        self._inode = 0
        self._begin = b""
        """The first bytes of the file, as far as they are remembered."""
        self._before = b""
        self._facts: tuple[int, int, int] | None = None
        """Inode, size and time of the file when it was read to its end."""
        self._unopened = 0
        self._skipping = False
        """Whether the rest of a line that is too long is passed over."""

    @property
    def place(self) -> Place:
        """How far it has read, for another one to `go_on` from."""
        return Place(self.offset, self._inode, self._before)

    def go_on(self, place: Place) -> None:
        """Begin where another one stopped; if the file is another by now, the next read sees it."""
        self.offset, self._inode, self._before = place
        self._begin, self._facts, self._skipping = b"", None, False

    def read(self, max_bytes: int = -1) -> list[dict[str, Any]]:
        """The objects of the whole lines written since the last read; [] if there is no file.

        Args:
            max_bytes: stop after about so many bytes, so that a long file can be read in
                pieces that leave a screen alive; -1: to the end.

        Raises:
            OSError: there is something that cannot be read, or no plain file.
        """
        self.restarted = self.more = False
        try:
            if self._unchanged():
                return []
            descriptor = open_file(self.path)
        except (FileNotFoundError, NotADirectoryError):
            self._facts = None
            return []
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            facts = os.fstat(descriptor)
            if self._inode and facts.st_ino != self._inode and not begins_alike(file, self._begin):
                self._restart()
            self._inode = facts.st_ino
            file.seek(self.offset - len(self._before))
            if file.read(len(self._before)) != self._before:
                self._restart()
                file.seek(0)
            data = file.read(max_bytes)
            if max_bytes >= 0 and b"\n" not in data:
                data += file.readline(LONGEST)
        self.more = max_bytes >= 0 and self.offset + len(data) < facts.st_size
        # What was asked before the reading: a line that came meanwhile makes it differ.
        self._facts = None if self.more else facts_of(facts)
        self._unopened = 0
        end = data.rfind(b"\n") + 1
        if not end and (self._skipping or len(data) > LONGEST):
            self._skipping, end = True, len(data)
        if not self.offset:
            self._begin = data[: min(end, FINGERPRINT)]
        self.offset += end
        self._before = (self._before + data[:end])[-FINGERPRINT:]
        return self._decode(self._whole(data[:end]))

    def _whole(self, data: bytes) -> bytes:
        """What is to be decoded of some lines."""
        if not self._skipping:
            return data
        rest = data.find(b"\n") + 1
        if rest:
            self._skipping = False
            self.bad += 1
        return data[rest:] if rest else b""

    def _unchanged(self) -> bool:
        if self._facts is None or self._unopened >= OPEN_ANYWAY:
            return False
        self._unopened += 1
        return facts_of(self.path.stat()) == self._facts

    def _restart(self) -> None:
        self.offset, self._begin, self._before, self.restarted = 0, b"", b"", True
        self._skipping = False

    def _decode(self, data: bytes) -> list[dict[str, Any]]:
        try:
            # All at once, in half the time.
            return _ROWS.decode_lines(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        rows: list[dict[str, Any]] = []
        for line in data.split(b"\n"):
            if not line.strip():
                continue
            try:
                rows.append(_ROWS.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.bad += 1
        return rows


def facts_of(found: os.stat_result) -> tuple[int, int, int]:
    """What differs once a file has grown, was cut or replaced: inode, size and time."""
    return found.st_ino, found.st_size, found.st_mtime_ns
