"""Answers to imports: batches of prompts, completions, tasks and judgements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.hub.checks import SUBMITTED, check_task
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity, check_name
from rlhf_tui.hub.messages import Counts, Ingest, Ingested
from rlhf_tui.hub.recovery import add_tasks
from rlhf_tui.records import Annotator, Completion, Event, Prompt, Split, Task, split_of
from rlhf_tui.store.schedule import task_marks
from rlhf_tui.store.write import Tally
from rlhf_tui.store.write import ingest as store_ingest


async def ingest(hub: Hub, who: Identity, request: Ingest) -> Ingested:
    for task in request.tasks:
        check_task(task)
    annotators = [
        msgspec.structs.replace(annotator, name=check_name(annotator.name))
        for annotator in request.annotators
    ]
    events = [_checked(event, who) for event in request.events]
    added, duplicates = await take_in(
        hub,
        prompts=with_split(hub, request.prompts, request.split),
        completions=request.completions,
        tasks=request.tasks,
        events=events,
        annotators=annotators,
        gold=request.gold,
    )
    return Ingested(
        added=Counts(**msgspec.structs.asdict(added)),
        duplicates=Counts(**msgspec.structs.asdict(duplicates)),
    )


def with_split(hub: Hub, prompts: Sequence[Prompt], forced: Split | None) -> list[Prompt]:
    """The prompts with their splits; a prompt that is stored already keeps the one it has."""
    rules = hub.settings.workspace
    return [
        msgspec.structs.replace(
            prompt,
            split=forced or split_of(prompt.prompt, rules.seed, rules.validation, rules.test),
        )
        for prompt in prompts
    ]


def _checked(event: Event, who: Identity) -> Event:
    if event.kind not in SUBMITTED or not event.event_id:
        raise InputError("An imported event is a judge, revise, retract, skip or flag with an id.")
    return msgspec.structs.replace(
        event,
        annotator=check_name(event.annotator),
        acting_uid=who.uid,
        client=event.client or who.client,
        expires_ms=0,
        seq=0,
    )


async def take_in(
    hub: Hub,
    *,
    prompts: Sequence[Prompt] = (),
    completions: Sequence[Completion] = (),
    tasks: Sequence[Task] = (),
    events: Sequence[Event] = (),
    annotators: Sequence[Annotator] = (),
    gold: bool = False,
) -> tuple[Tally, Tally]:
    """Store a batch and tell the scheduler what is new of it; rows added, and duplicates."""
    added, duplicates, first, fresh = await hub.writer.do(
        _store,
        hub,
        prompts=prompts,
        completions=completions,
        tasks=tasks,
        events=events,
        annotators=annotators,
        gold=gold,
    )
    if added.tasks:
        add_tasks(hub.scheduler, await hub.read(task_marks, from_position=first))
        hub.informing.tell()
    for task in tasks if gold else ():
        if task.gold is not None:
            hub.scheduler.set_gold(task.task_id, True)
    for event in fresh:
        hub.scheduler.apply(event.kind, event.task_id, event.annotator, event.created_ms)
    return added, duplicates


def _store(hub: Hub, **batch: Any) -> tuple[Tally, Tally, int, list[Event]]:
    """Adds the place of the first new task, and the events that are new: what a repeated one
    said may have been retracted since."""
    first = hub.store.next_position["tasks"]
    fresh = [event for event in batch["events"] if not hub.store.seen.perhaps(event.event_id)]
    added, duplicates = store_ingest(hub.store, **batch)
    return added, duplicates, first, fresh


HANDLERS: dict[Any, Any] = {Ingest: ingest}
