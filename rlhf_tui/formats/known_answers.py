"""A file's judgements as known answers of their tasks, to measure people by (`import --gold`)."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.formats.base import Records
from rlhf_tui.records import JUDGEMENT_KINDS, Event, Task


class KnownAnswers:
    """What the batches of one file say so far; of thumbs 1 is good and 2 is bad."""

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, int]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def of(self, batch: Records) -> Records:
        """The batch with its judgements as the known answers of its tasks.

        Raises:
            InputError: two judgements of one item differ.
        """
        tasks = {task.task_id: task for task in batch.tasks}
        for event in batch.events:
            answer = _answer(event, tasks[event.task_id])
            if answer and self._answers.setdefault(event.task_id, answer) != answer:
                raise InputError(
                    f"Two judgements of one item ({event.task_id}) differ; an item has one known"
                    " answer.",
                    hint="Keep one judgement an item in the file, one person's for example.",
                )
        return replace(
            batch,
            tasks=[
                msgspec.structs.replace(task, gold=self._answers.get(task.task_id))
                for task in batch.tasks
            ],
            events=[],
            annotators=[],
        )


def _answer(event: Event, task: Task) -> dict[str, int]:
    """Tiers by completion id; empty where the judgement prefers nothing."""
    if event.kind not in JUDGEMENT_KINDS or event.unsure:
        return {}
    if task.kind == "thumbs":
        return {
            completion_id: 1 if thumb else 2
            for completion_id, thumb in zip(event.shown, event.thumbs, strict=False)
            if thumb is not None and completion_id in task.completion_ids
        }
    tiers = {
        completion_id: tier
        for completion_id, tier in zip(event.shown, event.tiers, strict=False)
        if tier is not None and completion_id in task.completion_ids
    }
    # Tiers above which an edit stood begin at 2: what counts is their order.
    order = sorted(set(tiers.values()))
    if len(order) < 2:
        return {}
    return {completion_id: order.index(tier) + 1 for completion_id, tier in tiers.items()}
