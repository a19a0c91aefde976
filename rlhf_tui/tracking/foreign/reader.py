"""What a reader of another program's log does, and the follower that the dashboard is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rlhf_tui.runs.layout import DistributionRow, MachineRow, SampleRow
from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.follow import PIECE, Batch
from rlhf_tui.tracking.foreign.intake import Intake
from rlhf_tui.tracking.log_tail import LogTail
from rlhf_tui.tracking.series import Series

Facts = dict[str, dict[str, Any]]
"""What a log knows beside its numbers: title → name → value."""


@dataclass
class Piece:
    """What one read has brought."""

    rows: list[dict[str, float | None]] = field(default_factory=list)
    restarted: bool = False
    more: bool = False


class Reader(Protocol):
    """Reads one log, a piece at a time."""

    facts: Facts
    """Replaced as a whole when they change."""
    total: int
    """Steps in all; 0 while unknown."""
    over: str
    """How it ended, where the log says so: `finished` or `failed`; else empty."""
    problem: str
    """What cannot be read, as a sentence."""
    log: Path | None
    """A file of what the program printed."""

    def read(self, limit: int) -> Piece:
        """About `limit` more bytes; for a thread.

        Raises:
            OSError: the file cannot be read.
        """
        ...


class NoReader:
    """Stands for a log that nothing here can read, and says why."""

    def __init__(self, problem: str) -> None:
        self.facts: Facts = {}
        self.total = 0
        self.over = ""
        self.problem = problem
        self.log: Path | None = None

    def read(self, limit: int) -> Piece:
        return Piece()


class LogFollower:
    """Follows a log of another program: a `tracking.follow.Follower`."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path = path
        self.reader = reader
        self.problem = ""
        self.samples: deque[SampleRow] = deque()
        self.distributions: deque[DistributionRow] = deque()
        self.machine: deque[MachineRow] = deque()
        self.log = LogTail(reader.log or path / "log.txt")
        self._intake = Intake()

    @property
    def series(self) -> Mapping[str, Series]:
        return self._intake.series

    @property
    def clocks(self) -> Mapping[XAxis, Clock]:
        return self._intake.clocks

    @property
    def step(self) -> float:
        """The furthest step taken in."""
        return self._intake.step

    @property
    def gone(self) -> bool:
        try:
            return not self.path.exists()
        except OSError:
            # Closed to us, which the reading then says.
            return False

    def read(self) -> Batch:
        """A piece of the log."""
        batch = Batch()
        try:
            piece = self.reader.read(PIECE)
            batch.rows, batch.restarted, batch.more = piece.rows, piece.restarted, piece.more
            if self.reader.log is not None:
                batch.log = self.log.read()
            self.problem = self.reader.problem
        except OSError as error:
            self.problem = f"Cannot read {self.path.name}: {error.strerror}."
        if self._intake.left_out and not self.problem:
            self.problem = f"It has more metrics than the {len(self.series)} that are shown."
        return batch

    def take(self, batch: Batch) -> None:
        if batch.restarted:
            self._intake.clear()
        self._intake.take(batch.rows)
