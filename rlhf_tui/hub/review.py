"""Answers to reviewers: what people disagree on, and known answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlhf_tui.errors import InputError
from rlhf_tui.hub import items
from rlhf_tui.hub.checks import check_gold
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import Dispute, Disputed, DisputedAnswer, Done, MarkGold
from rlhf_tui.store.database import Store
from rlhf_tui.store.dispute_ranking import page
from rlhf_tui.store.disputes import DisputeRow, dispute, set_gold, settled
from rlhf_tui.store.read import drafts, tasks_by_id
from rlhf_tui.store.read import items as items_of
from rlhf_tui.store.trail import votes

MOST_DISPUTES = 200
"""Of one answer: each comes with all its texts."""


async def show_disputes(hub: Hub, who: Identity, request: Disputed) -> DisputedAnswer:
    if request.task_id:
        if request.task_id not in hub.scheduler.tasks:
            raise InputError(f"There is no task {request.task_id[:40]!r} in this workspace.")
        rows, total = [await hub.read(dispute, request.task_id)], 1
    else:
        part = {
            "kind": request.kind,
            "limit": min(max(request.limit, 1), MOST_DISPUTES),
            "offset": max(request.offset, 0),
        }
        if request.settled:
            rows, total = await hub.read(settled, **part)
        else:
            rows, total = await hub.read(page, await hub.disputes.ranking(), **part)
    seed = hub.settings.workspace.seed
    return DisputedAnswer(disputes=await hub.read(_whole, rows, seed, who.annotator), total=total)


def _whole(store: Store, rows: Sequence[DisputeRow], seed: int, reviewer: str) -> list[Dispute]:
    """These rows with their texts and votes, in this order."""
    ids = [row.task_id for row in rows]
    cast, kept = votes(store, ids), drafts(store, reviewer, ids)
    texts = {row.task.task_id: row for row in items_of(store, ids)}
    found = []
    for row in rows:
        own = [event for event in cast[row.task_id] if event.annotator == reviewer]
        found.append(
            Dispute(
                item=items.build(
                    texts[row.task_id],
                    seed,
                    reviewer,
                    kept.get(row.task_id),
                    own[0] if own else None,
                ),
                votes=[items.blind_event(event) for event in cast[row.task_id]],
                agreement=row.agreement,
                settled=row.settled and items.blind_event(row.settled),
            )
        )
    return found


async def mark_gold(hub: Hub, _: Identity, request: MarkGold) -> Done:
    task = (await hub.read(tasks_by_id, [request.task_id])).get(request.task_id)
    if task is None:
        raise InputError(f"There is no task {request.task_id[:40]!r} in this workspace.")
    if request.tiers is not None:
        check_gold(request.tiers, task)
    await hub.writer.do(set_gold, hub.store, request.task_id, request.tiers)
    hub.scheduler.set_gold(request.task_id, request.tiers is not None)
    return Done()


HANDLERS: dict[Any, Any] = {Disputed: show_disputes, MarkGold: mark_gold}
