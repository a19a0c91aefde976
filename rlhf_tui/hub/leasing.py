"""Handing out: leases, the repeats that are made for them, and why each item was chosen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub import items
from rlhf_tui.hub.guidelines import version_now
from rlhf_tui.hub.hub import Hub, now_ms
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.intake import take_in
from rlhf_tui.hub.messages import Item, Lease, Leased
from rlhf_tui.hub.scheduler import Grant
from rlhf_tui.records import (
    JUDGEMENT_KINDS,
    Event,
    Selection,
    Task,
    content_id,
    new_event_id,
)
from rlhf_tui.store.chosen import selections
from rlhf_tui.store.read import tasks_by_id

log = logging.getLogger("rlhf_tui.hub")

MOST_LEASED = 200
"""Items of one answer: more would keep them from everyone else for nothing."""


async def lease(hub: Hub, who: Identity, request: Lease) -> Leased:
    hub.refresh_settings()
    limit = min(max(request.limit, 0), MOST_LEASED)
    if not request.skipped:
        await make_repeats(hub, who.annotator, request, limit)
    now = now_ms()
    granted, renewed = hub.scheduler.lease(
        who.annotator,
        request.kind,
        limit,
        now,
        held=request.held,
        elsewhere=hub.shown.elsewhere(who.connection, who.annotator, request.kind),
        skipped=request.skipped,
    )
    here = [task_id for task_id in request.held if task_id in hub.scheduler.tasks]
    here += [grant.task_id for grant in granted]
    hub.shown.replace(who.connection, who.annotator, request.kind, here)
    ids = {grant.task_id: "" for grant in granted}
    events = []
    for grant in [g for g in granted if g.fresh] + renewed:
        events.append(lease_event(who, grant, now))
        ids[grant.task_id] = events[-1].event_id
    if events:
        await hub.writer.append(events)
    seed = hub.settings.workspace.seed
    found = await hub.read(items.leased, [g.task_id for g in granted], seed, who.annotator)
    ends = {grant.task_id: grant.expires_ms for grant in granted}
    leased: list[Item] = [
        msgspec.structs.replace(
            item, lease_id=ids[item.task.task_id], expires_ms=ends[item.task.task_id]
        )
        for item in found
    ]
    hub.remember_tasks(item.task for item in leased)
    return Leased(
        items=leased,
        remaining=_remaining(hub, who, request),
        guidelines=await version_now(hub),
    )


def _remaining(hub: Hub, who: Identity, request: Lease) -> int:
    if request.skipped:
        return hub.scheduler.skipped_open(who.annotator, request.kind)
    return hub.scheduler.open_for(who.annotator, request.kind)


def lease_event(who: Identity, grant: Grant, now: int) -> Event:
    """The line of the log that makes a lease outlive the hub."""
    return Event(
        event_id=new_event_id(),
        kind="lease",
        task_id=grant.task_id,
        annotator=who.annotator,
        client=who.client,
        selection=grant.selection,
        created_ms=now,
        expires_ms=grant.expires_ms,
        acting_uid=who.uid,
    )


async def make_repeats(hub: Hub, annotator: str, request: Lease, limit: int) -> None:
    """Store the repeats that this lease may hand out: a lease of what is not in the store would
    be a lease of nothing after a restart.

    Where that fails they are missing, and the lease goes on without them.
    """
    again = hub.scheduler.to_ask_again(annotator, request.kind, limit, now_ms())
    if not again:
        return
    originals = await hub.read(tasks_by_id, again)
    repeats = [repeat_task(originals[task_id], annotator) for task_id in again]
    try:
        await take_in(hub, tasks=repeats)
    except RlhfError as error:
        log.error("an item could not be asked again: %s", error)


def repeat_task(original: Task, annotator: str) -> Task:
    """The task that asks one person for their judgement of another task again."""
    return msgspec.structs.replace(
        original,
        task_id=content_id("t", "repeat", original.task_id, annotator),
        overlap=1,
        gold=None,
        repeat_of=original.task_id,
        assignee=annotator,
    )


async def reasons(hub: Hub, annotator: str, events: Sequence[Event]) -> dict[str, Selection]:
    """Why the tasks of these judgements were handed out, by task id.

    The scheduler knows it of what was handed out lately; the log of all else, such as a revision
    after a restart.
    """
    judged = {event.task_id for event in events if event.kind in JUDGEMENT_KINDS}
    known: dict[str, Any] = {
        task_id: hub.scheduler.reason(task_id, annotator) for task_id in judged
    }
    missing = [task_id for task_id, reason in known.items() if reason is None]
    if missing:
        known |= dict.fromkeys(missing, "") | await hub.read(selections, annotator, missing)
    return known
