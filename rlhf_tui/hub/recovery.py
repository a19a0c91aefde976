"""The scheduler as the log leaves it: what a hub does first after any end of the one before."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf_tui.hub.scheduler import Scheduler
from rlhf_tui.store.database import Store
from rlhf_tui.store.schedule import TaskMark, marks, task_marks


def build_scheduler(store: Store, lease_ms: int, now_ms: int) -> Scheduler:
    """A scheduler that knows every task, judgement, skip and lease that still runs.

    Args:
        lease_ms: length of the leases that it will grant.
    """
    scheduler = Scheduler(lease_ms)
    add_tasks(scheduler, task_marks(store))
    for mark in marks(store):
        if mark.judged:
            scheduler.judge(mark.task_id, mark.annotator)
        if mark.skipped:
            scheduler.skip(mark.task_id, mark.annotator)
        if mark.expires_ms > now_ms:
            scheduler.lease_restored(mark.task_id, mark.annotator, mark.expires_ms)
    return scheduler


def add_tasks(scheduler: Scheduler, tasks: Sequence[TaskMark]) -> None:
    """Make stored tasks known to the scheduler, in this order."""
    for task in tasks:
        scheduler.add_task(task.task_id, task.kind, task.overlap, task.priority)
