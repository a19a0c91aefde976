"""What is handed out next, and when: the order, and the turns of control, gold and repeats.

Everything here is a pure function of the workspace's seed, the annotator's name and how many items
they have drawn, so that a restart neither repeats nor shifts a draw.

How priority and order combine: an explicitly higher priority always comes first, and `order`
decides among tasks of one priority; save `sequential`, which is the order of import alone.

The control share of an order by information is set aside beforehand: a hash of a task's id says
whether it belongs to it, and such a task is never chosen for what models say of it. Were it drawn
from what is open at the moment, it would be a sample of what the models have left over, which is
the easier the longer people label. So the control tasks of one priority are a simple random sample
of all tasks of that priority, and those judged so far of the control tasks. That ends where one of
the two runs out: then the other is handed out alone, each under its own name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from rlhf_tui.config.settings import Settings
from rlhf_tui.hub.queues import TaskState
from rlhf_tui.records import Selection, TaskKind

Order = Literal["priority", "sequential", "random", "fewest", "informative"]

UNSCORED = 1 << 31
"""In an order by information, the key of the first task that no model has scored."""
_LEVEL_BITS, _INDEX_BITS = 14, 28
"""Of a key of `fewest`: an overlap is at most 10,000, a store has some million tasks."""


def unit(*parts: object) -> float:
    """A number in [0, 1) that looks random, and is always the same for the same parts."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class Turns(msgspec.Struct, frozen=True):
    """A share of all draws, spread out: in each 1/share draws one, half a period apart at least,
    but at no place that can be foretold."""

    share: float
    seed: str

    def before(self, draw: int) -> int:
        """How many of the draws 0 … draw - 1 are turns."""
        whole = math.floor(draw * self.share)
        place = whole + unit(self.seed, whole) * (1 - self.share) / 2
        return whole + (place < draw * self.share)

    def falls_on(self, draw: int) -> bool:
        return self.share > 0 and self.before(draw + 1) > self.before(draw)


class Plan(msgspec.Struct, frozen=True):
    """The settings that say what is handed out."""

    order: Order = "priority"
    control_share: float = 0.0
    """Of the tasks, and of the draws, of an order by information; the others choose without regard
    to what is said of a task."""
    gold_share: float = 0.0
    repeat_share: float = 0.0
    seed: int = 0

    def gold_turns(self, annotator: str, kind: TaskKind) -> Turns:
        return _turns(self.gold_share, f"{self.seed}\0gold\0{annotator}\0{kind}")

    def repeat_turns(self, annotator: str, kind: TaskKind) -> Turns:
        """Counted over the draws that are no turns of gold."""
        return _turns(self.repeat_share, f"{self.seed}\0repeat\0{annotator}\0{kind}")

    def turn(self, annotator: str, kind: TaskKind, draw: int) -> Literal["gold", "repeat", ""]:
        """Whose turn an annotator's draw is; empty: that of the tasks that are wanted."""
        gold = self.gold_turns(annotator, kind)
        if gold.falls_on(draw):
            return "gold"
        others = draw - gold.before(draw)
        return "repeat" if self.repeat_turns(annotator, kind).falls_on(others) else ""

    def turns(self, annotator: str, kind: TaskKind, first: int, count: int) -> tuple[int, int]:
        """How many of `count` draws from `first` on are turns of gold, and of repeats."""
        gold, repeat = self.gold_turns(annotator, kind), self.repeat_turns(annotator, kind)
        before, after = gold.before(first), gold.before(first + count)
        again = repeat.before(first + count - after) - repeat.before(first - before)
        return after - before, again

    def is_control(self, annotator: str, kind: TaskKind, draw: int) -> bool:
        """Whether a draw is one of the control tasks beside an order that chooses."""
        return (
            self.order == "informative"
            and unit(self.seed, "control", annotator, kind, draw) < self.control_share
        )

    def key(self, information: Sequence[float]) -> Callable[[TaskState], int]:
        """The key by which tasks are sorted, below 2⁶³.

        Args:
            information: by index, what a judgement of a task is expected to tell, in [0, 1];
                below 0 for unknown. It may end before the tasks do.
        """
        order, seed = self.order, self.seed

        def place(task: TaskState) -> int:
            if order == "random":
                return int(unit(seed, "order", task.task_id) * UNSCORED)
            if order != "informative":
                return task.index
            value = information[task.index] if task.index < len(information) else -1.0
            if value < 0:
                return UNSCORED + task.index
            return int((1 - min(value, 1.0)) * (UNSCORED - 1))

        if order == "sequential":
            return lambda task: task.index
        if order == "fewest":
            return _by_level
        return lambda task: (-task.priority << 32) + place(task)

    def in_control(self, task_id: str) -> bool:
        """Whether a task is set aside from what is chosen; with a larger share more are."""
        return (
            self.order == "informative" and unit(self.seed, "aside", task_id) < self.control_share
        )

    def control_key(self, task: TaskState) -> int:
        """A random order of the control tasks of one priority, whatever is said of them."""
        return (-task.priority << 32) + int(unit(self.seed, "control", task.task_id) * UNSCORED)

    def reason(self, task: TaskState, key: int) -> Selection:
        """Why the order came to a task; one that no model has scored comes as it was imported."""
        if self.order == "informative" and key + (task.priority << 32) >= UNSCORED:
            return "sequential"
        return self.order


@lru_cache(4096)
def _turns(share: float, seed: str) -> Turns:
    return Turns(share, seed)


def _by_level(task: TaskState) -> int:
    return (-task.priority << _LEVEL_BITS + _INDEX_BITS) + (task.level << _INDEX_BITS) + task.index


def plan_of(settings: Settings) -> Plan:
    label = settings.label
    return Plan(
        order=label.order,
        control_share=label.control_share,
        gold_share=label.gold_share,
        repeat_share=label.repeat_share,
        seed=settings.workspace.seed,
    )
