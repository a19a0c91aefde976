"""The records that rows of most formats come to: prompts, demonstrations, pairs and thumbs."""

from __future__ import annotations

from typing import Any

from rlhf_tui.formats.base import BadRow, Import, Records
from rlhf_tui.records import (
    Completion,
    Event,
    Origin,
    Prompt,
    Task,
    Text,
    content_id,
    imported_completion_id,
    prompt_id,
    task_id,
)


def make_prompt(text: Text, context: Import) -> Prompt:
    return Prompt(prompt_id(text), text, source=context.source)


def make_completion(
    prompt: Prompt, text: Text, origin: Origin = "model", model: str = "", **fields: Any
) -> Completion:
    """A completion with an id of its content; `fields` are further ones of the record."""
    made = imported_completion_id(prompt.prompt_id, text, origin, model)
    return Completion(made, prompt.prompt_id, text, origin=origin, model=model, **fields)


def demonstration(prompt: Text, completion: Text, context: Import) -> Records:
    """A completion that SFT learns from; it is not put up for judgement."""
    made = make_prompt(prompt, context)
    learnt = make_completion(made, completion, "human", demonstration=True)
    return Records([made], [learnt])


def judged(task: Task, context: Import, **judgement: Any) -> Event:
    """A judgement by the import's annotator, whose id is of its content.

    What is imported twice has the same id, and adds nothing. When it was made is not known.
    """
    name = context.annotator.name
    made = content_id("e", "judge", task.task_id, name, sorted(judgement.items()))
    return Event(made, "judge", task.task_id, name, **judgement)


def preference(
    prompt: Text, chosen: Text, rejected: Text, context: Import, shown: list[Text] | None = None
) -> Records:
    """A ranking of two, judged already.

    Args:
        shown: the sides in the order in which they were shown, where that is known. Otherwise
            they stand in the order of their ids, so that no position looks favoured.

    Raises:
        BadRow: the two sides are the same.
    """
    if chosen == rejected:
        raise BadRow("both sides are the same")
    made = make_prompt(prompt, context)
    best, worst = make_completion(made, chosen), make_completion(made, rejected)
    order = sorted([best.completion_id, worst.completion_id])
    if shown is not None:
        order = [make_completion(made, text).completion_id for text in shown]
    ids = [best.completion_id, worst.completion_id]
    task = Task(task_id("rank", ids), "rank", made.prompt_id, sorted(ids), context.judged_overlap)
    tiers = [1 if shown_id == best.completion_id else 2 for shown_id in order]
    event = judged(task, context, shown=order, tiers=tiers)
    return Records([made], [best, worst], [task], [event], [context.annotator])


def thumb(prompt: Text, completion: Text, up: bool, context: Import) -> Records:
    """One completion with a thumb, given already."""
    made = make_prompt(prompt, context)
    rated = make_completion(made, completion)
    ids = [rated.completion_id]
    task = Task(task_id("thumbs", ids), "thumbs", made.prompt_id, ids, context.judged_overlap)
    event = judged(task, context, shown=ids, thumbs=[up])
    return Records([made], [rated], [task], [event], [context.annotator])
