"""The scheduler as the log leaves it: what a hub does first after any end of the one before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlhf_tui.hub.scheduler import Scheduler
from rlhf_tui.hub.selection import Plan
from rlhf_tui.store.chosen import Draws, draws, information
from rlhf_tui.store.database import Store
from rlhf_tui.store.schedule import Mark, TaskMark, marks, task_marks


def build_scheduler(store: Store, lease_ms: int, now_ms: int, plan: Plan) -> Scheduler:
    """A scheduler that knows every task, judgement, skip and lease that still runs.

    Args:
        lease_ms: length of the leases that it will grant.
        plan: what it hands out next.
    """
    scheduler = Scheduler(lease_ms, plan)
    restore(scheduler, task_marks(store), marks(store), draws(store), now_ms)
    if plan.order == "informative":
        scheduler.inform(information(store))
    return scheduler


def restore(
    scheduler: Scheduler,
    tasks: Sequence[TaskMark],
    standing: Iterable[Mark],
    drawn: Iterable[Draws],
    now_ms: int,
) -> None:
    """Tell a new scheduler what the log says.

    Args:
        standing: in the order of the judgements, which repeats are spaced by.
    """
    add_tasks(scheduler, tasks)
    for mark in standing:
        if mark.judged:
            scheduler.judge(mark.task_id, mark.annotator, mark.judged_ms)
        if mark.skipped:
            scheduler.skip(mark.task_id, mark.annotator)
        if mark.expires_ms > now_ms:
            scheduler.lease_restored(mark.task_id, mark.annotator, mark.expires_ms)
        elif not mark.judged and not mark.skipped:
            scheduler.back_restored(mark.task_id, mark.annotator)
    for each in drawn:
        scheduler.draws_restored(each.annotator, each.kind, each.count)


def add_tasks(scheduler: Scheduler, tasks: Sequence[TaskMark]) -> None:
    """Make stored tasks known to the scheduler, in the order of their import."""
    for task in sorted(tasks, key=lambda task: task.position):
        scheduler.add_task(
            task.task_id,
            task.kind,
            task.overlap,
            task.priority,
            gold=task.gold,
            repeat_of=task.repeat_of,
            assignee=task.assignee,
        )
