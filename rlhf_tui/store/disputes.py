"""On which items people disagree, what was settled, and known answers.

The agreement of an item is the share, over all pairs of people who judged it, of the questions
that both decided and decided alike. The questions of a ranking are its pairs of completions on
different tiers: a tie and an unranked completion decide nothing, as in evaluation/agreement.py,
nor does a ranking marked unsure; tiers given beside both-bad count. The questions of a thumbs
task are its thumbs. Skips are no judgements. Of n people who decided a question, u one way and d
the other, u(u-1)/2 + d(d-1)/2 of the n(n-1)/2 pairs agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rlhf_tui.records import Event, TaskKind
from rlhf_tui.store.database import Connection, Store
from rlhf_tui.store.read import events_at
from rlhf_tui.store.trail import standing


class DisputeRow(msgspec.Struct, frozen=True):
    task_id: str
    agreement: float
    """In [0, 1]; 1 where no question was decided by two people."""
    settled: Event | None = None


AGREEMENT = """
    WITH given AS ({given}),
    several AS (SELECT task_id FROM given GROUP BY task_id HAVING count(*) > 1),
    mine AS (
        SELECT j.seq, j.task_id, t.kind, j.shown, j.tiers, j.thumbs
        FROM given j JOIN tasks t USING (task_id)
        WHERE NOT j.unsure AND j.task_id IN (SELECT task_id FROM several)),
    ranks AS (
        SELECT seq, task_id, unnest(shown) AS id, unnest(tiers) AS tier
        FROM mine WHERE kind = 'rank' AND len(tiers) > 0),
    thumbs_up AS (
        SELECT task_id, unnest(shown) AS id, unnest(thumbs) AS up
        FROM mine WHERE kind = 'thumbs' AND len(thumbs) > 0),
    questions AS (
        SELECT a.task_id, count(*) FILTER (a.tier < b.tier) AS one,
            count(*) FILTER (a.tier > b.tier) AS other
        FROM ranks AS a JOIN ranks AS b ON a.seq = b.seq AND a.id < b.id
        WHERE a.tier IS NOT NULL AND b.tier IS NOT NULL
        GROUP BY a.task_id, a.id, b.id
        UNION ALL
        SELECT task_id, count(*) FILTER (up), count(*) FILTER (NOT up)
        FROM thumbs_up GROUP BY task_id, id)
    SELECT task_id,
        sum(one * (one - 1) + other * (other - 1)) / sum((one + other) * (one + other - 1))
            AS agreement
    FROM questions GROUP BY task_id HAVING sum((one + other) * (one + other - 1)) > 0"""
"""Task id and agreement of every task that two people decided a question of; `given` is a query
for standing judgements."""


def settled(
    store: Store, *, kind: TaskKind | None = None, limit: int = 20, offset: int = 0
) -> tuple[list[DisputeRow], int]:
    """Items that were settled, the newest first, and how many there are in all."""
    with store.reading() as con:
        found = con.execute(
            """SELECT seq FROM settled
            WHERE $kind IS NULL OR task_id IN (SELECT task_id FROM tasks WHERE kind = $kind)
            ORDER BY seq DESC""",
            {"kind": kind},
        ).fetchall()
        events = events_at(con, [seq for (seq,) in found[offset : offset + limit]])
        shares = agreement_of(con, [event.task_id for event in events])
    return [DisputeRow(e.task_id, shares.get(e.task_id, 1.0), e) for e in events], len(found)


def dispute(store: Store, task_id: str) -> DisputeRow:
    """How one item stands, whatever its agreement."""
    with store.reading() as con:
        found = con.execute("SELECT seq FROM settled WHERE task_id = ?", [task_id]).fetchall()
        events = events_at(con, [seq for (seq,) in found])
        share = agreement_of(con, [task_id]).get(task_id, 1.0)
    return DisputeRow(task_id, share, events[0] if events else None)


def agreement_of(con: Connection, task_ids: Sequence[str]) -> dict[str, float]:
    """Of those of these tasks that two people decided a question of, settled or not."""
    query = AGREEMENT.format(given="SELECT * FROM events WHERE seq IN (SELECT unnest(?::BIGINT[]))")
    return dict(con.execute(query, [standing(con, task_ids)]).fetchall())


def set_gold(store: Store, task_id: str, tiers: dict[str, int] | None) -> None:
    """Give a task a known answer, or take it away; durable when it returns."""
    with store.transaction() as transaction:
        transaction.con.execute(
            "UPDATE tasks SET gold = ? WHERE task_id = ?",
            [None if tiers is None else msgspec.json.encode(tiers).decode(), task_id],
        )
