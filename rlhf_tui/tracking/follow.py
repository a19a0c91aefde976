"""What a run writes, followed: metrics, samples, distributions, machine and log, read-only.

A `Follower` is read in a thread (`read`, which changes nothing that is drawn) and taken in by the
thread that draws (`take`). `RunFollower` follows a run directory of ours; `foreign` makes followers
of what other programs wrote.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import DistributionRow, MachineRow, SampleRow
from rlhf_tui.runs.tail import JsonlTail, Place
from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.log_tail import LogTail
from rlhf_tui.tracking.metrics import Metrics
from rlhf_tui.tracking.plan import Plan, plan_of
from rlhf_tui.tracking.sampled import plain
from rlhf_tui.tracking.series import Series

if TYPE_CHECKING:
    from rlhf_tui.tracking.index import Index

PIECE = 512 * 1024
"""Bytes of a file read at a time: some 10 ms to take in, then the keys have their turn."""
INDEX_FROM = 1024 * 1024
"""Bytes of metrics that are read anew as fast as their index would be."""
INDEX_EVERY = 4 * 1024 * 1024
"""New bytes after which the index is written again: read in a tenth of a second otherwise."""
INDEX_SHARE = 32
"""So many parts of a long log's index have to be new: it is written whole each time."""
MOST_SAMPLES = 2000
"""Samples kept, the newest: 8 prompts at 250 evaluations, the reference's answers among them."""
MOST_DISTRIBUTIONS = 2000
MOST_MACHINE = 20_000
"""Rows of the machine kept, the newest: more than a day of one every five seconds."""

T = TypeVar("T")


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
    """There is more to read at once."""
    kept: Metrics | None = None
    """What an index held of all earlier rows: it takes the place of what was there."""
    place: Place | None = None
    """How far the metrics are read with this batch."""

    @property
    def empty(self) -> bool:
        return not (
            self.rows
            or self.samples
            or self.distributions
            or self.machine
            or self.log
            or self.restarted
            or self.kept
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
    plan: Plan | None
    """When it evaluates, where it says so; known once it was read."""

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
    """Follows a run directory that may be half-written, cut, or deleted at any time.

    Metrics beyond `INDEX_FROM` bytes are kept in the viewer's cache, for the next time.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self.samples: deque[SampleRow] = deque(maxlen=MOST_SAMPLES)
        self.distributions: deque[DistributionRow] = deque(maxlen=MOST_DISTRIBUTIONS)
        self.machine: deque[MachineRow] = deque(maxlen=MOST_MACHINE)
        self.log = LogTail(directory / layout.LOG)
        self.problem = ""
        self.plan: Plan | None = None
        self._planned = False
        self._taken = Metrics()
        self._metrics = JsonlTail(directory / layout.METRICS)
        self._samples = JsonlTail(directory / layout.SAMPLES)
        self._distributions = JsonlTail(directory / layout.DISTRIBUTIONS)
        self._machine = JsonlTail(directory / layout.MACHINE)
        self._index: Index | None = None
        self._indexed = 0
        """How far the index goes, or would if it could be written."""
        self._place: Place | None = None
        """How far the metrics are taken in."""

    @property
    def series(self) -> dict[str, Series]:
        return self._taken.series

    @property
    def clocks(self) -> dict[XAxis, Clock]:
        return self._taken.clocks

    @property
    def gone(self) -> bool:
        try:
            return not self.path.is_dir()
        except PermissionError:
            # Somebody else's: there, but closed to us, which the reading then says.
            return False

    def read(self) -> Batch:
        """At most `PIECE` bytes of a file. Each may fail by itself; `problem` names the first."""
        batch, problems = Batch(), []
        if not self._planned:
            self._planned, self.plan = True, plan_of(self.path)

        def attempt(look: Callable[[], T], otherwise: T) -> T:
            try:
                return look()
            except OSError as error:
                problems.append(error.strerror or str(error))
                return otherwise

        attempt(lambda: self._read_metrics(batch), None)
        batch.samples = attempt(lambda: self._samples.read(PIECE), [])
        batch.samples_restarted = self._samples.restarted
        batch.distributions = attempt(lambda: self._distributions.read(PIECE), [])
        batch.distributions_restarted = self._distributions.restarted
        batch.machine = attempt(lambda: self._machine.read(PIECE), [])
        batch.machine_restarted = self._machine.restarted
        batch.log = attempt(self.log.read, False)
        tails = (self._metrics, self._samples, self._distributions, self._machine)
        batch.more = any(tail.more for tail in tails)
        self.problem = f"Cannot read {self.path.name}: {problems[0]}." if problems else ""
        return batch

    def _read_metrics(self, batch: Batch) -> None:
        self._use_index(batch)
        try:
            batch.rows = self._metrics.read(PIECE)
        finally:
            batch.restarted = self._metrics.restarted
            batch.place = self._metrics.place
        if batch.restarted:
            batch.kept, self._indexed = None, 0

    def _use_index(self, batch: Batch) -> None:
        """Begin with the index, or bring it up to date with what has been taken in."""
        tail, size = self._metrics, 0
        if self._index is None:
            size = tail.path.stat().st_size if tail.path.is_file() else 0
            if size < INDEX_FROM:
                return
            # Only now: most runs are short, and a start is counted in milliseconds.
            from rlhf_tui.tracking.index import Index

            self._index = Index(tail.path)
            found = self._index.load() if not tail.offset else None
            if found:
                batch.kept, place = found
                tail.go_on(place)
                self._indexed = place.offset
        elif self._index.broken:
            self._index = type(self._index)(tail.path)
            tail.go_on(Place(0, 0, b""))
            batch.kept, self._indexed = Metrics(), 0
        elif (
            not tail.more
            and self._place == tail.place
            and tail.offset - self._indexed >= self._worth_an_index()
        ):
            self._indexed = tail.offset
            self._index.save(self._taken, tail.place)

    def _worth_an_index(self) -> int:
        """New bytes that are worth writing the index for."""
        return max(INDEX_EVERY, self._indexed // INDEX_SHARE) if self._indexed else INDEX_FROM

    def take(self, batch: Batch) -> None:
        if batch.kept is not None:
            self._taken = batch.kept
        elif batch.restarted:
            self._taken.clear()
        self._taken.take(batch.rows)
        self._place = batch.place
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
            found = [one for row in rows if (one := _typed(row, kind)) is not None]
            if kept is self.samples and len(kept) + len(found) > MOST_SAMPLES:
                found = _newest_samples([*kept, *found])
                kept.clear()
            kept.extend(found)


def _newest_samples(rows: list[SampleRow]) -> list[SampleRow]:
    """As many samples as are kept: other models' newest answers first, which may have come but
    once, long ago; then the newest of the policy."""
    beside = {(row.by, plain(row.prompt)): row for row in rows if row.by}
    others = [*beside.values()][-MOST_SAMPLES // 2 :]
    own = [row for row in rows if not row.by]
    return [*others, *own[len(others) - MOST_SAMPLES :]]


def _typed(row: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(row, kind)
    except (msgspec.ValidationError, OverflowError):
        return None
