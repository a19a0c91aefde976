"""Reading records back: items to show, pages of prompts, runs and their completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_tui.errors import UsageError
from rlhf_tui.records import Completion, Event, Prompt, Score, Split, Task, Text
from rlhf_tui.store import rows
from rlhf_tui.store.database import Connection, Store
from rlhf_tui.store.write import JSON_COLUMNS, RunRow


class ItemRow(msgspec.Struct, frozen=True):
    """A task with the texts that it is about; completions in the task's order."""

    task: Task
    prompt: Prompt
    completions: list[Completion]


class Totals(msgspec.Struct, frozen=True):
    prompts: int
    completions: int
    tasks: int
    events: int
    annotators: int


def by_ids(
    con: Connection, table: str, key: str, columns: str, ids: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Rows by id. Ids are looked up in their own narrow column first: texts are then read from
    the blocks that hold them only, which is five times as fast among a million completions."""
    if not ids:
        return []
    places = con.execute(
        f"SELECT position FROM {table} WHERE {key} IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]
    ).fetchall()
    if not places:
        return []
    return con.execute(
        f"SELECT {columns} FROM {table} WHERE position IN (SELECT unnest(?::BIGINT[]))",
        [[place for (place,) in places]],
    ).fetchall()


def tasks_by_id(store: Store, ids: Sequence[str]) -> dict[str, Task]:
    with store.reading() as con:
        found = [rows.task(r) for r in by_ids(con, "tasks", "task_id", rows.TASK, ids)]
    return {t.task_id: t for t in found}


def prompts_by_id(store: Store, ids: Sequence[str]) -> dict[str, Prompt]:
    with store.reading() as con:
        return _prompts(con, ids)


def prompts_of_tasks(store: Store, task_ids: Sequence[str]) -> dict[str, Text]:
    """What these tasks' prompts say, by task id."""
    with store.reading() as con:
        found = dict(by_ids(con, "tasks", "task_id", "task_id, prompt_id", task_ids))
        prompts = _prompts(con, list(found.values()))
    return {task_id: prompts[prompt_id].prompt for task_id, prompt_id in found.items()}


def _completions(con: Connection, ids: Sequence[str]) -> dict[str, Completion]:
    found = by_ids(con, "completions", "completion_id", rows.COMPLETION, ids)
    return {c.completion_id: c for c in map(rows.completion, found)}


def _prompts(con: Connection, ids: Sequence[str]) -> dict[str, Prompt]:
    found = by_ids(con, "prompts", "prompt_id", rows.PROMPT, ids)
    return {p.prompt_id: p for p in map(rows.prompt, found)}


def items(store: Store, task_ids: Sequence[str]) -> list[ItemRow]:
    """What these tasks are about, in the order asked for; unknown ids are left out."""
    with store.reading() as con:
        found = by_ids(con, "tasks", "task_id", rows.TASK, task_ids)
        tasks = {t.task_id: t for t in map(rows.task, found)}
        completions = _completions(con, [i for t in tasks.values() for i in t.completion_ids])
        prompts = _prompts(con, [t.prompt_id for t in tasks.values()])
    return [
        ItemRow(task, prompts[task.prompt_id], [completions[i] for i in task.completion_ids])
        for task in (tasks[i] for i in dict.fromkeys(task_ids) if i in tasks)
    ]


def current_events(store: Store, annotator: str, task_ids: Sequence[str]) -> dict[str, Event]:
    """The annotator's current judgement of each of these tasks that has one, by task id."""
    if not task_ids:
        return {}
    with store.reading() as con:
        found = con.execute(
            """SELECT max(seq) FROM events
            WHERE annotator = ? AND kind IN ('judge', 'revise', 'retract')
            AND task_id IN (SELECT unnest(?::VARCHAR[]))
            GROUP BY task_id HAVING arg_max(kind, seq) <> 'retract'""",
            [annotator, list(task_ids)],
        ).fetchall()
        events = events_at(con, [seq for (seq,) in found])
    return {e.task_id: e for e in events}


def events_at(con: Connection, seqs: Sequence[int]) -> list[Event]:
    """The events at these places of the log, newest first."""
    if not seqs:
        return []
    # Joined to, not listed in the query: four times as fast among a million events.
    found = con.execute(
        f"SELECT {rows.EVENT} FROM events WHERE seq IN (SELECT unnest(?::BIGINT[]))"
        " ORDER BY seq DESC",
        [list(seqs)],
    )
    return [rows.event(r) for r in found.fetchall()]


def drafts(store: Store, annotator: str, task_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The annotator's half-made judgements of these tasks, by task id."""
    kept = [i for i in task_ids if (annotator, i) in store.drafts]
    if not kept:
        return {}
    with store.reading() as con:
        found = con.execute(
            "SELECT task_id, body FROM drafts"
            " WHERE annotator = ? AND task_id IN (SELECT unnest(?::VARCHAR[]))",
            [annotator, kept],
        ).fetchall()
    return {task_id: msgspec.json.decode(body) for task_id, body in found}


def prompts_page(
    store: Store, *, after: str = "", limit: int = 100, splits: Sequence[Split] = ()
) -> tuple[list[Prompt], list[Completion], str]:
    """A page of prompts in the order of import, with all their completions.

    Args:
        after: the third value of the page before; empty for the first.

    Returns:
        The prompts, the completions, and the place of the next page; empty at the end.

    Raises:
        UsageError: `after` is no place that a page gave.
    """
    if after and not after.isdigit():
        raise UsageError(f"{after!r} is no place in the list of prompts.")
    with store.reading() as con:
        found = con.execute(
            f"""SELECT position, {rows.PROMPT} FROM prompts
            WHERE position > ? AND (len(?::VARCHAR[]) = 0 OR list_contains(?::VARCHAR[], split))
            ORDER BY position LIMIT ?""",
            [int(after or 0), list(splits), list(splits), limit],
        ).fetchall()
        prompts = [rows.prompt(r[1:]) for r in found]
        completions = con.execute(
            f"SELECT {rows.COMPLETION} FROM completions"
            " WHERE prompt_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY position",
            [[p.prompt_id for p in prompts]],
        ).fetchall()
    place = str(found[-1][0]) if len(found) == limit else ""
    return prompts, [rows.completion(r) for r in completions], place


def run_completions(store: Store, run_id: str) -> list[Completion]:
    """All completions of one generate run, in the order in which they came."""
    with store.reading() as con:
        found = con.execute(
            f"SELECT {rows.COMPLETION} FROM completions WHERE run_id = ? ORDER BY position",
            [run_id],
        ).fetchall()
    return [rows.completion(r) for r in found]


def run_scores(store: Store, run_id: str) -> tuple[list[Score], list[Completion]]:
    """The scores that a score run gave, and the completions that they are of."""
    with store.reading() as con:
        found = con.execute(
            f"SELECT {rows.SCORE} FROM scores WHERE run_id = ? ORDER BY completion_id", [run_id]
        ).fetchall()
        scores = [rows.score(r) for r in found]
        completions = _completions(con, [s.completion_id for s in scores])
    return scores, list(completions.values())


def runs(store: Store) -> list[RunRow]:
    """All runs, oldest first."""
    with store.reading() as con:
        found = con.execute(
            f"SELECT {', '.join(RunRow.__struct_fields__)} FROM runs ORDER BY created_ms, run_id"
        ).fetchall()
    result = []
    for row in found:
        values = dict(zip(RunRow.__struct_fields__, row, strict=True))
        for column in JSON_COLUMNS:
            values[column] = msgspec.json.decode(values[column])
        result.append(RunRow(**values))
    return result


def deleted_runs(store: Store) -> list[str]:
    """Ids of the runs that were deleted."""
    with store.reading() as con:
        return [run_id for (run_id,) in con.execute("SELECT run_id FROM deleted_runs").fetchall()]


def totals(store: Store) -> Totals:
    """How many rows the tables hold."""
    tables = Totals.__struct_fields__
    with store.reading() as con:
        row = con.execute(
            "SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        ).fetchone()
    return Totals(*row) if row else Totals(0, 0, 0, 0, 0)
