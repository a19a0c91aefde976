"""Who judges what next: leases, overlap, skips, priorities; in memory and without I/O.

The scheduler is rebuilt from the log when a hub starts, and is the only one to grant leases.
Always true of it: no task has more judgements and live leases than its overlap (a judgement that
comes too late is marked surplus), and nobody is given a task that they have judged.

A queue holds the tasks of one kind and priority in their order. Each annotator walks a queue once:
a cursor passes what is not open for them, and a task that opens again behind their cursor is put
on a heap of theirs. So a grant costs the same however many tasks there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from rlhf_tui.records import TaskKind

KINDS: tuple[TaskKind, ...] = ("rank", "thumbs")


@dataclass(slots=True)
class TaskState:
    """What the scheduler knows of one task; `index` is its place in the queue."""

    task_id: str
    kind: TaskKind
    overlap: int
    queue: Queue
    index: int
    judged: tuple[int, ...] = ()
    """Annotators; a tuple, since most of a quarter million tasks have none or two."""
    skipped: tuple[int, ...] = ()
    leases: dict[int, int] = field(default_factory=dict)
    """End of each live lease in milliseconds, by annotator."""

    @property
    def open(self) -> bool:
        return len(self.judged) + len(self.leases) < self.overlap

    def touched(self) -> set[int]:
        """Annotators for whom it is not open even when it is open for others."""
        return {*self.judged, *self.skipped, *self.leases}


@dataclass(slots=True)
class Queue:
    """The tasks of one kind and priority."""

    priority: int
    tasks: list[TaskState] = field(default_factory=list)
    cursors: dict[int, int] = field(default_factory=dict)
    returned: dict[int, list[int]] = field(default_factory=dict)
    """By annotator: a heap of the places of tasks that opened again behind the cursor."""

    def give_back(self, task: TaskState) -> None:
        for annotator, cursor in self.cursors.items():
            if task.index < cursor:
                heapq.heappush(self.returned.setdefault(annotator, []), task.index)

    def next_open(self, annotator: int) -> TaskState | None:
        heap = self.returned.get(annotator)
        while heap:
            task = self.tasks[heapq.heappop(heap)]
            if _grantable(task, annotator):
                return task
        cursor = self.cursors.get(annotator, 0)
        found = None
        while cursor < len(self.tasks) and found is None:
            task = self.tasks[cursor]
            cursor += 1
            if _grantable(task, annotator):
                found = task
        self.cursors[annotator] = cursor
        return found


@dataclass(slots=True)
class KindCounts:
    """Over all tasks of a kind; kept up to date with each change."""

    tasks: int = 0
    wanted: int = 0
    judgements: int = 0
    open: int = 0


@dataclass(slots=True)
class OwnCounts:
    """Of one annotator and kind."""

    judged: int = 0
    skipped: int = 0
    closed: int = 0
    """Open tasks that are not open for this annotator."""


@dataclass(frozen=True, slots=True)
class Grant:
    task_id: str
    expires_ms: int
    fresh: bool
    """True for a new or renewed lease, which has to be written down."""


class Scheduler:
    """Times are milliseconds since 1970, given by the caller."""

    def __init__(self, lease_ms: int) -> None:
        self.lease_ms = lease_ms
        self.tasks: dict[str, TaskState] = {}
        self.counts: dict[TaskKind, KindCounts] = {kind: KindCounts() for kind in KINDS}
        self._queues: dict[TaskKind, dict[int, Queue]] = {kind: {} for kind in KINDS}
        self._numbers: dict[str, int] = {}
        self._own: dict[tuple[int, TaskKind], OwnCounts] = {}
        self._held: dict[tuple[int, TaskKind], dict[str, TaskState]] = {}
        self._skips: dict[tuple[int, TaskKind], dict[str, TaskState]] = {}
        self._ends: list[tuple[int, str, int]] = []

    # --- what there is ------------------------------------------------------------------------

    def add_task(self, task_id: str, kind: TaskKind, overlap: int = 1, priority: int = 0) -> None:
        """One more task, behind those of its priority; a known one changes nothing."""
        if task_id in self.tasks:
            return
        queue = self._queues[kind].get(priority)
        if queue is None:
            self._queues[kind][priority] = Queue(priority)
            self._queues[kind] = dict(sorted(self._queues[kind].items(), reverse=True))
            queue = self._queues[kind][priority]
        task = TaskState(task_id, kind, overlap, queue, len(queue.tasks))
        queue.tasks.append(task)
        self.tasks[task_id] = task
        counts = self.counts[kind]
        counts.tasks += 1
        counts.wanted += overlap
        counts.open += task.open

    def own(self, annotator: str, kind: TaskKind) -> OwnCounts:
        return self._own.setdefault((self._number(annotator), kind), OwnCounts())

    def open_for(self, annotator: str, kind: TaskKind) -> int:
        """Tasks that could be leased to this annotator now."""
        return self.counts[kind].open - self.own(annotator, kind).closed

    def skipped_open(self, annotator: str, kind: TaskKind) -> int:
        """Tasks that this annotator skipped and could have back now."""
        return sum(1 for _ in self._skipped_open(self._number(annotator), kind))

    # --- leases -------------------------------------------------------------------------------

    def lease(
        self,
        annotator: str,
        kind: TaskKind,
        limit: int,
        now_ms: int,
        *,
        held: Iterable[str] = (),
        elsewhere: Collection[str] = (),
        skipped: bool = False,
    ) -> tuple[list[Grant], list[Grant]]:
        """Up to `limit` tasks for an annotator, and the renewals of what they hold.

        Leases of theirs that are live and not in `held` come first: a client that lost its
        connection gets back what it had; but not what they have `elsewhere`, at another terminal.
        A lease is renewed when less than half of it is left.
        """
        self.expire(now_ms)
        number = self._number(annotator)
        shown = set(held)
        mine = self._held.setdefault((number, kind), {})
        renewed = [self._hold(mine[t], number, now_ms) for t in shown if t in mine]
        granted: list[Grant] = []
        if not skipped:
            here = shown.union(elsewhere)
            back = [task for task_id, task in mine.items() if task_id not in here]
            back.sort(key=lambda task: (-task.queue.priority, task.index))
            granted = [self._hold(task, number, now_ms) for task in back[:limit]]
        source = self._skipped_open(number, kind) if skipped else self._all_open(number, kind)
        while len(granted) < limit and (task := next(source, None)) is not None:
            granted.append(self._hold(task, number, now_ms))
        return granted, [grant for grant in renewed if grant.fresh]

    def lease_again(self, task_id: str, annotator: str, now_ms: int) -> Grant | None:
        """The lease of a task that its annotator has before them again; None if it is not open."""
        task, number = self.tasks.get(task_id), self._number(annotator)
        if task is None or not _grantable(task, number):
            return None
        return self._hold(task, number, now_ms)

    def lease_restored(self, task_id: str, annotator: str, expires_ms: int) -> None:
        """A lease as the log has it."""
        task = self.tasks.get(task_id)
        if task is not None:
            self._set_lease(task, self._number(annotator), expires_ms)

    def holds(self, task_id: str, annotator: str) -> int:
        """End of the annotator's lease; 0 when there is none."""
        return self.tasks[task_id].leases.get(self._number(annotator), 0)

    def release(self, task_id: str, annotator: str) -> None:
        task = self.tasks.get(task_id)
        if task is not None:
            self._change(task, self._number(annotator), drop_lease=True)

    def expire(self, now_ms: int) -> None:
        """End every lease whose time is up."""
        while self._ends and self._ends[0][0] <= now_ms:
            end, task_id, number = heapq.heappop(self._ends)
            task = self.tasks[task_id]
            # A renewed lease left its old end here; the new one stands further back.
            if task.leases.get(number) == end:
                self._change(task, number, drop_lease=True)

    # --- what people did ----------------------------------------------------------------------

    def judge(self, task_id: str, annotator: str) -> bool:
        """Count a judgement or its revision; True when it is surplus.

        Surplus: the annotator had no live lease, and others' judgements and leases fill the
        overlap already.
        """
        task = self.tasks.get(task_id)
        if task is None:
            return False
        number = self._number(annotator)
        late = number not in task.leases and number not in task.judged and not task.open
        self._change(task, number, drop_lease=True, judged=True, skipped=False)
        return late

    def skip(self, task_id: str, annotator: str) -> None:
        """Set aside; a task that they have judged stays judged."""
        task = self.tasks.get(task_id)
        if task is not None:
            number = self._number(annotator)
            self._change(task, number, drop_lease=True, skipped=number not in task.judged)

    def retract(self, task_id: str, annotator: str) -> None:
        """Take back a judgement or a skip: the task opens again, for its annotator too."""
        task = self.tasks.get(task_id)
        if task is not None:
            self._change(task, self._number(annotator), judged=False, skipped=False)

    # --- inside -------------------------------------------------------------------------------

    def _number(self, annotator: str) -> int:
        return self._numbers.setdefault(annotator, len(self._numbers))

    def _all_open(self, number: int, kind: TaskKind) -> Iterator[TaskState]:
        for queue in self._queues[kind].values():
            while (task := queue.next_open(number)) is not None:
                yield task

    def _skipped_open(self, number: int, kind: TaskKind) -> Iterator[TaskState]:
        for task in list(self._skips.get((number, kind), {}).values()):
            if task.open and number not in task.leases:
                yield task

    def _hold(self, task: TaskState, number: int, now_ms: int) -> Grant:
        end = task.leases.get(number, 0)
        if end - now_ms >= self.lease_ms // 2:
            return Grant(task.task_id, end, fresh=False)
        self._set_lease(task, number, now_ms + self.lease_ms)
        return Grant(task.task_id, now_ms + self.lease_ms, fresh=True)

    def _set_lease(self, task: TaskState, number: int, end: int) -> None:
        self._change(task, number, lease=end)
        heapq.heappush(self._ends, (end, task.task_id, number))

    def _change(
        self,
        task: TaskState,
        number: int,
        *,
        lease: int = 0,
        drop_lease: bool = False,
        judged: bool | None = None,
        skipped: bool | None = None,
    ) -> None:
        """Every change of a task's state goes through here, so that the counts follow it."""
        own = self._own.setdefault((number, task.kind), OwnCounts())
        counts = self.counts[task.kind]
        was_open, was_touched = task.open, task.touched()
        if lease:
            task.leases[number] = lease
            self._held.setdefault((number, task.kind), {})[task.task_id] = task
        elif drop_lease and task.leases.pop(number, None) is not None:
            self._held[number, task.kind].pop(task.task_id, None)
        if judged is not None and judged != (number in task.judged):
            task.judged = _with(task.judged, number) if judged else _without(task.judged, number)
            own.judged += 1 if judged else -1
            counts.judgements += 1 if judged else -1
        if skipped is not None and skipped != (number in task.skipped):
            task.skipped = (
                _with(task.skipped, number) if skipped else _without(task.skipped, number)
            )
            own.skipped += 1 if skipped else -1
            skips = self._skips.setdefault((number, task.kind), {})
            if skipped:
                skips[task.task_id] = task
            else:
                skips.pop(task.task_id, None)
        self._recount(task, was_open, was_touched)

    def _recount(self, task: TaskState, was_open: bool, was_touched: set[int]) -> None:
        touched = task.touched()
        self.counts[task.kind].open += task.open - was_open
        for number in was_touched | touched:
            closed = self._own.setdefault((number, task.kind), OwnCounts())
            closed.closed += (task.open and number in touched) - (
                was_open and number in was_touched
            )
        if task.open and (not was_open or was_touched - touched):
            task.queue.give_back(task)


def _with(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return (*numbers, number)


def _without(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return tuple(other for other in numbers if other != number)


def _grantable(task: TaskState, annotator: int) -> bool:
    return (
        task.open
        and annotator not in task.judged
        and annotator not in task.skipped
        and annotator not in task.leases
    )
