"""What a person is shown of a task: texts in an order of their own, and nothing of their origin."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rlhf_tui.hub.messages import Item
from rlhf_tui.records import Completion, Event, Prompt, Task, Written
from rlhf_tui.store.database import Store
from rlhf_tui.store.read import ItemRow, current_events, drafts, items


def shown_order(seed: int, annotator: str, task_id: str, completion_ids: list[str]) -> list[str]:
    """The completions of a task as this annotator sees them: shuffled, and always the same."""

    def place(completion_id: str) -> bytes:
        key = f"{seed}\0{annotator}\0{task_id}\0{completion_id}"
        return hashlib.sha256(key.encode()).digest()

    return sorted(completion_ids, key=place)


def blind(completion: Completion) -> Completion:
    """Its text alone: no model, run, parameters, parent, or whether a person wrote it."""
    return Completion(
        completion_id=completion.completion_id,
        prompt_id=completion.prompt_id,
        completion=completion.completion,
    )


def blind_task(task: Task, order: list[str]) -> Task:
    """Without gold, run, and whom it is for, and with the ids in the order shown.

    Overlap and priority are left out too: those of known answers and repeats differ.
    """
    return Task(
        task_id=task.task_id,
        kind=task.kind,
        prompt_id=task.prompt_id,
        completion_ids=order,
    )


def blind_prompt(prompt: Prompt) -> Prompt:
    """Without what an import knew beside the text, which may hold answers, without the name of
    its file, which may name models, and without its split: nobody judges otherwise for it."""
    return Prompt(prompt_id=prompt.prompt_id, prompt=prompt.prompt)


def own_event(event: Event) -> Event:
    """What a person may know of their own event: not why the item was handed out."""
    return msgspec.structs.replace(event, selection="")


def blind_event(event: Event) -> Event:
    """What others may know of an event: nor with which account and program it was judged."""
    return msgspec.structs.replace(event, selection="", client="", acting_uid=-1)


def written_in(event: Event | None, draft: Mapping[str, Any] | None) -> list[Written]:
    """What a person has written for an item: with their judgement, then with their draft.

    A draft holds it as an event does, in `written`; what is nothing of that kind is left out.
    """
    found = list(event.written) if event is not None else []
    with contextlib.suppress(msgspec.ValidationError):
        found += msgspec.convert((draft or {}).get("written", []), list[Written])
    return list({written.completion_id: written for written in found}.values())


def build(
    row: ItemRow,
    seed: int,
    annotator: str,
    draft: dict[str, Any] | None = None,
    event: Event | None = None,
    first: Event | None = None,
) -> Item:
    """An item for an annotator; a judged one keeps the order in which it was judged.

    A repeat comes in the reverse of the order in which the first was judged (`first`), or else
    was shown: sides swapped. What they wrote stands behind the task's completions, and not among
    its `completion_ids`.
    """
    ids = row.task.completion_ids
    order = shown_order(seed, annotator, row.task.repeat_of or row.task.task_id, ids)
    if row.task.repeat_of is not None:
        shown = first.shown if first is not None and set(ids) <= set(first.shown) else order
        order = [completion_id for completion_id in reversed(shown) if completion_id in ids]
    if event is not None and set(ids) <= set(event.shown):
        order = [completion_id for completion_id in event.shown if completion_id in ids]
    mine = [w for w in written_in(event, draft) if w.completion_id not in ids]
    by_id = {c.completion_id: c for c in row.completions}
    return Item(
        task=blind_task(row.task, order),
        prompt=blind_prompt(row.prompt),
        completions=[blind(by_id[i]) for i in order]
        + [Completion(w.completion_id, row.prompt.prompt_id, w.text) for w in mine],
        draft=draft,
        event=event and own_event(event),
    )


def leased(store: Store, task_ids: list[str], seed: int, annotator: str) -> list[Item]:
    """Items of these tasks, not judged by the annotator, in this order."""
    kept = drafts(store, annotator, task_ids)
    found = items(store, task_ids)
    firsts = _firsts(store, annotator, found)
    return [
        build(
            row,
            seed,
            annotator,
            kept.get(row.task.task_id),
            first=firsts.get(row.task.repeat_of or ""),
        )
        for row in found
    ]


def _firsts(store: Store, annotator: str, found: Sequence[ItemRow]) -> dict[str, Event]:
    """The annotator's judgements of what the repeats among these repeat, by task id."""
    repeated = [row.task.repeat_of for row in found if row.task.repeat_of is not None]
    return current_events(store, annotator, repeated) if repeated else {}


def known(store: Store, task_id: str, seed: int, annotator: str) -> Item | None:
    """An item with the annotator's judgement of it, if there is one; None for an unknown id."""
    events = current_events(store, annotator, [task_id])
    kept = drafts(store, annotator, [task_id])
    for row in items(store, [task_id]):
        first = _firsts(store, annotator, [row]).get(row.task.repeat_of or "")
        return build(row, seed, annotator, kept.get(task_id), events.get(task_id), first)
    return None
