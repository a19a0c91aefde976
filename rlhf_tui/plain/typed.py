"""Lines that a person or a pipe gives, for an event loop that must not wait for them."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
from collections import deque

AT_ONCE = 65_536


class TypedLines:
    """The lines of a file descriptor; a terminal, a pipe or a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: deque[str] = deque()
        self._half = ""
        self._ended = False
        self._there = asyncio.Event()

    def start(self) -> None:
        """Begin to read; needs a running loop."""
        try:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        except PermissionError:
            # A plain file is always ready, and cannot be waited for.
            while not self._ended:
                self._read()

    def end(self) -> None:
        """Read no more, and leave out what was typed ahead: `next` tells that there is none."""
        self._ended = True
        self._lines.clear()
        with contextlib.suppress(OSError, ValueError):
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._there.set()

    async def next(self) -> str | None:
        """The next line without its end; None when there are no more."""
        while not self._lines and not self._ended:
            self._there.clear()
            await self._there.wait()
        return self._lines.popleft() if self._lines else None

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, AT_ONCE)
        except OSError:  # the terminal is gone
            data = b""
        self._half += self._decoder.decode(data, final=not data)
        *whole, self._half = self._half.split("\n")
        self._lines.extend(line.removesuffix("\r") for line in whole)
        if not data:
            last = [*self._lines, *([self._half] if self._half else [])]
            self.end()
            self._lines.extend(last)
        self._there.set()
