"""The current judgements as arrays: what the hub writes for the statistics, read back.

One row of the Parquet file is one current judgement of a task of the wanted kind. Its lists stand
in the order of the task's completions sorted by id, so that the rows of one item line up whatever
order each person was shown. What annotators wrote themselves is not among them.

Shapes: `n` judgements, `k` completions of a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rlhf_tui.records import TaskKind

Array = NDArray[Any]
MISSING = -1

COLUMNS = {
    "item": "position of the task; a repeat has that of the task that it asks again",
    "repeat": "true for a repeat",
    "annotator": "name",
    "created_ms": "the client's clock, milliseconds since 1970",
    "active_ms": "time at work, idle time cut out",
    "wall_ms": "time from shown to submitted",
    "selection": "why the item was handed out",
    "unsure": "marked unsure: its order says nothing",
    "tiers": "list of k: 1 is best, null is unranked; empty without a ranking",
    "thumbs": "list of k: null without a thumb; empty without thumbs",
    "places": "list of k: place in the order shown, from 1",
    "characters": "list of k",
    "tokens": "list of k: null where unknown",
    "gold": "JSON object, tier by completion id; null without a known answer",
    "gold_ids": "list of k: completion ids; null without a known answer",
}
"""The file's columns and what they hold."""


@dataclass(frozen=True)
class Block:
    """The judgements of tasks with the same number of completions."""

    rows: Array
    """[n] int64: which judgements, as places in `Judged`."""
    tiers: Array
    """[n, k] int32, MISSING for unranked."""
    thumbs: Array
    """[n, k] int8: 1 up, 0 down, MISSING."""
    places: Array
    """[n, k] int32."""
    lengths: Array
    """[n, k] float64, in `Judged.unit`; NaN where unknown."""
    gold: Array
    """[n, k] int32, MISSING without a known answer."""


@dataclass(frozen=True)
class Judged:
    """All judgements of one kind, in the order of the log."""

    kind: TaskKind
    names: list[str]
    """Annotators, sorted."""
    annotator: Array
    """[n] int32: place in `names`."""
    item: Array
    """[n] int64."""
    repeat: Array
    """[n] bool."""
    gold: Array
    """[n] bool: the task has a known answer."""
    unsure: Array
    """[n] bool."""
    selection: Array
    """[n] str."""
    created_ms: Array
    active_ms: Array
    wall_ms: Array
    unit: str
    """What lengths are counted in: `tokens` where all are known, else `characters`."""
    blocks: list[Block]

    def __len__(self) -> int:
        return len(self.item)

    @property
    def plain(self) -> Array:
        """[n] bool: neither gold nor a repeat; what people are compared by."""
        return ~(self.gold | self.repeat)


def read_judged(path: Path, kind: TaskKind) -> Judged:
    """Read what the hub wrote.

    Raises:
        OSError: there is no such file, or it is no Parquet file.
    """
    table = pq.read_table(path, columns=list(COLUMNS))
    names, annotator = _names(table)
    gold_text = table["gold"].to_pylist()
    tokens = table["tokens"].combine_chunks()
    unit = "characters" if len(tokens.values) == 0 or tokens.values.null_count else "tokens"
    return Judged(
        kind=kind,
        names=names,
        annotator=annotator,
        item=_plain(table, "item"),
        repeat=_plain(table, "repeat").astype(bool),
        gold=np.array([text is not None for text in gold_text], dtype=bool),
        unsure=_plain(table, "unsure").astype(bool),
        selection=_plain(table, "selection").astype(str),
        created_ms=_plain(table, "created_ms"),
        active_ms=_plain(table, "active_ms"),
        wall_ms=_plain(table, "wall_ms"),
        unit=unit,
        blocks=_blocks(table, unit, gold_text),
    )


def _names(table: pa.Table) -> tuple[list[str], Array]:
    """The annotators, sorted, and of each row the place in that list."""
    encoded = table["annotator"].combine_chunks().dictionary_encode()
    seen: list[str] = encoded.dictionary.to_pylist()
    names = sorted(seen)
    places = np.array([names.index(name) for name in seen], dtype=np.int32)
    return names, places[encoded.indices.to_numpy()] if names else np.empty(0, np.int32)


def _plain(table: pa.Table, name: str) -> Array:
    column: Array = table[name].to_numpy()
    return column


def _blocks(table: pa.Table, unit: str, gold_text: list[str | None]) -> list[Block]:
    places = table["places"].combine_chunks()
    sizes = np.asarray(places.value_lengths().fill_null(0))
    blocks = []
    for size in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero(sizes == size)
        part = table.take(pa.array(rows))
        blocks.append(
            Block(
                rows=rows,
                tiers=_matrix(part, "tiers", size).astype(np.int32),
                thumbs=_matrix(part, "thumbs", size).astype(np.int8),
                places=_matrix(part, "places", size).astype(np.int32),
                lengths=_matrix(part, unit, size, np.nan),
                gold=_gold(part, [gold_text[row] for row in rows], size),
            )
        )
    return blocks


def _matrix(table: pa.Table, name: str, size: int, missing: float = MISSING) -> Array:
    """[n, size] of a column of lists; lists of another length are wholly missing."""
    column = table[name].combine_chunks()
    found = np.full((len(column), size), missing, dtype=np.float64)
    whole = np.asarray(column.value_lengths().fill_null(0)) == size
    values = column.filter(pa.array(whole)).flatten().cast(pa.float64())
    flat = values.fill_null(missing).to_numpy(zero_copy_only=False)
    found[whole] = flat.reshape(-1, size)
    return found


def _gold(table: pa.Table, texts: list[str | None], size: int) -> Array:
    found = np.full((len(texts), size), MISSING, dtype=np.int32)
    decode = msgspec.json.Decoder(dict[str, int]).decode
    ids = table["gold_ids"]
    for row, text in enumerate(texts):
        if text is not None:
            tiers = decode(text)
            found[row] = [tiers.get(name, MISSING) for name in ids[row].as_py()]
    return found
