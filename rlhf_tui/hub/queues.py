"""Tasks in an order, and how far each annotator has walked through it.

A queue is a few sorted runs of keys, as in a log-structured merge tree: what is added comes as a
run of its own, and runs of like length are merged. Each annotator has a cursor in every run, which
passes what is not open for them and never looks at it again; a task that opens again is added
once more, and found behind the cursors that way. So a draw costs the same however many tasks
there are, and a task takes twelve bytes a queue.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rlhf_tui.records import TaskKind

Group = Literal["usual", "gold", "repeat"]
"""Tasks that are wanted; with a known answer; asked again of one person."""

LAST = 2**63 - 1
"""Beyond every key."""


@dataclass(slots=True, eq=False)
class TaskState:
    """What the scheduler knows of one task."""

    task_id: str
    kind: TaskKind
    overlap: int
    priority: int
    index: int
    """Its number among the tasks of its kind, in the order of import."""
    group: Group = "usual"
    assignee: int = -1
    """The only annotator it is for; -1: anyone."""
    judged: tuple[int, ...] = ()
    """Annotators; a tuple, since most of a quarter million tasks have none or two."""
    skipped: tuple[int, ...] = ()
    leases: dict[int, int] = field(default_factory=dict)
    """End of each live lease in milliseconds, by annotator."""

    @property
    def level(self) -> int:
        """Judgements that it has or is about to have."""
        return len(self.judged) + len(self.leases)

    @property
    def open(self) -> bool:
        """Whether one more judgement is wanted; of a known answer always, by whoever has not."""
        return self.group == "gold" or self.level < self.overlap

    def touched(self) -> set[int]:
        """Annotators for whom it is not open even when it is open for others."""
        return {*self.judged, *self.skipped, *self.leases}

    def open_to(self, annotator: int) -> bool:
        return (
            self.open
            and self.assignee in (-1, annotator)
            and annotator not in self.judged
            and annotator not in self.skipped
            and annotator not in self.leases
        )


@dataclass(slots=True)
class Run:
    """Keys in ascending order, and the task that each belongs to."""

    keys: array[int] = field(default_factory=lambda: array("q"))
    indexes: array[int] = field(default_factory=lambda: array("i"))

    def merged(self, other: Run) -> Run:
        """Both as one; what is in both twice is kept once."""
        keys = np.concatenate((self.keys, other.keys))
        indexes = np.concatenate((self.indexes, other.indexes))
        order = np.argsort(keys, kind="stable")
        keys, indexes = keys[order], indexes[order]
        kept = np.ones(len(keys), dtype=bool)
        kept[1:] = (keys[1:] != keys[:-1]) | (indexes[1:] != indexes[:-1])
        return Run(array("q", keys[kept].tobytes()), array("i", indexes[kept].tobytes()))

    def key_at(self, cursor: int) -> int:
        return self.keys[cursor] if cursor < len(self.keys) else LAST


class Queue:
    """Tasks by rising key; one that has two keys comes with the first for which it fits."""

    def __init__(self, tasks: list[TaskState], fits: Callable[[TaskState, int], bool]) -> None:
        """
        Args:
            tasks: of the kind, by index; grows as tasks are added.
            fits: whether an entry of this key still stands for the task as it is now.
        """
        self._tasks = tasks
        self._fits = fits
        self._runs: list[Run] = []
        self._cursors: dict[int, list[int]] = {}
        """By annotator: a place in every run."""
        self._coming = Run()

    def add(self, key: int, index: int) -> None:
        self._coming.keys.append(key)
        self._coming.indexes.append(index)

    def take(self, annotator: int) -> tuple[TaskState, int] | None:
        """The first task that is open for the annotator, and its key; None: there is none.

        The next call passes it: it must be leased, or added again.
        """
        if self._coming.keys:
            self._settle()
        cursors = self._cursors.setdefault(annotator, [0] * len(self._runs))
        best, chosen = LAST, -1
        for number, run in enumerate(self._runs):
            cursor = self._next(run, cursors[number], annotator)
            cursors[number] = cursor
            key = run.key_at(cursor)
            if key < best:
                best, chosen = key, number
        if chosen < 0:
            return None
        index = self._runs[chosen].indexes[cursors[chosen]]
        cursors[chosen] += 1
        return self._tasks[index], best

    def _next(self, run: Run, cursor: int, annotator: int) -> int:
        tasks, fits, keys, indexes = self._tasks, self._fits, run.keys, run.indexes
        while cursor < len(keys):
            task = tasks[indexes[cursor]]
            if task.open_to(annotator) and fits(task, keys[cursor]):
                break
            cursor += 1
        return cursor

    def _settle(self) -> None:
        """Make what came a run, and merge runs until each is more than twice as long as the next:
        there are then few, and every entry is merged few times."""
        coming, self._coming = self._coming, Run()
        if len(coming.keys) > 1:
            coming = coming.merged(Run())
        self._runs.append(coming)
        for cursors in self._cursors.values():
            cursors.append(0)
        while len(self._runs) > 1 and len(self._runs[-2].keys) <= 2 * len(self._runs[-1].keys):
            older, newer = self._runs[-2:]
            both = older.merged(newer)
            self._runs[-2:] = [both]
            for cursors in self._cursors.values():
                # All that lies before either cursor's key was passed in both.
                first = min(older.key_at(cursors[-2]), newer.key_at(cursors[-1]))
                cursors[-2:] = [bisect_left(both.keys, first)]
