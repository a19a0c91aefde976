"""Files to import, written in every container."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Row = dict[str, Any]


def _jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _gz(path: Path, rows: Sequence[Row]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _json(path: Path, rows: Sequence[Row]) -> None:
    path.write_text(json.dumps(list(rows), indent=1))


def _parquet(path: Path, rows: Sequence[Row]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)


def _csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


WRITERS = {
    "jsonl": _jsonl,
    "jsonl.gz": _gz,
    "json": _json,
    "parquet": _parquet,
    "csv": _csv,
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows into a new file of the container that its name ends with."""

    def write(rows: Sequence[Row], name: str = "data.jsonl") -> Path:
        path = tmp_path / name
        WRITERS[name.partition(".")[2]](path, rows)
        return path

    return write
