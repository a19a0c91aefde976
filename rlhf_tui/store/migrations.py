"""The schema, as named steps that are only ever added to.

A step that has been released is never changed: a store made by any earlier version is brought up
to date by the steps that it lacks, each in a transaction with its entry in `schema_version`.
There are no foreign keys and no indexes: on DuckDB they make appends slower and updates fragile.
Columns called `position` count the order of import; DuckDB's zone maps make them the fast way to
a row.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import duckdb

from rlhf_tui.errors import HubError

_MESSAGES = "STRUCT(role VARCHAR, content VARCHAR)[]"
_WRITTEN = f"STRUCT(completion_id VARCHAR, text VARCHAR, messages {_MESSAGES}, parent VARCHAR)[]"


class Migration(NamedTuple):
    version: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "prompts, completions, tasks and the log of judgements",
        (
            f"""CREATE TABLE prompts (
                position BIGINT, prompt_id VARCHAR, text VARCHAR, messages {_MESSAGES},
                source VARCHAR, split VARCHAR, meta VARCHAR)""",
            f"""CREATE TABLE completions (
                position BIGINT, completion_id VARCHAR, prompt_id VARCHAR,
                text VARCHAR, messages {_MESSAGES}, origin VARCHAR, model VARCHAR,
                run_id VARCHAR, parameters VARCHAR, tokens INTEGER, finish_reason VARCHAR,
                parent VARCHAR, demonstration BOOLEAN)""",
            """CREATE TABLE tasks (
                position BIGINT, task_id VARCHAR, kind VARCHAR, prompt_id VARCHAR,
                completion_ids VARCHAR[], overlap INTEGER, priority INTEGER, run_id VARCHAR,
                gold VARCHAR, repeat_of VARCHAR, assignee VARCHAR)""",
            f"""CREATE TABLE events (
                seq BIGINT, event_id VARCHAR, kind VARCHAR, task_id VARCHAR, annotator VARCHAR,
                shown VARCHAR[], tiers INTEGER[], thumbs BOOLEAN[], both_bad BOOLEAN,
                unsure BOOLEAN, strength INTEGER, aspects VARCHAR, critique VARCHAR,
                tags VARCHAR[], guidelines VARCHAR, selection VARCHAR, reason VARCHAR,
                written {_WRITTEN}, active_ms BIGINT, wall_ms BIGINT, supersedes VARCHAR,
                client VARCHAR, created_ms BIGINT, expires_ms BIGINT, surplus BOOLEAN,
                acting_uid BIGINT)""",
            "CREATE TABLE annotators (name VARCHAR, kind VARCHAR)",
            """CREATE TABLE drafts (
                annotator VARCHAR, task_id VARCHAR, body VARCHAR, updated_ms BIGINT)""",
            "CREATE TABLE view_texts (name VARCHAR, query VARCHAR)",
        ),
    ),
    Migration(
        2,
        "runs, their snapshots, and what learned models say",
        (
            """CREATE TABLE runs (
                run_id VARCHAR, kind VARCHAR, state VARCHAR, title VARCHAR, directory VARCHAR,
                created_ms BIGINT, started_ms BIGINT, ended_ms BIGINT, arguments VARCHAR,
                metrics VARCHAR, message VARCHAR)""",
            """CREATE TABLE snapshots (
                run_id VARCHAR, kind VARCHAR, manifest VARCHAR, created_ms BIGINT)""",
            """CREATE TABLE scores (
                completion_id VARCHAR, run_id VARCHAR, model VARCHAR, mean DOUBLE,
                spread DOUBLE, kl DOUBLE)""",
        ),
    ),
    Migration(
        3,
        "every version of the guidelines that was shown",
        ("CREATE TABLE guidelines (version VARCHAR, text VARCHAR, created_ms BIGINT)",),
    ),
    Migration(
        4,
        "no reward where there was no reward model",
        ("UPDATE scores SET mean = NULL WHERE model = ''",),
    ),
    Migration(
        5,
        "runs that wait have priorities",
        ("ALTER TABLE runs ADD COLUMN priority INTEGER DEFAULT 0",),
    ),
    Migration(
        6,
        "what people say of runs, their place in the queue, and the names of deleted ones",
        (
            "ALTER TABLE runs ADD COLUMN note VARCHAR DEFAULT ''",
            "ALTER TABLE runs ADD COLUMN tags VARCHAR DEFAULT '[]'",
            "ALTER TABLE runs ADD COLUMN archived BOOLEAN DEFAULT false",
            "ALTER TABLE runs ADD COLUMN promoted_ms BIGINT DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN queued_ms BIGINT DEFAULT 0",
            "UPDATE runs SET queued_ms = created_ms",
            "CREATE TABLE deleted_runs (run_id VARCHAR, deleted_ms BIGINT)",
        ),
    ),
)

LATEST = MIGRATIONS[-1].version


class NewerStore(HubError):
    """The store was made by a newer version of the program."""


def version_of(con: duckdb.DuckDBPyConnection) -> int:
    """The schema's version; 0 for an empty database."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_version'"
        " AND database_name = current_database()"
    ).fetchone()
    if not found or not found[0]:
        return 0
    row = con.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def migrate(con: duckdb.DuckDBPyConnection, *, target: int = LATEST) -> list[str]:
    """Bring the schema up to `target`; the names of the steps that were taken.

    Raises:
        NewerStore: the store has a version that this program does not know.
    """
    version = version_of(con)
    if version > LATEST:
        raise NewerStore(
            f"This workspace's store has version {version}; this rlhf-tui knows versions up to"
            f" {LATEST}.",
            hint="Upgrade rlhf-tui to the version that made the workspace, or a newer one.",
        )
    taken = []
    for step in MIGRATIONS:
        if not version < step.version <= target:
            continue
        con.execute("BEGIN")
        con.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (version INTEGER, name VARCHAR, applied_ms BIGINT)"
        )
        for statement in step.statements:
            con.execute(statement)
        con.execute(
            "INSERT INTO schema_version VALUES (?, ?, ?)",
            [step.version, step.name, time.time_ns() // 1_000_000],
        )
        con.execute("COMMIT")
        taken.append(step.name)
    return taken
