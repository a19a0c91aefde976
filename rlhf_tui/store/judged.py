"""What the statistics are computed from: current judgements without any text, as a Parquet file.

The columns are named and described in `rlhf_tui.evaluation.judged`, which reads them.
"""

from __future__ import annotations

import time
from pathlib import Path

from rlhf_tui.evaluation.worked import Facts
from rlhf_tui.records import TaskKind
from rlhf_tui.store.database import Connection, Store

# Lists stand in the order of the task's sorted completion ids, whatever was shown where. Lengths
# are summed up once a task, not once a judgement.
_JUDGED = """
    COPY (
        WITH asked AS (
            SELECT t.task_id, t.gold, t.repeat_of IS NOT NULL AS repeat,
                coalesce(o.position, t.position) AS item, list_sort(t.completion_ids) AS ids
            FROM tasks t LEFT JOIN tasks o ON o.task_id = t.repeat_of
            WHERE t.kind = '{kind}'),
        judged AS (
            SELECT j.seq, j.annotator, j.created_ms, j.active_ms, j.wall_ms, j.selection,
                j.unsure, j.shown, j.tiers, j.thumbs, a.*
            FROM standing j JOIN asked a USING (task_id)),
        lengths AS (
            SELECT l.task_id, list(l.characters ORDER BY l.id) AS characters,
                list(l.tokens ORDER BY l.id) AS tokens
            FROM (
                SELECT u.task_id, u.id, c.tokens,
                    coalesce(length(c.text), list_sum(
                        list_transform(c.messages, lambda m: length(m.content)))::BIGINT, 0)
                    AS characters
                FROM (
                    SELECT task_id, unnest(ids) AS id FROM asked
                    WHERE task_id IN (SELECT task_id FROM judged)) AS u
                JOIN completions c ON c.completion_id = u.id) AS l
            GROUP BY l.task_id)
        SELECT item, repeat, annotator, created_ms, active_ms, wall_ms,
            coalesce(selection, '') AS selection, coalesce(unsure, false) AS unsure,
            CASE WHEN len(tiers) > 0
                THEN list_transform(ids, lambda c: tiers[list_position(shown, c)])
                ELSE []::INTEGER[] END AS tiers,
            CASE WHEN len(thumbs) > 0
                THEN list_transform(ids, lambda c: thumbs[list_position(shown, c)]::TINYINT)
                ELSE []::TINYINT[] END AS thumbs,
            list_transform(ids, lambda c: list_position(shown, c)) AS places,
            characters, tokens, gold, CASE WHEN gold IS NOT NULL THEN ids END AS gold_ids
        FROM judged JOIN lengths USING (task_id) ORDER BY seq)
    TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""

# Known answers and repeats check people and are no work that is wanted, as in the scheduler.
_COUNTS = """
    SELECT count(*), coalesce(sum(overlap), 0)::BIGINT,
        coalesce(sum(greatest(overlap - coalesce(given, 0), 0)), 0)::BIGINT
    FROM tasks LEFT JOIN (
        SELECT task_id, count(*) AS given FROM standing GROUP BY task_id) USING (task_id)
    WHERE kind = ? AND gold IS NULL AND repeat_of IS NULL"""

_BY_PERSON = (
    "SELECT annotator, count(*) FROM open_skips JOIN tasks t USING (task_id)"
    " WHERE t.kind = ? GROUP BY annotator",
    "SELECT annotator, count(DISTINCT task_id) FROM events e JOIN tasks t"
    " USING (task_id) WHERE e.kind = 'flag' AND t.kind = ? GROUP BY annotator",
)
"""Skips that stand, and flagged tasks."""


def write_judged(store: Store, path: Path, kind: TaskKind) -> Facts:
    """Write the current judgements of one kind to `path`; the counts beside them."""
    with store.reading() as con:
        con.execute("BEGIN")
        try:
            return _write(con, path, kind)
        finally:
            con.execute("ROLLBACK")


def _write(con: Connection, path: Path, kind: TaskKind) -> Facts:
    written = con.execute(_JUDGED.format(kind=kind, path=str(path).replace("'", "''"))).fetchone()
    tasks, wanted, remaining = con.execute(_COUNTS, [kind]).fetchone() or (0, 0, 0)
    skipped, flagged = (dict(con.execute(query, [kind]).fetchall()) for query in _BY_PERSON)
    ai = con.execute("SELECT name FROM annotators WHERE kind = 'ai' ORDER BY name").fetchall()
    return Facts(
        kind=kind,
        judgements=int(written[0]) if written else 0,
        tasks=tasks,
        wanted=wanted,
        remaining=remaining,
        skipped=skipped,
        flagged=flagged,
        ai=[name for (name,) in ai],
        now_ms=time.time_ns() // 1_000_000,
    )
