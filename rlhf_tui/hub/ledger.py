"""Who has judged, skipped and holds what; the counts and the queues follow every change.

In memory and without I/O: it is rebuilt from the log when a hub starts. What it knows is said by
`add_task`, `judge`, `skip` … in the order of the log; whom to give what is the scheduler's part.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from rlhf_tui.hub.pool import KindCounts, OwnCounts, Pool
from rlhf_tui.hub.queues import TaskState
from rlhf_tui.hub.repeats import Repeats
from rlhf_tui.hub.selection import Plan
from rlhf_tui.records import JUDGEMENT_KINDS, TaskKind

KINDS: tuple[TaskKind, ...] = ("rank", "thumbs")


class Ledger:
    """Times are milliseconds since 1970, given by the caller."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tasks: dict[str, TaskState] = {}
        self._pools: dict[TaskKind, Pool] = {kind: Pool(plan) for kind in KINDS}
        self.counts: dict[TaskKind, KindCounts] = {k: p.counts for k, p in self._pools.items()}
        self._numbers: dict[str, int] = {}
        self._own: dict[tuple[int, TaskKind], OwnCounts] = {}
        self._repeats: dict[tuple[int, TaskKind], Repeats] = {}
        self._held: dict[tuple[int, TaskKind], dict[str, TaskState]] = {}
        self._skips: dict[tuple[int, TaskKind], dict[str, TaskState]] = {}
        self._ends: list[tuple[int, str, int]] = []
        self._back: dict[tuple[int, TaskKind], dict[str, TaskState]] = {}
        """What people had before them and gave back, or let expire. It comes first again: were a
        known answer gone when they return, its absence would tell what it was."""

    # --- what there is ------------------------------------------------------------------------

    def add_task(
        self,
        task_id: str,
        kind: TaskKind,
        overlap: int = 1,
        priority: int = 0,
        *,
        gold: bool = False,
        repeat_of: str | None = None,
        assignee: str = "",
    ) -> None:
        """One more task, behind those imported before; a known one changes nothing."""
        if task_id in self.tasks:
            return
        pool = self._pools[kind]
        task = TaskState(task_id, kind, overlap, priority, len(pool.tasks))
        original = self.tasks.get(repeat_of) if repeat_of else None
        if original is not None:
            task.group, task.overlap, task.assignee = "repeat", 1, self._number(assignee)
            self._repeats_of(task.assignee, kind).add(task, original)
        elif gold:
            task.group = "gold"
        self.tasks[task_id] = task
        pool.add(task)
        self._count(task, 1)

    def set_gold(self, task_id: str, gold: bool) -> None:
        """A task has got a known answer, or has lost it; its judgements stay what they are."""
        task = self.tasks.get(task_id)
        if task is None or task.group == "repeat" or gold == (task.group == "gold"):
            return
        self._count(task, -1)
        task.group = "gold" if gold else "usual"
        self._count(task, 1)
        self._pools[task.kind].enter(task)

    def arrange(self, plan: Plan) -> None:
        """Hand out by this plan from now on."""
        if plan != self.plan:
            self.plan = plan
            for pool in self._pools.values():
                pool.arrange(plan)

    def inform(self, values: Iterable[tuple[str, float]]) -> None:
        """Take what judgements are expected to tell, by task, in place of what was known."""
        by_kind: dict[TaskKind, list[tuple[int, float]]] = {kind: [] for kind in KINDS}
        for task_id, value in values:
            if (task := self.tasks.get(task_id)) is not None:
                by_kind[task.kind].append((task.index, value))
        for kind, found in by_kind.items():
            self._pools[kind].inform(found)

    def own(self, annotator: str, kind: TaskKind) -> OwnCounts:
        return self._own_of(self._number(annotator), kind)

    def holds(self, task_id: str, annotator: str) -> int:
        """End of the annotator's lease; 0 when there is none."""
        return self.tasks[task_id].leases.get(self._number(annotator), 0)

    # --- what people did ----------------------------------------------------------------------

    def apply(self, kind: str, task_id: str, annotator: str, at_ms: int) -> bool:
        """Take in an event of this kind; True when it is a surplus judgement."""
        if kind in JUDGEMENT_KINDS:
            return self.judge(task_id, annotator, at_ms)
        if kind == "skip":
            self.skip(task_id, annotator)
        elif kind == "retract":
            self.retract(task_id, annotator)
        elif kind == "release":
            self.release(task_id, annotator)
        return False

    def judge(self, task_id: str, annotator: str, at_ms: int = 0) -> bool:
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
        if task.group == "usual":
            self._repeats_of(number, task.kind).note(task.index, at_ms)
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

    def release(self, task_id: str, annotator: str) -> None:
        task = self.tasks.get(task_id)
        if task is not None:
            self._change(task, self._number(annotator), drop_lease=True)

    def lease_restored(self, task_id: str, annotator: str, expires_ms: int) -> None:
        """A lease as the log has it."""
        task = self.tasks.get(task_id)
        if task is not None:
            self._set_lease(task, self._number(annotator), expires_ms)

    def back_restored(self, task_id: str, annotator: str) -> None:
        """A task that the annotator had before them once, and has neither judged nor skipped."""
        task = self.tasks.get(task_id)
        if task is not None:
            self._note_back(task, self._number(annotator))

    def draws_restored(self, annotator: str, kind: TaskKind, count: int) -> None:
        """How many items an annotator has drawn, as the log has it."""
        self.own(annotator, kind).drawn = count

    def expire(self, now_ms: int) -> None:
        """End every lease whose time is up."""
        while self._ends and self._ends[0][0] <= now_ms:
            end, task_id, number = heapq.heappop(self._ends)
            task = self.tasks[task_id]
            # A renewed lease left its old end here; the new one stands further back.
            if task.leases.get(number) == end:
                self._change(task, number, drop_lease=True)

    # --- inside -------------------------------------------------------------------------------

    def _number(self, annotator: str) -> int:
        return self._numbers.setdefault(annotator, len(self._numbers))

    def _own_of(self, number: int, kind: TaskKind) -> OwnCounts:
        return self._own.setdefault((number, kind), OwnCounts())

    def _repeats_of(self, number: int, kind: TaskKind) -> Repeats:
        return self._repeats.setdefault((number, kind), Repeats())

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
        own = self._own_of(number, task.kind)
        was_open, was_level, was_touched = task.open, task.level, task.touched()
        self._count(task, -1)
        if lease:
            task.leases[number] = lease
            self._held.setdefault((number, task.kind), {})[task.task_id] = task
        elif drop_lease and task.leases.pop(number, None) is not None:
            self._held[number, task.kind].pop(task.task_id, None)
        if judged is not None and judged != (number in task.judged):
            task.judged = _with(task.judged, number) if judged else _without(task.judged, number)
            own.judged += 1 if judged else -1
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
        self._count(task, 1)
        if task.group == "repeat":
            self._repeats_of(task.assignee, task.kind).settle(task)
        if number in was_touched or number in task.touched():
            self._note_back(task, number)
        if task.open and (
            not was_open
            or was_touched - task.touched()
            or (self.plan.order == "fewest" and task.level != was_level and task.group == "usual")
        ):
            self._pools[task.kind].enter(task)

    def _note_back(self, task: TaskState, number: int) -> None:
        back = self._back.setdefault((number, task.kind), {})
        if number in task.touched():
            back.pop(task.task_id, None)
        else:
            back[task.task_id] = task

    def _come_back(self, number: int, kind: TaskKind) -> list[TaskState]:
        """What an annotator gets before anything new."""
        repeats = self._repeats_of(number, kind)
        return [
            task
            for task in self._back.get((number, kind), {}).values()
            if task.open_to(number) and (task.group != "repeat" or repeats.due(task, number))
        ]

    def _count(self, task: TaskState, sign: int) -> None:
        """Put a task into the counts as it is now (1), or take it out (-1)."""
        counts = self.counts[task.kind]
        if task.group == "usual":
            counts.tasks += sign
            counts.wanted += sign * task.overlap
            counts.judgements += sign * len(task.judged)
            if task.open:
                counts.open += sign
                for number in task.touched():
                    self._own_of(number, task.kind).closed += sign
        elif task.group == "gold":
            counts.gold += sign
            counts.checks += sign * len(task.judged)
            for number in task.touched():
                self._own_of(number, task.kind).gold_closed += sign
        else:
            counts.checks += sign * len(task.judged)


def _with(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return (*numbers, number)


def _without(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return tuple(other for other in numbers if other != number)
