"""Opening the store, its one writer, cursors for readers, and its failures as sentences."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from rlhf_tui.errors import FREE_SPACE, HubError, RlhfError
from rlhf_tui.store import migrations, views
from rlhf_tui.store.gate import Gate
from rlhf_tui.store.seen import HASH_SQL, SeenIds
from rlhf_tui.store.wal import set_aside

STORAGE_VERSION = "v1.5.0"
"""DuckDB 1.5 can still open the file; 2.0's own default cannot be opened by it."""

MEMORY_LIMIT = "2GB"
"""A million preference pairs to Parquet need 1 GB; the hub shares the machine with training."""

_FULL = re.compile(r"no space left|disk quota exceeded|file too large|errno 28|errno 27", re.I)

Connection = duckdb.DuckDBPyConnection


class StoreFull(HubError):
    """There was no room to write; nothing of the transaction was stored."""


class StoreUnsure(HubError):
    """A commit failed with unknown outcome, or DuckDB gave the database up.

    The process must close the store and open it again: what was acknowledged is there, and of
    the rest the event ids tell what is.
    """


class StoreFailed(HubError):
    """DuckDB refused a statement; nothing of the transaction was stored."""


class Transaction:
    """One transaction: `con` to write with, and what to do in memory once it is durable.

    `taken` counts the positions of each table that it has used already.
    """

    def __init__(self, con: Connection) -> None:
        self.con = con
        self.taken: Counter[str] = Counter()
        self._after: list[Callable[[], None]] = []

    def after_commit(self, action: Callable[[], None]) -> None:
        self._after.append(action)

    def committed(self) -> None:
        for action in self._after:
            action()


class Store:
    """The open store of a workspace.

    Writes go through `transaction()`, one at a time. Reads take a cursor each, from any thread,
    and see the last commit. The process must not fork while the store is open, and must not
    open the database file by other means: closing such a handle drops DuckDB's lock on it.

    Attributes:
        next_seq: position in the log that the next event gets.
        next_position: table name → position that the next row gets.
        seen: filter over the event ids in the log.
        annotators: name → kind, of all known.
        drafts: (annotator, task id) of all kept drafts.
        recovered: copy of the write-ahead log, if the last process ended uncleanly.
    """

    def __init__(
        self,
        path: Path,
        lock: Path,
        *,
        memory_limit: str = MEMORY_LIMIT,
        threads: int | None = None,
    ) -> None:
        """Open or create the store at `path` behind the gate `lock`.

        Args:
            memory_limit: what DuckDB may take, as it writes sizes ('2GB').
            threads: of DuckDB; None leaves it to its own choice, the number of cores.

        Raises:
            StoreBusy: another process holds it.
            NewerStore: a newer version of the program made it.
            HubError: the file cannot be opened, or the disk is full.
        """
        self.path = path
        self._lock = threading.RLock()
        self._broken: StoreUnsure | None = None
        self.gate = Gate(lock)
        try:
            self.recovered = set_aside(path)
            self._writer = _connect(path, memory_limit, threads)
        except BaseException:
            self.gate.close()
            raise
        try:
            with _told(path):
                migrations.migrate(self._writer)
                views.install(self._writer)
                self._remember()
        except BaseException:
            self._writer.close()
            self.gate.close()
            raise

    def _remember(self) -> None:
        """Fill what is kept in memory from the tables."""
        con = self._writer
        hashes = con.execute(f"SELECT {HASH_SQL} AS h FROM events").fetchnumpy()["h"]
        self.seen = SeenIds(hashes)
        self.next_seq = self._scalar("SELECT coalesce(max(seq), 0) + 1 FROM events")
        self.next_position = {
            table: self._scalar(f"SELECT coalesce(max(position), 0) + 1 FROM {table}")
            for table in ("prompts", "completions", "tasks")
        }
        self.annotators: dict[str, str] = dict(
            con.execute("SELECT name, kind FROM annotators").fetchall()
        )
        self.drafts: set[tuple[str, str]] = set(
            con.execute("SELECT annotator, task_id FROM drafts").fetchall()
        )

    def _scalar(self, query: str) -> int:
        row = self._writer.execute(query).fetchone()
        return int(row[0]) if row else 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All or nothing; durable when the block has been left without an exception.

        Raises:
            StoreFull, StoreFailed: nothing was stored; the store goes on.
            StoreUnsure: close the store and open it again.
        """
        with self._lock:
            if self._broken:
                raise self._broken
            transaction = Transaction(self._writer)
            self._run("BEGIN")
            try:
                yield transaction
            except duckdb.Error as error:
                self._rollback()
                raise self._sentence(error) from error
            except BaseException:
                self._rollback()
                raise
            try:
                self._writer.execute("COMMIT")
            except duckdb.Error as error:
                raise self._give_up(error) from error
            transaction.committed()

    def _run(self, statement: str) -> None:
        try:
            self._writer.execute(statement)
        except duckdb.Error as error:
            raise self._sentence(error) from error

    def _rollback(self) -> None:
        # A statement that failed may have ended the transaction already.
        with contextlib.suppress(duckdb.Error):
            self._writer.execute("ROLLBACK")

    def _sentence(self, error: duckdb.Error) -> RlhfError:
        if isinstance(error, duckdb.FatalException):
            return self._give_up(error)
        return sentence(error, self.path)

    def _give_up(self, error: duckdb.Error) -> StoreUnsure:
        if _FULL.search(str(error)):
            what = f"There is no room left on the disk of {self.path.parent}, and the last save"
            hint = f"{FREE_SPACE}, then do it again: what is stored already is not stored twice."
        else:
            what = f"The store could not finish a save ({first_line(error)}), which"
            hint = "Do it again: what is stored already is not stored twice."
        self._broken = StoreUnsure(f"{what} may not have been kept.", hint=hint)
        return self._broken

    def cursor(self) -> Connection:
        """A connection of its own for a reader in any thread; the caller closes it."""
        con = self._writer.cursor()
        con.execute("SET enable_progress_bar = false")
        return con

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A cursor for one read; failures become sentences."""
        con = self.cursor()
        try:
            yield con
        except duckdb.Error as error:
            raise sentence(error, self.path) from error
        finally:
            con.close()

    def close(self) -> None:
        """Write everything into the database file and let go of it; harmless when repeated.

        A checkpoint that fails (full disk) loses nothing: the write-ahead log stays.
        """
        with self._lock, contextlib.suppress(duckdb.Error):
            self._writer.close()
        self.gate.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(path: Path, memory_limit: str, threads: int | None) -> Connection:
    config: dict[str, Any] = {
        "storage_compatibility_version": STORAGE_VERSION,
        "memory_limit": memory_limit,
        "temp_directory": str(path.with_name(f".{path.name}.tmp")),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if threads is not None:
        config["threads"] = threads
    with _told(path):
        con = duckdb.connect(str(path), config=config)
        con.execute("SET enable_progress_bar = false")
        return con


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise sentence(error, path) from error


def sentence(error: duckdb.Error, path: Path) -> RlhfError:
    """What DuckDB's complaint means for the person in front of it."""
    text = str(error)
    if _FULL.search(text):
        return StoreFull(
            f"There is no room left on the disk of {path.parent}; nothing was saved.",
            hint=f"{FREE_SPACE} and do it again.",
        )
    if "Could not set lock" in text or "Conflicting lock" in text:
        return HubError(
            f"Another program has {path} open.",
            hint="Close it (a DuckDB shell, perhaps); only the hub opens this file.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoreFailed(
            "The store needs more memory than it may take for this.",
            hint="Ask for less at a time, or stop other work on this machine.",
        )
    if "replaying WAL" in text:
        return HubError(
            f"The log of the last saves, {path.name}.wal, is damaged.",
            hint="Put a backup in the store's place; or move that file away, and the store opens"
            " without the saves that it holds. A copy of it is kept beside it.",
        )
    if re.search(r"not a valid DuckDB|version number|checksum|corrupt", text, re.I):
        return HubError(
            f"{path} cannot be opened: {first_line(error)}",
            hint="It is no DuckDB file of this version, or it is damaged; put a backup in its"
            " place.",
        )
    if isinstance(error, duckdb.IOException | duckdb.PermissionException):
        return HubError(
            f"{path} cannot be read or written: {first_line(error)}",
            hint="Check the file's permissions and its disk.",
        )
    return StoreFailed(f"The store refused it: {first_line(error)}")


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
