"""What a reader of another program's log does, and the follower that the dashboard is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rlhf_tui.errors import UsageError
from rlhf_tui.runs.layout import DistributionRow, MachineRow, SampleRow
from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.follow import PIECE, Batch
from rlhf_tui.tracking.foreign.intake import Intake
from rlhf_tui.tracking.log_tail import LogTail
from rlhf_tui.tracking.plan import Plan
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

    @property
    def facts(self) -> Facts:
        """Replaced as a whole when they change."""
        ...

    @property
    def total(self) -> int:
        """Steps in all; 0 while unknown."""
        ...

    @property
    def over(self) -> str:
        """How it ended, where the log says so: `finished` or `failed`; else empty."""
        ...

    @property
    def problem(self) -> str:
        """What cannot be read, as a sentence."""
        ...

    @property
    def title(self) -> str:
        """What the run is called, where the log says so."""
        ...

    def read(self, limit: int) -> Piece:
        """About `limit` more bytes; for a thread.

        Raises:
            OSError: the file cannot be read.
        """
        ...


class Telling:
    """What a `Reader` tells beside its rows, while it knows nothing yet."""

    def __init__(self, problem: str = "") -> None:
        self.facts: Facts = {}
        self.total = 0
        self.over = ""
        self.problem = problem
        self.title = ""


class NoReader(Telling):
    """Stands for a log that nothing here can read, and says why: its problem."""

    def read(self, limit: int) -> Piece:
        return Piece()


class Later:
    """A reader that is made when it is first read, in the thread that reads.

    The packages that some of them need take half a second to import.
    """

    def __init__(self, make: Callable[[], Reader]) -> None:
        """
        Args:
            make: may raise UsageError, which then is what cannot be read.
        """
        self._make = make
        self._made: Reader = NoReader("")
        self._begun = False

    @property
    def facts(self) -> Facts:
        return self._made.facts

    @property
    def total(self) -> int:
        return self._made.total

    @property
    def over(self) -> str:
        return self._made.over

    @property
    def problem(self) -> str:
        return self._made.problem

    @property
    def title(self) -> str:
        return self._made.title

    def read(self, limit: int) -> Piece:
        if not self._begun:
            self._begun = True
            try:
                self._made = self._make()
            except UsageError as error:
                self._made = NoReader(str(error))
        return self._made.read(limit)


class LogFollower:
    """Follows a log of another program: a `tracking.follow.Follower`."""

    def __init__(self, path: Path, reader: Reader, log: Path | None = None) -> None:
        """
        Args:
            log: a file of what the program printed.
        """
        self.path = path
        self.reader = reader
        self.problem = ""
        self.plan: Plan | None = None
        self.samples: deque[SampleRow] = deque()
        self.distributions: deque[DistributionRow] = deque()
        self.machine: deque[MachineRow] = deque()
        self.log = LogTail(log or path / "log.txt")
        self._has_log = log is not None
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
            if self._has_log:
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
