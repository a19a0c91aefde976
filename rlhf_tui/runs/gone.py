"""Ends a worker whose run directory was removed: nobody would find it, and it holds its device."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

from rlhf_tui.runs.side_thread import SideThread

LOOK_S = 2.0


class Guard(SideThread):
    """Looks in a thread while a run's processes live, and kills them once the directory is gone."""

    def __init__(self, directory: Path) -> None:
        super().__init__("guard")
        self._directory = directory
        self._began: tuple[int, int] | None = None
        with suppress(OSError):
            self._began = _identity(directory)

    def work(self) -> None:
        # Again and again: those that are killed may have begun others meanwhile.
        while not self.ended.wait(LOOK_S):
            # A network drive that does not answer is not gone.
            with suppress(OSError, psutil.Error):
                if self._began and _identity(self._directory) != self._began:
                    for process in psutil.Process().children(recursive=True):
                        process.kill()


def _identity(directory: Path) -> tuple[int, int]:
    """What differs once another directory stands there; zeros where there is none.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        facts = os.stat(directory)  # noqa: PTH116 - a third of the cost
    except (FileNotFoundError, NotADirectoryError):
        return 0, 0
    return facts.st_dev, facts.st_ino
