"""Answers that change runs: their place in the queue, what people say of them, promotion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf_tui.errors import UsageError
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.launching import show
from rlhf_tui.hub.messages import (
    DeleteRun,
    EditRun,
    MoveRun,
    PromoteRun,
    RunAnswer,
    SetPriority,
    ShowRun,
)
from rlhf_tui.hub.models import model_of
from rlhf_tui.hub.queue_order import moved, priorities
from rlhf_tui.hub.removal import delete
from rlhf_tui.hub.rows import ENDED, now_ms, promoted
from rlhf_tui.runs.naming import check_note, check_priority, check_title, tagged
from rlhf_tui.store.write import RunRow

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

POLICIES = ("sft", "ppo", "dpo", "kto", "rloo", "grpo")
"""Kinds of runs whose models write; a reward model only judges."""


async def prioritize(hub: Hub, who: Identity, request: SetPriority) -> RunAnswer:
    priority = check_priority(request.priority)
    run_id = hub.jobs.find(request.run_id).run_id
    async with hub.jobs.lock:
        hub.jobs.queue(run_id)
        await hub.jobs.edit({run_id: {"priority": priority}})
    return await show(hub, who, ShowRun(run_id))


async def move(hub: Hub, who: Identity, request: MoveRun) -> RunAnswer:
    run_id = hub.jobs.find(request.run_id).run_id
    # Under the lock: a run that starts meanwhile must not get a place back.
    async with hub.jobs.lock:
        waiting, rivals = hub.jobs.queue(run_id)
        changes = priorities(moved(waiting, run_id, request.by, rivals), run_id)
        for number in changes.values():
            check_priority(number)
        await hub.jobs.edit({one: {"priority": number} for one, number in changes.items()})
    return await show(hub, who, ShowRun(run_id))


async def edit(hub: Hub, who: Identity, request: EditRun) -> RunAnswer:
    row = hub.jobs.find(request.run_id)
    fields: dict[str, Any] = {}
    if request.title is not None:
        fields["title"] = check_title(request.title)
    if request.note is not None:
        fields["note"] = check_note(request.note)
    if request.add_tags or request.drop_tags:
        fields["tags"] = tagged(row.tags, request.add_tags, request.drop_tags)
    if request.archived is not None:
        _check_archiving(row, away=request.archived)
        fields["archived"] = request.archived
    if fields:
        await hub.jobs.edit({row.run_id: fields})
    return await show(hub, who, ShowRun(row.run_id))


def _check_archiving(row: RunRow, *, away: bool) -> None:
    if not away:
        return
    if row.state not in ENDED:
        raise UsageError(f"{row.run_id} is {row.state}: only a run that has ended is put away.")
    if row.promoted_ms:
        raise UsageError(
            f"{row.run_id} is the workspace's current policy: it is not put away.",
            hint="Promote another run first, or none: rlhf-tui runs promote --none",
        )


async def promote(hub: Hub, who: Identity, request: PromoteRun) -> RunAnswer:
    row = hub.jobs.find(request.run_id)
    before = promoted(hub.jobs.rows)
    if request.demote:
        if before is None or before.run_id != row.run_id:
            told = f"{before.run_id} is." if before else "There is none."
            raise UsageError(f"{row.run_id} is not the workspace's current policy. {told}")
        await hub.jobs.edit({row.run_id: {"promoted_ms": 0}})
    else:
        _check_promotion(row)
        now = {row.run_id: {"promoted_ms": now_ms(), "archived": False}}
        others = {before.run_id: {"promoted_ms": 0}} if before else {}
        await hub.jobs.edit({**others, **now})
    return await show(hub, who, ShowRun(row.run_id))


def _check_promotion(row: RunRow) -> None:
    if row.kind == "rm":
        raise UsageError(
            f"{row.run_id} is a reward model, which writes nothing.",
            hint="Promote a run that trained a policy: " + ", ".join(POLICIES) + ".",
        )
    if row.kind not in POLICIES:
        raise UsageError(
            f"{row.run_id} trained no model: it is of kind {row.kind}.",
            hint="Promote a run that trained a policy: " + ", ".join(POLICIES) + ".",
        )
    if row.state != "finished":
        raise UsageError(
            f"{row.run_id} is {row.state}: only a finished run's model is promoted.",
            hint="Name one that has a whole model.",
        )
    # Removed by hand, it would be missed only at the next launch.
    model_of(row)


HANDLERS: dict[Any, Any] = {
    SetPriority: prioritize,
    MoveRun: move,
    EditRun: edit,
    PromoteRun: promote,
    DeleteRun: delete,
}
