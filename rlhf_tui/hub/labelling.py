"""Answers to people who label: submit, draft, progress; leasing.py hands out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.hub import items
from rlhf_tui.hub.checks import REVIEWING, check_event
from rlhf_tui.hub.hub import Hub, now_ms
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.leasing import lease, lease_event, reasons
from rlhf_tui.hub.messages import (
    Done,
    GetItem,
    ItemAnswer,
    KindProgress,
    Lease,
    Progress,
    ProgressAnswer,
    SaveDraft,
    Stored,
    Submit,
    Submitted,
)
from rlhf_tui.hub.scheduler import KINDS
from rlhf_tui.records import JUDGEMENT_KINDS, Event, Selection, TaskKind
from rlhf_tui.store.read import tasks_by_id, totals
from rlhf_tui.store.schedule import progress
from rlhf_tui.store.write import save_draft

MOST_EVENTS = 5_000
LARGEST_DRAFT = 256 * 1024
"""Bytes of one draft."""


async def submit(hub: Hub, who: Identity, request: Submit) -> Submitted:
    if len(request.events) > MOST_EVENTS:
        raise UsageError(f"More than {MOST_EVENTS} events in one message.")
    await check_events(hub, who, request.events)
    why = await reasons(hub, who.annotator, request.events)
    # From here to the writer's queue nothing waits: the log has the order of the decisions.
    hub.scheduler.expire(now_ms())
    lines = [line for event in request.events for line in _lines(hub, who, event, why)]
    ids = {event.event_id for event in request.events}
    try:
        outcomes = await hub.writer.append(lines)
    finally:
        hub.on_their_way.difference_update(ids)
    return Submitted(
        results=[Stored(o.event_id, o.outcome, o.seq) for o in outcomes if o.event_id in ids]
    )


async def check_events(hub: Hub, who: Identity, events: Sequence[Event]) -> None:
    """
    Raises:
        Denied: an event is for reviewers only.
        InputError: an event is not possible, or its task is not there.
    """
    wanted = list({event.task_id for event in events})
    unknown = [task_id for task_id in wanted if task_id not in hub.scheduler.tasks]
    if unknown:
        raise InputError(f"There is no task {unknown[0][:40]!r} in this workspace.")
    missing = {task_id for task_id in wanted if task_id not in hub.recent_tasks}
    tasks = {task_id: hub.recent_tasks[task_id] for task_id in wanted if task_id not in missing}
    if missing:
        tasks |= await hub.read(tasks_by_id, list(missing))
    for event in events:
        check_event(event, tasks[event.task_id], who.role)


def _lines(hub: Hub, who: Identity, event: Event, why: Mapping[str, Selection]) -> list[Event]:
    """The lines of the log that an event comes to; the scheduler is told of it."""
    surplus, grant = False, None
    # A repeated event says nothing new: what it said may have been retracted since.
    if not (event.event_id in hub.on_their_way or hub.store.seen.perhaps(event.event_id)):
        hub.on_their_way.add(event.event_id)
        surplus = hub.scheduler.apply(event.kind, event.task_id, who.annotator, now_ms())
        kind = hub.scheduler.tasks[event.task_id].kind
        if event.kind == "retract":
            # Who takes something back has it before them: nobody else may be given it now.
            grant = hub.scheduler.lease_again(event.task_id, who.annotator, now_ms())
            hub.shown.add(who.connection, who.annotator, kind, event.task_id)
        elif event.kind != "flag" and event.kind not in REVIEWING:
            hub.shown.remove(who.connection, kind, event.task_id)
    stamped = msgspec.structs.replace(
        event,
        annotator=who.annotator,
        acting_uid=who.uid,
        client=event.client or who.client,
        created_ms=event.created_ms or now_ms(),
        expires_ms=0,
        surplus=surplus,
        selection=why[event.task_id] if event.kind in JUDGEMENT_KINDS else "",
        seq=0,
    )
    return [stamped, lease_event(who, grant, now_ms())] if grant else [stamped]


async def get_item(hub: Hub, who: Identity, request: GetItem) -> ItemAnswer:
    seed = hub.settings.workspace.seed
    item = await hub.read(items.known, request.task_id, seed, who.annotator)
    if item is None:
        raise InputError(f"There is no task {request.task_id[:40]!r} in this workspace.")
    return ItemAnswer(item=item)


async def keep_draft(hub: Hub, who: Identity, request: SaveDraft) -> Done:
    if request.task_id not in hub.scheduler.tasks:
        raise InputError(f"There is no task {request.task_id[:40]!r} in this workspace.")
    if len(msgspec.json.encode(request.body)) > LARGEST_DRAFT:
        raise InputError(f"A draft of more than {LARGEST_DRAFT >> 10} KiB is not kept.")
    await hub.writer.do(save_draft, hub.store, who.annotator, request.task_id, request.body)
    return Done()


async def show_progress(hub: Hub, who: Identity, _: Progress) -> ProgressAnswer:
    rows = await hub.read(totals)
    today = await before_today(hub, who.annotator)
    hub.scheduler.expire(now_ms())

    def of(kind: TaskKind) -> KindProgress:
        everyone = hub.scheduler.counts[kind]
        own = hub.scheduler.own(who.annotator, kind)
        judgements, wanted = hub.scheduler.told(who.annotator, kind)
        return KindProgress(
            tasks=everyone.tasks,
            judgements_wanted=wanted,
            judgements=judgements,
            mine=own.judged,
            skipped=own.skipped,
            open_for_me=hub.scheduler.open_for(who.annotator, kind),
            mine_today=max(own.judged - today[kind], 0),
        )

    return ProgressAnswer(
        rank=of("rank"),
        thumbs=of("thumbs"),
        prompts=rows.prompts,
        completions=rows.completions,
        annotators=rows.annotators,
        runs_active=hub.jobs.active,
    )


async def before_today(hub: Hub, annotator: str) -> dict[TaskKind, int]:
    """How many current judgements of an annotator are older than this day, by kind.

    Asked of the store once a day: what is new since is what the scheduler counts above it.
    """
    midnight = datetime.datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = int(midnight.timestamp() * 1000)
    known = hub.before_today.get(annotator)
    if known is None or known[0] != since:
        counts = await hub.read(progress, annotator, since_ms=since)
        older = {kind: counts[kind].mine - counts[kind].mine_today for kind in KINDS}
        known = hub.before_today[annotator] = (since, older)
    return known[1]


HANDLERS: dict[Any, Any] = {
    Lease: lease,
    Submit: submit,
    GetItem: get_item,
    SaveDraft: keep_draft,
    Progress: show_progress,
}
