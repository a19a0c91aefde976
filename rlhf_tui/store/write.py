"""Writing everything but judgements: imports in bulk, drafts, scores, annotators and runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.records import Annotator, Completion, Event, Prompt, Score, Task
from rlhf_tui.store import rows
from rlhf_tui.store.adding import IDS, add_new
from rlhf_tui.store.database import Connection, Store, Transaction
from rlhf_tui.store.log import append_within


class Tally(msgspec.Struct):
    """Rows by table; the wire's `Counts` has the same fields."""

    prompts: int = 0
    completions: int = 0
    tasks: int = 0
    events: int = 0


class RunRow(msgspec.Struct, frozen=True):
    """What the store keeps of a run; its files hold the rest."""

    run_id: str
    kind: str
    state: str
    title: str = ""
    directory: str = ""
    created_ms: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    arguments: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    """The final ones."""
    message: str = ""
    priority: int = 0
    """Of runs that wait for a device the highest starts first."""
    note: str = ""
    """What a person wrote about it."""
    tags: list[str] = []
    archived: bool = False
    """Put away: left out of lists."""
    promoted_ms: int = 0
    """When its model became the workspace's current policy; 0: it is not."""
    queued_ms: int = 0
    """When it joined the queue last: of equal priorities the earliest starts first."""


JSON_COLUMNS = ("arguments", "metrics", "tags")
"""Columns of `runs` that hold JSON."""


def ingest(
    store: Store,
    *,
    prompts: Sequence[Prompt] = (),
    completions: Sequence[Completion] = (),
    tasks: Sequence[Task] = (),
    events: Sequence[Event] = (),
    annotators: Sequence[Annotator] = (),
    gold: bool = False,
) -> tuple[Tally, Tally]:
    """Store a batch of an import in one transaction; what is there already adds nothing.

    A prompt keeps the split with which it came first.

    Args:
        gold: give the tasks' known answers to those, too, that are there already.

    Returns:
        How many were added, and how many were duplicates.

    Raises:
        InputError: a completion, task or event refers to something that is not there.
        StoreFull, StoreFailed: nothing was stored.
        StoreUnsure: unknown; open the store again, then repeat it.
    """
    added, duplicates = Tally(), Tally()
    with store.transaction() as transaction:
        _add_annotators(store, transaction, annotators)
        for table, records in (
            ("prompts", prompts),
            ("completions", completions),
            ("tasks", tasks),
        ):
            if records:
                new = add_new(store, transaction, table, records)
                setattr(added, table, new)
                setattr(duplicates, table, len(records) - new)
        if gold:
            _give_answers(transaction.con, tasks)
        _check(transaction.con, completions, tasks, events)
        outcomes = append_within(store, transaction, events) if events else []
        duplicates.events = sum(o.outcome == "duplicate" for o in outcomes)
        added.events = len(events) - duplicates.events
    return added, duplicates


def _give_answers(con: Connection, tasks: Sequence[Task]) -> None:
    known = {t.task_id: msgspec.json.encode(t.gold).decode() for t in tasks if t.gold is not None}
    con.execute(
        "UPDATE tasks SET gold = new.gold FROM (SELECT unnest(?::VARCHAR[]) AS task_id,"
        " unnest(?::VARCHAR[]) AS gold) AS new WHERE tasks.task_id = new.task_id",
        [list(known), list(known.values())],
    )


def _check(
    con: Connection,
    completions: Sequence[Completion],
    tasks: Sequence[Task],
    events: Sequence[Event],
) -> None:
    """Refuse references to nothing: there are no foreign keys that would."""
    prompt_ids = {c.prompt_id for c in completions} | {t.prompt_id for t in tasks}
    _check_ids(con, "prompts", prompt_ids, "a prompt")
    _check_ids(con, "completions", {i for t in tasks for i in t.completion_ids}, "a completion")
    _check_ids(con, "tasks", {e.task_id for e in events}, "a task")


def _check_ids(con: Connection, table: str, ids: set[str], what: str) -> None:
    if not ids:
        return
    missing = con.execute(
        f"SELECT id FROM (SELECT unnest(?::VARCHAR[]) AS id) WHERE NOT EXISTS"
        f" (SELECT 1 FROM {table} WHERE {IDS[table]} = id) LIMIT 1",
        [list(ids)],
    ).fetchone()
    if missing:
        raise InputError(
            f"The batch refers to {what} that is not in the store: {missing[0]}.",
            hint="Send it in the same batch, or before.",
        )


def _add_annotators(
    store: Store, transaction: Transaction, annotators: Sequence[Annotator]
) -> None:
    wanted = {a.name: a.kind for a in annotators}
    changed = {n: k for n, k in wanted.items() if store.annotators.get(n) != k}
    for name, kind in changed.items():
        transaction.con.execute("DELETE FROM annotators WHERE name = ?", [name])
        transaction.con.execute("INSERT INTO annotators VALUES (?, ?)", [name, kind])
    transaction.after_commit(lambda: store.annotators.update(changed))


def save_annotators(store: Store, annotators: Sequence[Annotator]) -> None:
    """Enter annotators, or change their kind."""
    if all(store.annotators.get(a.name) == a.kind for a in annotators):
        return
    with store.transaction() as transaction:
        _add_annotators(store, transaction, annotators)


def save_scores(store: Store, scores: Sequence[Score]) -> None:
    """Store scores; one of the same run and completion is replaced."""
    latest = list({(s.run_id, s.completion_id): s for s in scores}.values())
    if not latest:
        return
    with store.transaction() as transaction:
        con = transaction.con
        with rows.batch(con, "scores", latest, 0) as batch:
            con.execute(
                f"DELETE FROM scores WHERE (run_id, completion_id) IN"
                f" (SELECT (run_id, completion_id) FROM {batch})"
            )
            con.execute(f"INSERT INTO scores SELECT * FROM {batch}")


def save_draft(store: Store, annotator: str, task_id: str, body: dict[str, Any]) -> None:
    """Keep a half-made judgement; an empty body forgets it."""
    key = (annotator, task_id)
    with store.transaction() as transaction:
        con = transaction.con
        if key in store.drafts:
            con.execute("DELETE FROM drafts WHERE annotator = ? AND task_id = ?", list(key))
        if body:
            text = msgspec.json.encode(body).decode()
            now = time.time_ns() // 1_000_000
            con.execute("INSERT INTO drafts VALUES (?, ?, ?, ?)", [*key, text, now])
            transaction.after_commit(lambda: store.drafts.add(key))
        else:
            transaction.after_commit(lambda: store.drafts.discard(key))


def save_run(store: Store, *runs: RunRow) -> None:
    """Enter runs, or replace what is kept of them: all or none."""
    with store.transaction() as transaction:
        con = transaction.con
        for run in runs:
            con.execute("DELETE FROM runs WHERE run_id = ?", [run.run_id])
            values = msgspec.structs.asdict(run)
            for column in JSON_COLUMNS:
                values[column] = msgspec.json.encode(values[column]).decode()
            marks = ", ".join("?" * len(values))
            con.execute(
                f"INSERT INTO runs ({', '.join(values)}) VALUES ({marks})", [*values.values()]
            )


def delete_run(store: Store, run_id: str) -> None:
    """Forget a run and its snapshot; its name is remembered, so that no other run gets it.

    Completions and scores that it made stay.
    """
    with store.transaction() as transaction:
        con = transaction.con
        for table in ("runs", "snapshots", "deleted_runs"):
            con.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
        now = time.time_ns() // 1_000_000
        con.execute("INSERT INTO deleted_runs VALUES (?, ?)", [run_id, now])


def save_snapshot_row(store: Store, run_id: str, kind: str, manifest: bytes) -> None:
    """Note which data a run was given: its manifest, as JSON."""
    with store.transaction() as transaction:
        now = time.time_ns() // 1_000_000
        con = transaction.con
        con.execute("DELETE FROM snapshots WHERE run_id = ?", [run_id])
        con.execute(
            "INSERT INTO snapshots VALUES (?, ?, ?, ?)", [run_id, kind, manifest.decode(), now]
        )
