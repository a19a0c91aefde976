"""A copy of the store that is consistent while work goes on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import duckdb

from rlhf_tui.errors import UsageError
from rlhf_tui.store.database import STORAGE_VERSION, Store, sentence


def backup(store: Store, path: Path) -> int:
    """Copy everything into a new DuckDB file, as it stands at the last commit.

    The rows are copied, never the file: to open the live file by other means would drop the lock
    on it. The copy is written aside and takes its name when it is whole.

    Returns:
        Its size in bytes.

    Raises:
        UsageError: there is something at `path`, or its directory is not there.
        HubError: it cannot be written.
    """
    if not path.parent.is_dir():
        raise UsageError(f"There is no directory {path.parent}.", hint="Make it first.")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists.", hint="Choose a new name; a backup replaces nothing.")
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _copy(store, aside)
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.rename(path)
    finally:
        for left in (aside, aside.with_name(f"{aside.name}.wal")):
            left.unlink(missing_ok=True)
    return path.stat().st_size


def _copy(store: Store, aside: Path) -> None:
    con = store.cursor()
    try:
        name = con.execute("SELECT current_database()").fetchall()[0][0]
        quoted = str(aside).replace("'", "''")
        con.execute(f"ATTACH '{quoted}' AS backup_copy (STORAGE_VERSION '{STORAGE_VERSION}')")
        try:
            con.execute(f'COPY FROM DATABASE "{name}" TO backup_copy')
        finally:
            with contextlib.suppress(duckdb.Error):
                con.execute("DETACH backup_copy")
    except duckdb.Error as error:
        raise sentence(error, aside) from error
    finally:
        con.close()
