"""Parquet, a small batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlhf_tui.errors import InputError
from rlhf_tui.formats.source import MAX_ROW, NOT_UTF8, TOO_LONG, Item

BATCH = 256
"""Rows decoded at a time: with rows of a kilobyte a fraction of a megabyte."""


def parquet_rows(path: Path) -> Iterator[Item]:
    """The rows, numbered from 1.

    Raises:
        InputError: not a Parquet file.
    """
    # Imported here: half the commands never read Parquet, and it takes a tenth of a second.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is not a whole Parquet file.") from error
    number = 1
    with file:
        try:
            for batch in file.iter_batches(batch_size=BATCH):
                yield from _batch_rows(batch, number)
                number += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).partition("\n")[0]
            yield Item(number, problem=f"the file is damaged from here on: {reason}")


def _batch_rows(batch: Any, first: int) -> Iterator[Item]:
    if batch.nbytes <= MAX_ROW:
        try:
            rows = batch.to_pylist()
        except UnicodeDecodeError:
            rows = None  # one row is to blame: find it below
        if rows is not None:
            size = batch.nbytes // max(1, len(rows))
            for place, row in enumerate(rows):
                yield Item(first + place, row, size=size)
            return
    for place in range(batch.num_rows):
        one = batch.slice(place, 1)
        yield _one_row(one, first + place)


def _one_row(one: Any, number: int) -> Item:
    if one.nbytes > MAX_ROW:
        return Item(number, problem=TOO_LONG)
    try:
        return Item(number, one.to_pylist()[0], size=one.nbytes)
    except UnicodeDecodeError:
        return Item(number, problem=NOT_UTF8)
