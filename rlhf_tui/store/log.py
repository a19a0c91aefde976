"""Appending to the log of judgements: many events, one transaction, each id once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from rlhf_tui.records import JUDGEMENT_KINDS, Event
from rlhf_tui.store import rows
from rlhf_tui.store.adding import add_written
from rlhf_tui.store.database import Store, Transaction


class Outcome(msgspec.Struct, frozen=True):
    """What became of one event; the wire's `Stored` has the same fields."""

    event_id: str
    outcome: Literal["stored", "duplicate", "surplus"]
    seq: int
    """Position in the log; of a duplicate, that of the first of its id."""


def append(store: Store, events: Sequence[Event]) -> list[Outcome]:
    """Store the events in this order; durable when it returns.

    An event whose id is in the log already, or earlier in `events`, is answered 'duplicate' and
    not stored again. `seq` of the events given is ignored. What they have written becomes
    completions. A draft of a task ends with its judgement, skip or adjudication. Annotators not
    seen before are entered as human.

    Raises:
        InputError: one has written something, and its task is not there.
        StoreFull, StoreFailed: none of them was stored.
        StoreUnsure: unknown; open the store again, then repeat them.
    """
    if not events:
        return []
    with store.transaction() as transaction:
        return append_within(store, transaction, events)


def append_within(store: Store, transaction: Transaction, events: Sequence[Event]) -> list[Outcome]:
    """`append` as part of a larger transaction."""
    known = _known(store, transaction, [e.event_id for e in events])
    fresh: list[Event] = []
    outcomes: list[Outcome] = []
    for event in events:
        seq = known.get(event.event_id)
        if seq is not None:
            outcomes.append(Outcome(event.event_id, "duplicate", seq))
            continue
        seq = known[event.event_id] = store.next_seq + len(fresh)
        fresh.append(event)
        outcomes.append(Outcome(event.event_id, "surplus" if event.surplus else "stored", seq))
    if fresh:
        add_written(store, transaction, fresh)
        _insert(store, transaction, fresh)
    return outcomes


def _known(store: Store, transaction: Transaction, ids: list[str]) -> dict[str, int]:
    """Event id → seq of those that are in the log."""
    suspects = [i for i in ids if store.seen.perhaps(i)]
    if not suspects:
        return {}
    found = transaction.con.execute(
        "SELECT event_id, seq FROM events WHERE event_id IN (SELECT unnest(?::VARCHAR[]))",
        [suspects],
    ).fetchall()
    return dict(found)


def _insert(store: Store, transaction: Transaction, fresh: list[Event]) -> None:
    con = transaction.con
    with rows.batch(con, "events", fresh, store.next_seq) as batch:
        con.execute(f"INSERT INTO events SELECT * FROM {batch}")
    names = dict.fromkeys(e.annotator for e in fresh if e.annotator not in store.annotators)
    if names:
        # The same transaction may have entered some of them already, as another kind.
        con.execute(
            "INSERT INTO annotators SELECT new.name, 'human'"
            " FROM (SELECT unnest(?::VARCHAR[]) AS name) AS new"
            " WHERE NOT EXISTS (SELECT 1 FROM annotators AS old WHERE old.name = new.name)",
            [list(names)],
        )
    ended = {
        (e.annotator, e.task_id)
        for e in fresh
        if e.kind in JUDGEMENT_KINDS or e.kind in ("skip", "adjudicate")
    } & store.drafts
    for annotator, task_id in ended:
        con.execute("DELETE FROM drafts WHERE annotator = ? AND task_id = ?", [annotator, task_id])

    def remember() -> None:
        store.next_seq += len(fresh)
        store.seen.add(e.event_id for e in fresh)
        for name in names:
            store.annotators.setdefault(name, "human")
        store.drafts -= ended

    transaction.after_commit(remember)
