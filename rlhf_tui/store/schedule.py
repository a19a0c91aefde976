"""What a scheduler is rebuilt from, and how far the judging has got: narrow columns only."""

from __future__ import annotations

from typing import Any

import msgspec

from rlhf_tui.records import TaskKind
from rlhf_tui.store.database import Store


class TaskMark(msgspec.Struct, frozen=True, gc=False):
    """A task as a scheduler sees it."""

    task_id: str
    kind: TaskKind
    overlap: int
    priority: int
    position: int
    """Order of import."""
    prompt_id: str
    run_id: str
    gold: bool
    """It has a known answer."""
    repeat_of: str | None
    assignee: str


class Mark(msgspec.Struct, frozen=True):
    """How one annotator stands to one task."""

    task_id: str
    annotator: str
    judged: bool
    """A current judgement: the last of judge, revise and retract is not a retract."""
    surplus: bool
    """That judgement came beyond the wanted overlap."""
    skipped: bool
    """Skipped, and not judged since."""
    lease_id: str
    """Event id of the lease, if the last thing that happened is a lease; else empty."""
    expires_ms: int
    """End of that lease; it may have passed. 0 without a lease."""
    judged_ms: int = 0
    """When the judgement was made, by its client's clock; 0 without one."""


class KindCounts(msgspec.Struct, frozen=True):
    """Progress on one kind of task; a scheduler adds what is open for whom."""

    tasks: int = 0
    judgements_wanted: int = 0
    judgements: int = 0
    """Current ones by anyone, surplus included."""
    mine: int = 0
    skipped: int = 0
    mine_today: int = 0


def task_marks(store: Store, *, from_position: int = 0) -> list[TaskMark]:
    """Tasks by priority, highest first, then in the order of import.

    Args:
        from_position: only tasks at this position or later; `store.next_position["tasks"]`,
            taken before an import, finds those that it added.
    """
    with store.reading() as con:
        found = con.execute(
            """SELECT task_id, kind, overlap, priority, position, prompt_id, run_id,
                gold IS NOT NULL, repeat_of, assignee FROM tasks
            WHERE position >= ? ORDER BY priority DESC, position""",
            [from_position],
        ).fetchall()
    return [TaskMark(*row) for row in found]


def marks(store: Store) -> list[Mark]:
    """Who judged, skipped or leased what, folded from the whole log, in the order of the
    judgements."""
    with store.reading() as con:
        found = con.execute(
            """SELECT task_id, annotator,
                coalesce(arg_max(kind, seq) FILTER (judging) <> 'retract', false),
                coalesce(arg_max(surplus, seq) FILTER (judging), false),
                coalesce(arg_max(kind, seq) FILTER (judging OR kind = 'skip') = 'skip', false),
                CASE WHEN arg_max(kind, seq) = 'lease' THEN arg_max(event_id, seq) ELSE '' END,
                CASE WHEN arg_max(kind, seq) = 'lease' THEN arg_max(expires_ms, seq) ELSE 0 END,
                coalesce(arg_max(created_ms, seq) FILTER (judging), 0)
            FROM (
                SELECT seq, kind, task_id, annotator, event_id, expires_ms, surplus, created_ms,
                    kind IN ('judge', 'revise', 'retract') AS judging
                FROM events WHERE kind NOT IN ('flag', 'adjudicate', 'reopen'))
            GROUP BY task_id, annotator ORDER BY max(seq) FILTER (judging), max(seq)"""
        ).fetchall()
    return [
        Mark(
            task,
            who,
            judged,
            judged and surplus,
            skipped and not judged,
            lease,
            expires,
            at if judged else 0,
        )
        for task, who, judged, surplus, skipped, lease, expires, at in found
    ]


def progress(store: Store, annotator: str, *, since_ms: int = 0) -> dict[str, KindCounts]:
    """Counts by kind of task, for everyone and for one annotator.

    Args:
        since_ms: begin of the annotator's day, for `mine_today` (by the client's clock).
    """
    query = """
        WITH current AS (
            SELECT task_id, annotator, arg_max(created_ms, seq) AS created_ms FROM events
            WHERE kind IN ('judge', 'revise', 'retract')
            GROUP BY task_id, annotator HAVING arg_max(kind, seq) <> 'retract'),
        judged AS (
            SELECT t.kind, count(*) AS judgements,
                count(*) FILTER (annotator = $who) AS mine,
                count(*) FILTER (annotator = $who AND created_ms >= $since) AS mine_today
            FROM current JOIN tasks t USING (task_id) GROUP BY t.kind),
        skips AS (
            SELECT t.kind, count(*) AS skipped FROM open_skips JOIN tasks t USING (task_id)
            WHERE annotator = $who GROUP BY t.kind),
        wanted AS (
            SELECT kind, count(*) AS tasks, sum(overlap)::BIGINT AS judgements_wanted
            FROM tasks GROUP BY kind)
        SELECT kind, tasks, judgements_wanted, coalesce(judgements, 0), coalesce(mine, 0),
            coalesce(skipped, 0), coalesce(mine_today, 0)
        FROM wanted LEFT JOIN judged USING (kind) LEFT JOIN skips USING (kind)"""
    with store.reading() as con:
        found = con.execute(query, {"who": annotator, "since": since_ms}).fetchall()
    counts: dict[str, Any] = {kind: KindCounts(*rest) for kind, *rest in found}
    return {kind: counts.get(kind, KindCounts()) for kind in ("rank", "thumbs")}
