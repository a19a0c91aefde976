"""Who judges what next: leases, overlap, skips, known answers and repeats; in memory, without I/O.

The scheduler is rebuilt from the log when a hub starts, and is the only one to grant leases.
Always true of it: no task has more judgements and live leases than its overlap (a judgement that
comes too late is marked surplus), and nobody is given a task that they have judged. Tasks with a
known answer stand outside of that count, once for everyone; a repeat is for one person.

What comes next is said by the plan (selection.py) and found in the queues (pool.py, queues.py).
Known answers and repeats come between the tasks that are wanted and never after the last of them,
so that nobody can tell them by their being all that is left; where a kind has nothing but known
answers, an examination, they are handed out one after another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from rlhf_tui.hub.ledger import KINDS, Ledger
from rlhf_tui.hub.queues import TaskState
from rlhf_tui.hub.selection import Plan
from rlhf_tui.records import Selection, TaskKind

__all__ = ["KINDS", "Grant", "Scheduler"]

MOST_REASONS = 50_000
"""Reasons kept in memory, for judgements and for what is done again soon after; some 10 MB."""

MOST_EXTRA = 4
"""Items to come for each wanted one, at most: with half of them gold and half of the others
repeats."""


@dataclass(frozen=True, slots=True)
class Grant:
    task_id: str
    expires_ms: int
    fresh: bool
    """True for a new or renewed lease, which has to be written down."""
    selection: Selection = ""
    """Why it was drawn; empty for what its annotator got before: every draw is one such grant."""


class Scheduler(Ledger):
    """Times are milliseconds since 1970, given by the caller."""

    def __init__(self, lease_ms: int, plan: Plan = Plan()) -> None:  # noqa: B008
        super().__init__(plan)
        self.lease_ms = lease_ms
        self._reasons: dict[tuple[str, int], Selection] = {}

    # --- what there is ------------------------------------------------------------------------

    def open_for(self, annotator: str, kind: TaskKind) -> int:
        """Items that this annotator has before them: the wanted ones that could be leased to them
        now, and the known answers and repeats that will come between those.

        Each item handed out makes it one less, whatever it is.
        """
        own, counts = self.own(annotator, kind), self.counts[kind]
        usual, gold = counts.open - own.closed, counts.gold - own.gold_closed
        if not counts.tasks:
            return gold
        if not usual:
            return 0
        back = self._come_back(self._number(annotator), kind)
        groups = [task.group for task in back]
        new, gold = usual - groups.count("usual"), gold - groups.count("gold")
        total, before = new, -1
        while total != before and total < MOST_EXTRA * new:
            turns = self.plan.turns(annotator, kind, own.drawn, total)
            total, before = new + min(turns[0], gold) + turns[1], total
        return total + len(back)

    def told(self, annotator: str, kind: TaskKind) -> tuple[int, int]:
        """How many judgements there are, and how many are wanted, as an annotator may know it.

        Known answers and repeats are among both: those that people have judged, and this
        annotator's own that are before them, set aside, or still to come. So the one grows with
        each judgement and the other stands still, whatever was judged.
        """
        number, counts, own = self._number(annotator), self.counts[kind], self.own(annotator, kind)
        mine = [
            *self._held.get((number, kind), {}).values(),
            *(
                task
                for task in self._skips.get((number, kind), {}).values()
                if number not in task.leases
            ),
        ]
        checks = counts.checks + sum(task.group != "usual" for task in mine)
        checks += self.open_for(annotator, kind) - (counts.open - own.closed)
        return counts.judgements + counts.checks, counts.wanted + checks

    def skipped_open(self, annotator: str, kind: TaskKind) -> int:
        """Tasks that this annotator skipped and could have back now."""
        return sum(1 for _ in self._skipped_open(self._number(annotator), kind))

    def to_ask_again(self, annotator: str, kind: TaskKind, limit: int, now_ms: int) -> list[str]:
        """Tasks of which repeats are missing for the next `limit` draws of an annotator."""
        if not self.plan.repeat_share:
            return []
        number, own = self._number(annotator), self.own(annotator, kind)
        repeats = self._repeats_of(number, kind)
        turns = self.plan.turns(annotator, kind, own.drawn, limit)[1]
        missing = turns - len(repeats.ready(number))
        if missing <= 0 or self.counts[kind].open <= own.closed:
            return []
        seed = f"{self.plan.seed}\0again\0{annotator}\0{kind}"
        tasks = self._pools[kind].tasks
        return [t.task_id for t in repeats.choose(tasks, number, missing, now_ms, seed=seed)]

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
            granted = [self._hold(task, number, now_ms) for task in back[:limit]]
        if skipped:
            for task in self._skipped_open(number, kind):
                if len(granted) >= limit:
                    break
                granted.append(self._hold(task, number, now_ms))
        else:
            while len(granted) < limit and (drawn := self._draw(annotator, kind)) is not None:
                task, selection = drawn
                if selection:
                    self._remember(task.task_id, number, selection)
                granted.append(self._hold(task, number, now_ms, selection))
        return granted, [grant for grant in renewed if grant.fresh]

    def lease_again(self, task_id: str, annotator: str, now_ms: int) -> Grant | None:
        """The lease of a task that its annotator has before them again; None if it is not open."""
        task, number = self.tasks.get(task_id), self._number(annotator)
        if task is None or not task.open_to(number):
            return None
        return self._hold(task, number, now_ms)

    def reason(self, task_id: str, annotator: str) -> Selection | None:
        """Why a task was drawn for an annotator; None: not lately, the log may know."""
        return self._reasons.get((task_id, self._number(annotator)))

    # --- inside -------------------------------------------------------------------------------

    def _draw(self, annotator: str, kind: TaskKind) -> tuple[TaskState, Selection] | None:
        """The next item for an annotator, by whose turn it is; counts the draw.

        What they had and gave back comes first and is no draw: why it was drawn is known.
        """
        number, pool = self._number(annotator), self._pools[kind]
        own = self._own_of(number, kind)
        if pool.counts.open > own.closed and (back := self._come_back(number, kind)):
            return back[0], ""
        found: TaskState | None = None
        selection: Selection = "gold"
        if not pool.counts.tasks:
            found = pool.take_gold(number)
        elif pool.counts.open > own.closed:
            turn = self.plan.turn(annotator, kind, own.drawn)
            if turn == "gold":
                found = pool.take_gold(number)
            elif turn == "repeat":
                ready = self._repeats_of(number, kind).ready(number)
                found, selection = ready[0] if ready else None, "repeat"
            if found is None:
                control = self.plan.is_control(annotator, kind, own.drawn)
                if (taken := pool.take(number, control=control)) is not None:
                    found, selection = taken
        if found is None:
            return None
        own.drawn += 1
        return found, selection

    def _skipped_open(self, number: int, kind: TaskKind) -> Iterator[TaskState]:
        for task in list(self._skips.get((number, kind), {}).values()):
            if task.open and number not in task.leases:
                yield task

    def _remember(self, task_id: str, number: int, selection: Selection) -> None:
        if len(self._reasons) >= MOST_REASONS:
            for key in list(self._reasons)[: MOST_REASONS // 10]:
                del self._reasons[key]
        self._reasons[task_id, number] = selection

    def _hold(self, task: TaskState, number: int, now_ms: int, selection: Selection = "") -> Grant:
        end = task.leases.get(number, 0)
        if end - now_ms >= self.lease_ms // 2:
            return Grant(task.task_id, end, fresh=False)
        self._set_lease(task, number, now_ms + self.lease_ms)
        return Grant(task.task_id, now_ms + self.lease_ms, fresh=True, selection=selection)
