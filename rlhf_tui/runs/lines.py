"""Append to a JSON Lines file so that a reader never meets two lines in one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec


def metrics_row(step: int, metrics: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A line of metrics.jsonl, valid JSON whatever the numbers are.

    Args:
        metrics: numbers, also NumPy's or torch's of one element.
        extra: other values to stand beside them, as they are.
    """
    row: dict[str, Any] = {"step": step, "time": time.time()}
    odd: dict[str, str] = {}
    for name, value in metrics.items():
        number = float(value)
        if math.isfinite(number):
            row[name] = number
        else:
            row[name] = None
            odd[name] = str(number)
    row |= extra
    if odd:
        row["not_finite"] = odd
    return row


class LineLog:
    """An append-only JSON Lines file, one write a call, opened with the first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._clean = True
        """Whether the file ends with a whole line, so that the next one starts afresh."""

    def append(self, rows: Iterable[Any]) -> None:
        """Write the rows as one piece.

        Raises:
            OSError: not written, or only in part; a later call starts on a new line.
        """
        data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        if not data:
            return
        if self._descriptor < 0:
            self._open()
        if not self._clean:
            data = b"\n" + data
        self._clean = False
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._clean = True

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o666)
        # A worker that was killed may have left half a line behind.
        size = os.fstat(self._descriptor).st_size
        self._clean = size == 0 or os.pread(self._descriptor, 1, size - 1) == b"\n"

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
