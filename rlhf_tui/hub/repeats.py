"""Which of their own judgements people are asked for again, to see whether they say the same.

An item may come again once its annotator has judged GAP others since, or an hour has passed; where
there is little to judge, after fewer: a third of the tasks. Among those the choice is random. What
they have seen within the gap (judged again after an undo, or revised) waits as long anew.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from rlhf_tui.hub.queues import TaskState
from rlhf_tui.hub.selection import unit

GAP = 20
"""Judgements of other items: what was thought of one is then no longer in mind word for word."""
GAP_MS = 3_600_000


@dataclass(slots=True)
class Repeats:
    """Of one annotator and kind."""

    judged: array[int] = field(default_factory=lambda: array("i"))
    """Indexes of the wanted tasks that they judged, in the order of judging, revisions too."""
    times: array[int] = field(default_factory=lambda: array("q"))
    """When, in milliseconds, beside `judged`."""
    asked: set[int] = field(default_factory=set)
    """Indexes of the tasks of which there is a repeat."""
    _waiting: dict[str, TaskState] = field(default_factory=dict)
    """Repeats that are not judged, by task id."""
    _originals: dict[str, TaskState] = field(default_factory=dict)
    """What each repeat repeats."""

    def note(self, index: int, at_ms: int) -> None:
        self.judged.append(index)
        self.times.append(at_ms)

    def add(self, repeat: TaskState, original: TaskState) -> None:
        self.asked.add(original.index)
        self._originals[repeat.task_id] = original
        self._waiting[repeat.task_id] = repeat

    def settle(self, repeat: TaskState) -> None:
        """A repeat has been judged, or its judgement taken back."""
        if repeat.judged:
            self._waiting.pop(repeat.task_id, None)
        else:
            self._waiting[repeat.task_id] = repeat

    def ready(self, annotator: int) -> list[TaskState]:
        """Repeats to hand out, the oldest first; none of which the first judgement is taken
        back."""
        return [
            repeat
            for repeat in self._waiting.values()
            if repeat.open_to(annotator) and self.due(repeat, annotator)
        ]

    def due(self, repeat: TaskState, annotator: int) -> bool:
        """Whether the first judgement stands, so that there is something to compare with."""
        return annotator in self._originals[repeat.task_id].judged

    def choose(
        self, tasks: list[TaskState], annotator: int, count: int, now_ms: int, *, seed: str
    ) -> list[TaskState]:
        """Up to `count` tasks to ask again.

        Args:
            tasks: of the kind, by index.
            seed: the same choice is made for the same seed and history.
        """
        gap = min(GAP, len(tasks) // 3)
        end = max(len(self.judged) - gap, 0)
        while end < len(self.judged) and now_ms - self.times[end] >= GAP_MS:
            end += 1
        recent = set(self.judged[end:])
        chosen: list[TaskState] = []
        for _ in range(count):
            start = int(unit(seed, len(self.asked) + len(chosen)) * end)
            for step in range(end):
                task = tasks[self.judged[(start + step) % end]]
                if (
                    task.group == "usual"
                    and annotator in task.judged
                    and task.index not in recent
                    and task.index not in self.asked
                    and task not in chosen
                ):
                    chosen.append(task)
                    break
        return chosen
