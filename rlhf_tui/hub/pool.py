"""The tasks of one kind, in the queues that the plan asks for."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from rlhf_tui.hub.queues import Queue, TaskState
from rlhf_tui.hub.selection import Plan, unit
from rlhf_tui.records import Selection


@dataclass(slots=True)
class KindCounts:
    """Over the tasks of a kind that are wanted, kept up to date with each change.

    Known answers and repeats stand apart: what is wanted is done when `judgements` has reached
    `wanted`, however often people were checked on the way.
    """

    tasks: int = 0
    wanted: int = 0
    judgements: int = 0
    open: int = 0
    gold: int = 0
    """Tasks with a known answer."""
    checks: int = 0
    """Judgements of known answers and repeats."""


@dataclass(slots=True)
class OwnCounts:
    """Of one annotator and kind. What they have done counts alike, whatever it was for them to
    be asked: a count that stood still would tell them."""

    judged: int = 0
    skipped: int = 0
    closed: int = 0
    """Open tasks that are not open for this annotator."""
    gold_closed: int = 0
    """Known answers that are not open for this annotator."""
    drawn: int = 0
    """Items handed out to them so far, those that they only got back left out."""


class Pool:
    """Tasks by index, and queues over those that are wanted and those with a known answer."""

    def __init__(self, plan: Plan) -> None:
        self.tasks: list[TaskState] = []
        self.counts = KindCounts()
        self._information: array[float] = array("d")
        self.arrange(plan)

    def arrange(self, plan: Plan) -> None:
        """Put everything in the order of this plan; annotators begin to walk anew."""
        self.plan = plan
        self._key = plan.key(self._information)
        levels = plan.order == "fewest"

        def fits(task: TaskState, key: int) -> bool:
            return task.group == "usual" and not (levels and key != self._key(task))

        self._usual = Queue(self.tasks, fits)
        self._control = Queue(self.tasks, lambda task, _: task.group == "usual")
        self._gold = Queue(self.tasks, lambda task, _: task.group == "gold")
        for task in self.tasks:
            self.enter(task)

    def inform(self, values: Iterable[tuple[int, float]]) -> None:
        """Take what judgements are expected to tell, by index, in place of what was known."""
        self._information = array("d", [-1.0]) * len(self.tasks)
        for index, value in values:
            self._information[index] = value
        self.arrange(self.plan)

    def add(self, task: TaskState) -> None:
        self.tasks.append(task)
        self.enter(task)

    def enter(self, task: TaskState) -> None:
        """Queue a task that is new, opened again, or has got another place."""
        if task.group == "gold":
            place = unit(self.plan.seed, "gold", task.task_id)
            self._gold.add(int(place * 2**62), task.index)
        elif task.group == "usual":
            if self.plan.in_control(task.task_id):
                self._control.add(self.plan.control_key(task), task.index)
            else:
                self._usual.add(self._key(task), task.index)

    def take_gold(self, annotator: int) -> TaskState | None:
        found = self._gold.take(annotator)
        return found[0] if found else None

    def take(self, annotator: int, *, control: bool) -> tuple[TaskState, Selection] | None:
        """The next wanted task for an annotator, and why it is that one.

        Where there is none of the control tasks, or of the others, it is one of the rest.
        """
        for aside in (control, not control):
            found = (self._control if aside else self._usual).take(annotator)
            if found is not None:
                task, key = found
                return task, "control" if aside else self.plan.reason(task, key)
        return None
