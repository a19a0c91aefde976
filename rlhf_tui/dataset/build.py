"""A data set, picked from the store at one moment and written to Parquet or JSON Lines."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import duckdb

from rlhf_tui.counting import count
from rlhf_tui.dataset import aggregation_notes, columns, notes, queries
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import HubError, InputError
from rlhf_tui.records import Split
from rlhf_tui.store.database import Connection, Store, sentence

FileFormat = Literal["parquet", "jsonl"]


class Build:
    """The rows of one data set, picked and counted; `write` makes files of them.

    Attributes:
        rows: how many by split; splits without rows are left out.
        chat: prompts and completions are messages; else they are texts.
        last_seq: position of the newest event in the log at that moment.
        notes: sentences on what is in it, and what was left out and why.
    """

    def __init__(self, con: Connection, spec: DatasetSpec, *, scored: bool = False) -> None:
        self._con = con
        self._kind = "scored" if scored else spec.kind
        outcome = queries.pick(con, spec, scored=scored)
        self._aggregated = spec.aggregate != "all"
        self.rows: dict[Split, int] = dict(
            con.execute("SELECT split, count(*) FROM picked GROUP BY split").fetchall()
        )
        self.chat = self._kind != "rankings" and self._one_form()
        self.last_seq: int = con.execute("SELECT coalesce(max(seq), 0) FROM events").fetchall()[0][
            0
        ]
        self.notes = [
            *notes.notes(con, spec, self._kind),
            *aggregation_notes.notes(con, spec, self._kind, outcome),
        ]
        order = queries.order(self._kind, self._aggregated)
        con.execute(
            "CREATE TEMP TABLE ordered AS"
            f" SELECT *, row_number() OVER (ORDER BY {order}) AS n FROM picked"
        )
        if self._kind == "rankings":
            con.execute(columns.COMPLETIONS_OF_TASKS)

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def one_label(self, split: Split) -> bool | None:
        """The label that all thumbs of a split have; None where both are there, or neither."""
        found = self._con.execute(
            "SELECT DISTINCT label FROM picked WHERE split = ?", [split]
        ).fetchall()
        return bool(found[0][0]) if len(found) == 1 else None

    def _one_form(self) -> bool:
        found = dict(
            self._con.execute("SELECT chat, count(*) FROM picked GROUP BY chat").fetchall()
        )
        if len(found) > 1:
            raise InputError(
                f"This data set would mix {count(found[False], 'row')} of plain text with"
                f" {count(found[True], 'row')} of messages, and a file holds one form.",
                hint="Choose one with --form text or --form messages.",
            )
        return True in found

    def write(self, path: Path, format: FileFormat, splits: Sequence[Split] = ()) -> int:
        """Write the rows to a file that takes its name when it is whole and on the disk.

        Args:
            splits: only rows of these; empty: all.

        Returns:
            The number of rows.

        Raises:
            StoreFull: the disk is full.
            HubError: the file cannot be written.
        """
        query = columns.select(self._kind, chat=self.chat, aggregated=self._aggregated)
        query = query.replace("FROM picked", "FROM ordered")
        if splits:
            listed = ", ".join(f"'{split}'" for split in splits)
            query += f" WHERE k.split IN ({listed})"
        options = (
            "FORMAT parquet, COMPRESSION zstd"
            if format == "parquet"
            else "FORMAT json, ARRAY false"
        )
        aside = path.with_name(f".{path.name}.{os.getpid()}.part")
        quoted = str(aside).replace("'", "''")
        try:
            counted = self._con.execute(
                f"COPY ({query} ORDER BY k.n) TO '{quoted}' ({options})"
            ).fetchall()
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            aside.replace(path)
        except duckdb.Error as error:
            raise sentence(error, aside) from error
        except OSError as error:
            raise HubError(
                f"{path} cannot be written: {error.strerror}.",
                hint="Check its directory's permissions and the room on its disk.",
            ) from error
        finally:
            aside.unlink(missing_ok=True)
        return int(counted[0][0])


@contextlib.contextmanager
def building(store: Store, spec: DatasetSpec, *, scored: bool = False) -> Iterator[Build]:
    """Pick a data set; all that is read and written in the block shows one moment.

    Raises:
        InputError: text and messages would be mixed.
    """
    with store.reading() as con:
        con.execute("BEGIN")
        try:
            yield Build(con, spec, scored=scored)
        finally:
            # The temporary tables go with the transaction that made them.
            with contextlib.suppress(duckdb.Error):
                con.execute("ROLLBACK")
