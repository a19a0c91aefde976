"""A person at a terminal, as a benchmark needs one: presses a key, and sees when the drawing ends.

The program runs on a pseudo-terminal of its own; everything that it writes is counted, as it
would cross an SSH link. A burst of drawing is over when nothing has come for SETTLE_S.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
from ptyprocess import PtyProcess

SETTLE_S = 0.06


@dataclass(frozen=True)
class Stroke:
    """What one key led to; times from the key on."""

    first_ms: float
    """To the first byte drawn; nan when nothing was."""
    last_ms: float
    bytes: int


class Typist:
    """One program on a terminal of `rows` by `columns`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 30,
        environment: dict[str, str] | None = None,
    ) -> None:
        # Compiled modules are kept, as they are where people have installed it.
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.born = time.perf_counter()
        self.pty = PtyProcess.spawn(
            list(command),
            dimensions=(rows, columns),
            env={**clean, "TERM": "xterm-256color", **(environment or {})},
        )
        self.seen = b""
        self.process = psutil.Process(self.pty.pid)

    def _read(self, timeout: float) -> bytes:
        ready, _, _ = select.select([self.pty.fd], [], [], timeout)
        if not ready:
            return b""
        try:
            return os.read(self.pty.fd, 1 << 16)
        except OSError:
            return b""

    def wait_for(self, text: str, timeout: float = 60.0) -> float:
        """Read until `text` was drawn in one piece; seconds since the program was started.

        Raises:
            TimeoutError: it did not come.
        """
        end = time.perf_counter() + timeout
        while time.perf_counter() < end:
            self.seen += self._read(0.05)
            if text.encode() in self.seen:
                return time.perf_counter() - self.born
        raise TimeoutError(f"no {text!r} in {self.seen[-400:]!r}")

    def settle(self, quiet: float = 0.5) -> int:
        """Read until nothing has come for `quiet` seconds; returns the bytes."""
        count = 0
        while data := self._read(quiet):
            count += len(data)
        return count

    def press(self, key: str, timeout: float = 5.0) -> Stroke:
        """One key, and the burst of drawing that follows."""
        os.write(self.pty.fd, key.encode())
        start = time.perf_counter()
        first = last = float("nan")
        count = 0
        while data := self._read(timeout if not count else SETTLE_S):
            last = time.perf_counter() - start
            if not count:
                first = last
            count += len(data)
        return Stroke(first * 1000, last * 1000, count)

    def idle(self, seconds: float) -> int:
        """Bytes that come while nobody presses a key."""
        end, count = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0:
            count += len(self._read(left))
        return count

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(self.process.memory_info().rss)

    def leave(self) -> None:
        """q, and what it takes after that."""
        os.write(self.pty.fd, b"q")
        self.settle(1.0)
        self.pty.terminate(force=True)
