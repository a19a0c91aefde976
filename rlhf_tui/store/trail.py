"""What one person has done, and what others say: history, their own lines of the log, votes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from rlhf_tui.records import Event, TaskKind
from rlhf_tui.store.database import Connection, Store
from rlhf_tui.store.read import by_ids, events_at

HistoryState = Literal["judged", "skipped", "flagged"]

SEARCHED_FIRST = 200
"""Items whose texts are read first: most searches are answered by the newest ones. The rest is
read in one pass, which among a million completions takes a second, however many they are."""


class HistoryRow(msgspec.Struct, frozen=True):
    """Where one person stands with one task."""

    seq: int
    """Of the judgement that stands, else of the skip, else of the flag."""
    task_id: str
    flagged: str
    """Reason of their latest flag; one without a reason takes a flag back."""
    revisions: int
    """Judgements of theirs before the current one."""


# One pass over narrow columns of one person's events; texts are read only to search in them.
_HISTORY = """
    WITH mine AS (
        SELECT seq, kind, task_id, reason, kind IN ('judge', 'revise') AS judges,
            kind IN ('judge', 'revise', 'retract') AS judging
        FROM events
        WHERE annotator = $who AND kind IN ('judge', 'revise', 'retract', 'skip', 'flag')),
    tasks_of AS (
        SELECT task_id,
            max(seq) FILTER (judging) AS judged,
            coalesce(arg_max(judges, seq) FILTER (judging), false) AS stands,
            max(seq) FILTER (kind <> 'flag') AS last,
            arg_max(kind, seq) FILTER (kind <> 'flag') AS latest,
            max(seq) FILTER (kind = 'flag') AS flag,
            coalesce(arg_max(reason, seq) FILTER (kind = 'flag'), '') AS flagged,
            count(*) FILTER (judges) AS judgements
        FROM mine GROUP BY task_id),
    current AS (
        SELECT task_id, flagged, judgements - stands::INTEGER AS revisions,
            CASE WHEN stands THEN 'judged' WHEN latest = 'skip' THEN 'skipped'
                WHEN flagged <> '' THEN 'flagged' END AS state,
            CASE state WHEN 'judged' THEN judged WHEN 'skipped' THEN last
                WHEN 'flagged' THEN flag END AS seq
        FROM tasks_of)
    SELECT seq, task_id, flagged, revisions FROM current
    WHERE seq IS NOT NULL AND ($before = 0 OR seq < $before)
    AND ($kind IS NULL OR task_id IN (SELECT task_id FROM tasks WHERE kind = $kind))
    AND CASE WHEN len($states::VARCHAR[]) = 0 THEN state <> 'flagged'
        ELSE list_contains($states::VARCHAR[], state)
            OR (flagged <> '' AND list_contains($states::VARCHAR[], 'flagged')) END
    ORDER BY seq DESC"""

_SAID = "coalesce({0}text, array_to_string([m.content FOR m IN {0}messages], chr(10)), '')"
"""The text of a prompt, a completion, or something written, whichever its form."""


def history(
    store: Store,
    annotator: str,
    *,
    limit: int = 50,
    before_seq: int = 0,
    kind: TaskKind | None = None,
    search: str = "",
    states: Sequence[HistoryState] = (),
) -> list[tuple[HistoryRow, Event]]:
    """The annotator's current judgements and the skips not judged since, newest first.

    Args:
        before_seq: only events with a smaller seq; 0 for the newest.
        kind: only tasks of this kind.
        search: only items that hold this, whatever its case: prompt, completions, what they
            wrote, their critique, reason or tags.
        states: only items in one of these; what is flagged and neither judged nor skipped comes
            when it is asked for.
    """
    given = {"who": annotator, "before": before_seq, "kind": kind, "states": list(states)}
    with store.reading() as con:
        if not search:
            found = con.execute(f"{_HISTORY} LIMIT $limit", {**given, "limit": limit}).fetchall()
            return _with_events(con, [HistoryRow(*row) for row in found])
        rows = [HistoryRow(*row) for row in con.execute(_HISTORY, given).fetchall()]
        kept: list[HistoryRow] = []
        for part in (rows[:SEARCHED_FIRST], rows[SEARCHED_FIRST:]):
            if part and len(kept) < limit:
                holding = _holding(con, part, search)
                kept += [row for row in part if row.task_id in holding]
        return _with_events(con, kept[:limit])


def _with_events(con: Connection, rows: list[HistoryRow]) -> list[tuple[HistoryRow, Event]]:
    events = {event.seq: event for event in events_at(con, [row.seq for row in rows])}
    return [(row, events[row.seq]) for row in rows]


def _holding(con: Connection, rows: Sequence[HistoryRow], search: str) -> set[str]:
    """The tasks among these that hold the text."""
    tasks = by_ids(
        con, "tasks", "task_id", "task_id, prompt_id, completion_ids", [r.task_id for r in rows]
    )
    prompts = _texts_holding(con, "prompts", "prompt_id", {p for _, p, _ in tasks}, search)
    ids = {completion_id for *_, ids in tasks for completion_id in ids}
    completions = _texts_holding(con, "completions", "completion_id", ids, search)
    found = {
        task_id
        for task_id, prompt, ids in tasks
        if prompt in prompts or not completions.isdisjoint(ids)
    }
    said = con.execute(
        f"""SELECT task_id FROM events 
            WHERE seq IN (SELECT unnest(?::BIGINT[])) AND contains(lower(
            array_to_string(list_concat([critique, reason], tags,
                [{_SAID.format("w.")} FOR w IN written]), chr(10))), lower(?))""",
        [[row.seq for row in rows], search],
    ).fetchall()
    found.update(task_id for (task_id,) in said)
    found.update(row.task_id for row in rows if search.lower() in row.flagged.lower())
    return found


def _texts_holding(
    con: Connection, table: str, key: str, ids: Collection[str], search: str
) -> set[str]:
    places = con.execute(
        f"SELECT position FROM {table} WHERE {key} IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]
    ).fetchall()
    if not places:
        return set()
    found = con.execute(
        f"SELECT {key} FROM {table} WHERE position IN (SELECT unnest(?::BIGINT[]))"
        f" AND contains(lower({_SAID.format('')}), lower(?))",
        [[place for (place,) in places], search],
    ).fetchall()
    return {one for (one,) in found}


def trail(
    store: Store, annotator: str, kind: TaskKind, *, limit: int = 200, before_seq: int = 0
) -> list[Event]:
    """The annotator's own judge, revise, retract and skip lines on tasks of a kind, newest first.

    Args:
        before_seq: only events with a smaller seq; 0 for the newest.
    """
    with store.reading() as con:
        found = con.execute(
            """SELECT seq FROM events
            WHERE annotator = $who AND kind IN ('judge', 'revise', 'retract', 'skip')
            AND ($before = 0 OR seq < $before)
            AND task_id IN (SELECT task_id FROM tasks WHERE kind = $kind)
            ORDER BY seq DESC LIMIT $limit""",
            {"who": annotator, "before": before_seq, "kind": kind, "limit": limit},
        ).fetchall()
        return events_at(con, [seq for (seq,) in found])


def votes(store: Store, task_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Everybody's current judgements of these tasks, oldest first, by task id."""
    found: dict[str, list[Event]] = {task_id: [] for task_id in task_ids}
    if not found:
        return found
    with store.reading() as con:
        for event in reversed(events_at(con, standing(con, list(found)))):
            found[event.task_id].append(event)
    return found


def standing(con: Connection, task_ids: Sequence[str]) -> list[int]:
    """Places in the log of the current judgements of these tasks; quicker than by the view."""
    found = con.execute(
        """SELECT max(seq) FROM events
        WHERE kind IN ('judge', 'revise', 'retract')
        AND task_id IN (SELECT unnest(?::VARCHAR[]))
        GROUP BY task_id, annotator HAVING arg_max(kind, seq) <> 'retract'""",
        [list(task_ids)],
    ).fetchall()
    return [seq for (seq,) in found]
