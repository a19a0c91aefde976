"""The gate before the store: one process at a time holds it, from before connect until after close.

DuckDB 2.0.0 reads a file's header before it takes its own lock, so two processes that open and
close in turn can lose acknowledged commits. An exclusive lock on a file beside it prevents that.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from rlhf_tui.errors import HubError


class StoreBusy(HubError):
    """Another process holds the store."""


class Gate:
    """An exclusive `flock` on a lock file; never waits.

    The lock belongs to the open file, so the kernel drops it however the process ends. The lock
    file stays: to remove it would let a second process lock a new file of the same name.
    """

    def __init__(self, path: Path) -> None:
        """Take the gate.

        Raises:
            StoreBusy: another process holds it.
            HubError: the lock file cannot be made or locked there.
        """
        self.path = path
        self._fd = -1
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        except OSError as error:
            raise HubError(
                f"Cannot open the lock file {path}: {error.strerror}.",
                hint="Check that you may write in the workspace and that the disk has room.",
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(fd)
            os.close(fd)
            raise StoreBusy(
                f"The store of this workspace is held by another process{holder}.",
                hint="Use the hub that runs, or stop it with 'rlhf-tui hub stop'.",
            ) from None
        except OSError as error:
            os.close(fd)
            raise HubError(
                f"Cannot lock {path}: {error.strerror}.",
                hint="The file system may not support locks; put the workspace on a local disk.",
            ) from error
        self._fd = fd
        self._sign()

    def _sign(self) -> None:
        """Leave the process id for the sentence that the next one reads, if the disk has room."""
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return

    def close(self) -> None:
        """Let the next one in; harmless when repeated."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _holder(fd: int) -> str:
    number = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    return f" (process {number})" if number.isdigit() else ""
