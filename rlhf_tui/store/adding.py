"""Adding records whose ids are of their content: what is there already adds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlhf_tui.errors import InputError
from rlhf_tui.records import Completion, Event
from rlhf_tui.store import rows
from rlhf_tui.store.database import Store, Transaction

IDS = {"prompts": "prompt_id", "completions": "completion_id", "tasks": "task_id"}


def add_new(store: Store, transaction: Transaction, table: str, records: Sequence[Any]) -> int:
    """Insert those that are not there; how many were.

    Args:
        table: one of IDS.
    """
    con = transaction.con
    column = IDS[table]
    # Of repeats within the batch the first stays, as it would over two batches.
    first: dict[str, Any] = {}
    for record in records:
        first.setdefault(getattr(record, column), record)
    unique = list(first.values())
    place = store.next_position[table] + transaction.taken[table]
    transaction.taken[table] += len(unique)
    with rows.batch(con, table, unique, place) as batch:
        counted = con.execute(
            f"INSERT INTO {table} SELECT * FROM {batch} AS new WHERE NOT EXISTS"
            f" (SELECT 1 FROM {table} AS old WHERE old.{column} = new.{column})"
        ).fetchone()

    def remember() -> None:
        store.next_position[table] += len(unique)

    transaction.after_commit(remember)
    return int(counted[0]) if counted else 0


def add_written(store: Store, transaction: Transaction, events: Sequence[Event]) -> None:
    """Store what these events have written as completions of their tasks' prompts.

    They are no demonstrations by themselves: whether one teaches depends on whether the judgement
    that it was written with still stands.

    Raises:
        InputError: the task of one is not in the store.
    """
    writing = [event for event in events if event.written]
    if not writing:
        return
    found = transaction.con.execute(
        "SELECT task_id, prompt_id FROM tasks WHERE task_id IN (SELECT unnest(?::VARCHAR[]))",
        [[event.task_id for event in writing]],
    ).fetchall()
    prompts: dict[str, str] = dict(found)
    completions = []
    for event in writing:
        if event.task_id not in prompts:
            raise InputError(f"There is no task {event.task_id[:40]!r} in this workspace.")
        completions += [
            Completion(
                written.completion_id,
                prompts[event.task_id],
                written.text,
                origin=written.origin,
                parent=written.parent,
            )
            for written in event.written
        ]
    add_new(store, transaction, "completions", completions)
