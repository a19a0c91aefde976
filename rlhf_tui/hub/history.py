"""Answers about what has been judged: one's own trail and history, others' votes, guidelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_tui.errors import Denied, InputError
from rlhf_tui.hub import guidelines
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import RANK, Identity
from rlhf_tui.hub.items import blind_event, own_event
from rlhf_tui.hub.messages import (
    GetGuidelines,
    Guidelines,
    History,
    HistoryAnswer,
    HistoryEntry,
    Trail,
    TrailAnswer,
    Votes,
    VotesAnswer,
)
from rlhf_tui.records import Event, Text, plain
from rlhf_tui.store.read import prompts_of_tasks, tasks_by_id
from rlhf_tui.store.trail import history, trail, votes

MOST_ENTRIES = 1_000
"""Of one answer."""
BEGINNING = 300
"""Characters of a prompt in a list."""


async def show_history(hub: Hub, who: Identity, request: History) -> HistoryAnswer:
    found = await hub.read(
        history,
        who.annotator,
        limit=_bounded(request.limit),
        before_seq=max(request.before_seq, 0),
        kind=request.kind,
        search=request.search,
        states=request.states,
    )
    prompts = await hub.read(prompts_of_tasks, [row.task_id for row, _ in found])
    return HistoryAnswer(
        entries=[
            HistoryEntry(
                event=own_event(event),
                kind=hub.scheduler.tasks[row.task_id].kind,
                prompt=beginning(prompts[row.task_id]),
                flagged=row.flagged,
                revisions=row.revisions,
            )
            for row, event in found
        ]
    )


def beginning(prompt: Text) -> str:
    """The begin of a prompt's last user turn, or of its text."""
    if isinstance(prompt, str):
        return prompt[:BEGINNING]
    turns = [message.content for message in prompt if message.role == "user"]
    return (turns[-1] if turns else plain(prompt))[:BEGINNING]


def _bounded(limit: int) -> int:
    return min(max(limit, 1), MOST_ENTRIES)


async def show_trail(hub: Hub, who: Identity, request: Trail) -> TrailAnswer:
    events = await hub.read(
        trail,
        who.annotator,
        request.kind,
        limit=_bounded(request.limit),
        before_seq=max(request.before_seq, 0),
    )
    return TrailAnswer(events=[own_event(event) for event in events])


async def show_votes(hub: Hub, who: Identity, request: Votes) -> VotesAnswer:
    if request.task_id not in hub.scheduler.tasks:
        raise InputError(f"There is no task {request.task_id[:40]!r} in this workspace.")
    cast = await hub.read(votes, [request.task_id])
    events: Sequence[Event] = cast[request.task_id]
    if RANK[who.role] < RANK["reviewer"]:
        if all(event.annotator != who.annotator for event in events):
            raise Denied("Others' judgements of an item are shown once you have given your own.")
        events = await _as_of_any(hub, who, request.task_id, events)
    return VotesAnswer(events=[blind_event(e) for e in events if e.annotator != who.annotator])


async def _as_of_any(
    hub: Hub, who: Identity, task_id: str, events: Sequence[Event]
) -> Sequence[Event]:
    """The votes on a known answer or a repeat as they would be on any other item.

    Everybody judges the known answers, and a repeat is for one person alone: more votes than were
    wanted, or none, would tell them.
    """
    task = (await hub.read(tasks_by_id, [task_id]))[task_id]
    if task.repeat_of is not None:
        first = (await hub.read(votes, [task.repeat_of]))[task.repeat_of]
        return [msgspec.structs.replace(event, task_id=task_id) for event in first]
    if task.gold is None:
        return events
    label = hub.settings.label
    wanted = label.overlap if task.kind == "rank" else label.thumbs_overlap
    return [event for event in events if event.annotator != who.annotator][: wanted - 1]


async def show_guidelines(hub: Hub, _: Identity, request: GetGuidelines) -> Guidelines:
    if request.version:
        return await guidelines.older(hub, request.version)
    return await guidelines.current(hub)


HANDLERS: dict[Any, Any] = {
    History: show_history,
    Trail: show_trail,
    Votes: show_votes,
    GetGuidelines: show_guidelines,
}
