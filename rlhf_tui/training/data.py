"""Snapshots as rows: reads a run's Parquet files into typed prompts and completions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_tui.errors import InputError
from rlhf_tui.records import Message, Split, Text
from rlhf_tui.runs.layout import DATASET

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

Row = dict[str, Any]
IGNORED = -100
"""The label of a token that the loss leaves out, in torch's cross entropy."""
TEXT_COLUMNS = frozenset({"prompt", "completion", "chosen", "rejected"})


def read_rows(path: Path, needed: Iterable[str]) -> list[Row]:
    """All rows of a snapshot file, with texts as `records.Text`.

    Args:
        needed: columns that must be there; any others come along.

    Raises:
        InputError: the file is missing, no Parquet, or lacks a column.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        # Not `read_table`: it imports pyarrow.dataset and with that pandas, 50 MB for every worker.
        with pyarrow.parquet.ParquetFile(path) as file:
            table = file.read()
    except FileNotFoundError as error:
        raise InputError(f"The data set {path} is missing.") from error
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InputError(f"The data set {path} cannot be read: {error}") from error
    missing = sorted(set(needed) - set(table.column_names))
    if missing:
        raise InputError(
            f"The data set {path} lacks the column {missing[0]!r}.",
            hint=f"Found: {', '.join(table.column_names)}.",
        )
    rows: list[Row] = table.to_pylist()
    for row in rows:
        for name in TEXT_COLUMNS & row.keys():
            row[name] = as_text(row[name])
    return rows


def read_snapshot(context: RunContext, split: Split, needed: Iterable[str]) -> list[Row]:
    """The rows of a run's snapshot; a split that it does not hold has none."""
    path = context.directory / DATASET / f"{split}.parquet"
    return read_rows(path, needed) if path.exists() else []


def as_text(value: Any) -> Text:
    """A Parquet cell as a text or as messages.

    Raises:
        InputError: it is neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [Message(role=turn["role"], content=turn["content"]) for turn in value]
    raise InputError(f"A prompt or completion is neither text nor messages: {value!r:.80}.")
