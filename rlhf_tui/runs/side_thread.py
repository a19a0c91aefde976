"""A thread beside the supervisor's main one, which can neither hold it up nor take its signals."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from typing import Self


class SideThread:
    """Runs `work` in a daemon thread for as long as a `with` block lasts."""

    def __init__(self, name: str, patience_s: float | None = None) -> None:
        """
        Args:
            patience_s: how long the block waits for it at its end; None: until it is done.
        """
        self.ended = threading.Event()
        """Set once the block ends."""
        self._patience_s = patience_s
        self._thread = threading.Thread(target=self.work, name=name, daemon=True)

    def work(self) -> None:
        """What is done beside, until `ended`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        # A signal handled by the thread would not wake the main one, which waits for the worker:
        # it begins with all of them blocked, and those that come meanwhile wait for us.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        # Where no thread can be had, the run goes on without.
        with suppress(RuntimeError):
            self._thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self._thread.ident is not None:
            self._thread.join(self._patience_s)
