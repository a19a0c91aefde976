"""What a run writes, followed: metrics, samples, distributions, machine and log, read-only.

A `Follower` is read in a thread (`read`, which changes nothing that is drawn) and taken in by the
thread that draws (`take`). `RunFollower` follows a run directory of ours; `foreign` makes followers
of what other programs wrote.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import DistributionRow, MachineRow, SampleRow
from rlhf_tui.runs.tail import JsonlTail
from rlhf_tui.tracking.clock import SAMPLES, TOKENS, Clock, XAxis
from rlhf_tui.tracking.log_tail import LogTail
from rlhf_tui.tracking.panels import NOT_METRICS
from rlhf_tui.tracking.series import Series

PIECE = 512 * 1024
"""Bytes of metrics read at a time: some 50 ms to take in, then the keys have their turn."""
MOST_SAMPLES = 2000
"""Samples kept, the newest: 8 prompts at 250 evaluations."""
MOST_DISTRIBUTIONS = 2000
MAX_SERIES = 200
"""More metric names than this are some mistake, such as a name made of a number."""


@dataclass
class Batch:
    """What one read has brought."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    restarted: bool = False
    samples: list[dict[str, Any]] = field(default_factory=list)
    samples_restarted: bool = False
    distributions: list[dict[str, Any]] = field(default_factory=list)
    distributions_restarted: bool = False
    machine: list[dict[str, Any]] = field(default_factory=list)
    machine_restarted: bool = False
    log: bool = False
    more: bool = False
    """There are more metrics to read at once."""

    @property
    def empty(self) -> bool:
        return not (
            self.rows
            or self.samples
            or self.distributions
            or self.machine
            or self.log
            or self.restarted
        )


class Follower(Protocol):
    """Something that grows while it is watched."""

    path: Path
    """The directory or file that is followed."""
    problem: str
    """A sentence when something cannot be read; empty when all is well."""
    samples: deque[SampleRow]
    distributions: deque[DistributionRow]
    machine: deque[MachineRow]
    log: LogTail

    @property
    def series(self) -> Mapping[str, Series]:
        """Metrics by name, in the order in which they came."""
        ...

    @property
    def clocks(self) -> Mapping[XAxis, Clock]:
        """What the steps can be drawn by instead; without those that the run tells nothing of."""
        ...

    @property
    def gone(self) -> bool:
        """Whether what is followed is there no more."""
        ...

    def read(self) -> Batch:
        """Read a piece of what is new; for a thread: changes nothing that is drawn."""
        ...

    def take(self, batch: Batch) -> None:
        """Add what was read to what is drawn; for the thread that draws."""
        ...


class RunFollower:
    """Follows a run directory that may be half-written, cut, or deleted at any time."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self.series: dict[str, Series] = {}
        self.clocks: dict[XAxis, Clock] = {}
        self.samples: deque[SampleRow] = deque(maxlen=MOST_SAMPLES)
        self.distributions: deque[DistributionRow] = deque(maxlen=MOST_DISTRIBUTIONS)
        self.machine: deque[MachineRow] = deque(maxlen=20_000)
        self.log = LogTail(directory / layout.LOG)
        self.problem = ""
        self._metrics = JsonlTail(directory / layout.METRICS)
        self._samples = JsonlTail(directory / layout.SAMPLES)
        self._distributions = JsonlTail(directory / layout.DISTRIBUTIONS)
        self._machine = JsonlTail(directory / layout.MACHINE)
        self._rows = 0
        self._began = math.nan

    @property
    def gone(self) -> bool:
        try:
            return not self.path.is_dir()
        except PermissionError:
            # Somebody else's: there, but closed to us, which the reading then says.
            return False

    def read(self) -> Batch:
        """At most `PIECE` bytes of a file."""
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
            batch.distributions = self._distributions.read(PIECE)
            batch.distributions_restarted = self._distributions.restarted
            batch.machine = self._machine.read(PIECE)
            batch.machine_restarted = self._machine.restarted
            batch.log = self.log.read()
            self.problem = ""
        except OSError as error:
            self.problem = f"Cannot read {self.path.name}: {error.strerror}."
        return batch

    def take(self, batch: Batch) -> None:
        if batch.restarted:
            self.series.clear()
            self.clocks.clear()
            self._rows, self._began = 0, math.nan
        for row in batch.rows:
            self._take(row)
        for kept, rows, kind, restarted in (
            (self.samples, batch.samples, SampleRow, batch.samples_restarted),
            (
                self.distributions,
                batch.distributions,
                DistributionRow,
                batch.distributions_restarted,
            ),
            (self.machine, batch.machine, MachineRow, batch.machine_restarted),
        ):
            if restarted:
                kept.clear()
            kept.extend(one for row in rows if (one := _typed(row, kind)) is not None)

    def _take(self, row: dict[str, Any]) -> None:
        step = row.get("step", self._rows)
        self._rows += 1
        if not _is_number(step) or not math.isfinite(step):
            return
        self._tell_clocks(float(step), row)
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

    def _tell_clocks(self, step: float, row: dict[str, Any]) -> None:
        when = row.get("time")
        if isinstance(when, int | float) and math.isfinite(when):
            self._began = when if math.isnan(self._began) else self._began
            self.clocks.setdefault("time", Clock()).add(step, when - self._began)
        for axis, name in (("tokens", TOKENS), ("samples", SAMPLES)):
            value = row.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                self.clocks.setdefault(axis, Clock()).add(step, value)  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _typed(row: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError:
        return None
