"""What a run writes, followed: metrics, samples and log of one run directory, read-only."""

from __future__ import annotations

import math
import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import SampleRow
from rlhf_tui.runs.tail import JsonlTail
from rlhf_tui.screens.dashboard_panels import NOT_METRICS
from rlhf_tui.screens.widgets.pyramid import Series

PIECE = 512 * 1024
"""Bytes of metrics read at a time: some 50 ms to take in, then the keys have their turn."""
LOG_BYTES = 256 * 1024
"""The end of a log that is read at first: more than anyone scrolls back through on a screen."""
LOG_LINES = 5000
SAMPLES = 200
MAX_SERIES = 200
"""More metric names than this are some mistake, such as a name made of a number."""


@dataclass
class Batch:
    """What one read has brought."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    restarted: bool = False
    samples: list[dict[str, Any]] = field(default_factory=list)
    samples_restarted: bool = False
    log: bool = False
    more: bool = False
    """There are more metrics to read at once."""

    @property
    def empty(self) -> bool:
        return not (self.rows or self.samples or self.log or self.restarted)


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


class RunWatch:
    """Follows a run directory that may be half-written, cut, or deleted at any time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.series: dict[str, Series] = {}
        self.samples: deque[SampleRow] = deque(maxlen=SAMPLES)
        self.log = LogTail(directory / layout.LOG)
        self.problem = ""
        """A sentence when something cannot be read."""
        self._metrics = JsonlTail(directory / layout.METRICS)
        self._samples = JsonlTail(directory / layout.SAMPLES)
        self._rows = 0

    @property
    def gone(self) -> bool:
        try:
            return not self.directory.is_dir()
        except PermissionError:
            # Somebody else's: there, but closed to us, which the reading then says.
            return False

    def read(self) -> Batch:
        """Read what is new, at most `PIECE` bytes of a file; for a thread: changes no series."""
        batch = Batch()
        try:
            before = self._metrics.offset
            batch.rows = self._metrics.read(PIECE)
            batch.restarted = self._metrics.restarted
            # A read that came near its limit has left something, if only half a line.
            read = self._metrics.offset - (0 if batch.restarted else before)
            batch.more = read > PIECE // 2
            batch.samples = self._samples.read(PIECE)
            batch.samples_restarted = self._samples.restarted
            batch.log = self.log.read()
            self.problem = ""
        except OSError as error:
            self.problem = f"Cannot read {self.directory.name}: {error.strerror}."
        return batch

    def take(self, batch: Batch) -> None:
        """Add what was read to series and samples; for the thread that draws."""
        if batch.restarted:
            self.series.clear()
            self._rows = 0
        for row in batch.rows:
            self._take(row)
        if batch.samples_restarted:
            self.samples.clear()
        self.samples.extend(sample for row in batch.samples if (sample := _sample(row)))

    def _take(self, row: dict[str, Any]) -> None:
        step = row.get("step", self._rows)
        self._rows += 1
        if not _is_number(step) or not math.isfinite(step):
            return
        for name, value in row.items():
            if name in NOT_METRICS:
                continue
            series = self.series.get(name)
            if _is_number(value):
                if series is None:
                    if len(self.series) >= MAX_SERIES:
                        continue
                    series = self.series[name] = Series(name)
                series.add(float(step), float(value))
            elif series is not None:
                # A metric that is null or has turned into a text: a gap, not a guess.
                series.add(float(step), math.nan)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sample(row: dict[str, Any]) -> SampleRow | None:
    try:
        return msgspec.convert(row, SampleRow)
    except msgspec.ValidationError:
        return None
