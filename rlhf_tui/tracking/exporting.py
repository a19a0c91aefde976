"""What a run wrote as tables for other programs: columns, to Parquet or CSV.

Metrics are exactly those of metrics.jsonl; where a resume wrote a step twice the later line counts,
for each metric by itself, as on the charts. A gap is null, and what is not finite stays so.
"""

from __future__ import annotations

import csv
import io
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import DistributionRow, MachineRow, SampleRow
from rlhf_tui.runs.tail import JsonlTail
from rlhf_tui.tracking.metrics import ODD, is_number, number_of, with_odd
from rlhf_tui.tracking.panels import NOT_METRICS
from rlhf_tui.tracking.patterns import Wanted

What = Literal["metrics", "samples", "distributions", "machine"]
Format = Literal["parquet", "csv"]
Columns = dict[str, list[Any]]
"""Columns of equal length, by name, in order."""
PIECE = 4 * 1024 * 1024
_FIRST = ("run_id", "step", "time")


class Curve:
    """One metric of one run: lines of metrics.jsonl, and the value on each; None for a gap."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.times: list[float | None] = []
        self.values: list[float | None] = []
        self.numbers = False
        """Whether any of the values is a number: otherwise it is no metric."""

    def add(self, step: float, time: float | None, value: float | None) -> None:
        """Take a point; a step that comes again takes the place of itself and all later ones."""
        if self.steps and step <= self.steps[-1]:
            length = bisect_left(self.steps, step)
            del self.steps[length:], self.times[length:], self.values[length:]
        self.steps.append(step)
        self.times.append(time)
        self.values.append(value)
        self.numbers = self.numbers or value is not None


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, read in pieces; what is none is passed over.

    Raises:
        OSError: it cannot be read.
    """
    tail = JsonlTail(path)
    while True:
        before = tail.offset
        yield from tail.read(PIECE)
        if tail.offset == before:
            return


def read_curves(run: Path) -> dict[str, Curve]:
    """The metrics of a run directory, in the order in which they first came."""
    curves: dict[str, Curve] = {}
    for place, row in enumerate(rows_of(run / layout.METRICS)):
        if ODD in row:
            row = with_odd(row)
        step, time = row.get("step", place), row.get("time")
        if not math.isfinite(number_of(step)):
            continue
        when = number_of(time) if is_number(time) else None
        for name, value in row.items():
            if name in NOT_METRICS or name == ODD:
                continue
            if name not in curves:
                curves[name] = Curve()
            curves[name].add(step, when, number_of(value) if is_number(value) else None)
    return {name: curve for name, curve in curves.items() if curve.numbers}


def long_table(runs: Iterable[tuple[str, Path]], wanted: Wanted | None = None) -> Columns:
    """A row a value: run_id, step, time, metric, value.

    Args:
        runs: ids and directories.
        wanted: metrics in whose name it is found; None: all.
    """
    table: Columns = {name: [] for name in (*_FIRST, "metric", "value")}
    for run_id, directory in runs:
        for name, curve in _wanted(read_curves(directory), wanted).items():
            count = len(curve.steps)
            table["run_id"] += [run_id] * count
            table["step"] += curve.steps
            table["time"] += curve.times
            table["metric"] += [name] * count
            table["value"] += curve.values
    return table


def _wanted(curves: dict[str, Curve], wanted: Wanted | None) -> dict[str, Curve]:
    return curves if wanted is None else {name: curves[name] for name in wanted.among(curves)}


def wide_table(runs: Iterable[tuple[str, Path]], wanted: Wanted | None = None) -> Columns:
    """A row a step, a column a metric; null where a step, or a run, has no value of it."""
    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for run_id, directory in runs:
        by_step: dict[float, dict[str, Any]] = {}
        for name, curve in _wanted(read_curves(directory), wanted).items():
            names[name] = None
            for step, time, value in zip(curve.steps, curve.times, curve.values, strict=True):
                row = by_step.setdefault(step, {"run_id": run_id, "step": step, "time": time})
                row[f"metric {name}"] = value
        rows += [by_step[step] for step in sorted(by_step)]
    table: Columns = {name: [row[name] for row in rows] for name in _FIRST}
    for name in names:
        # A metric may be called like one of the first columns; `step` and `time` never are.
        table[name if name != "run_id" else "metric run_id"] = [
            row.get(f"metric {name}") for row in rows
        ]
    return table


def samples_table(runs: Iterable[tuple[str, Path]]) -> Columns:
    """A row a sample; prompts and completions that are messages stand as JSON."""
    names = ("run_id", "step", "by", "prompt", "completion", "reward", "kl")

    def cells(run_id: str, row: SampleRow) -> Iterator[tuple[Any, ...]]:
        yield run_id, row.step, row.by, _text(row.prompt), _text(row.completion), row.reward, row.kl

    return _table(names, runs, layout.SAMPLES, SampleRow, cells)


def distributions_table(runs: Iterable[tuple[str, Path]]) -> Columns:
    """A row a bin of a histogram, with the bin's edges."""
    names = ("run_id", "step", "name", "unit", "low", "high", "count")

    def cells(run_id: str, row: DistributionRow) -> Iterator[tuple[Any, ...]]:
        bins = len(row.counts)
        for place, number in enumerate(row.counts):
            low, high = (row.low + (row.high - row.low) * p / bins for p in (place, place + 1))
            yield run_id, row.step, row.name, row.unit, low, high, number

    return _table(names, runs, layout.DISTRIBUTIONS, DistributionRow, cells)


def machine_table(runs: Iterable[tuple[str, Path]]) -> Columns:
    """A row a moment and GPU; without a GPU a row a moment, whose columns of the GPU are null."""
    whole = tuple(name for name in MachineRow.__struct_fields__ if name != "gpus")
    gpu = layout.GpuRow.__struct_fields__
    names = ("run_id", *whole, *(f"gpu_{name}" for name in gpu))

    def cells(run_id: str, row: MachineRow) -> Iterator[tuple[Any, ...]]:
        head = (run_id, *(getattr(row, name) for name in whole))
        for one in row.gpus:
            yield (*head, *(getattr(one, name) for name in gpu))
        if not row.gpus:
            yield (*head, *(None for _ in gpu))

    return _table(names, runs, layout.MACHINE, MachineRow, cells)


TABLES: dict[What, Callable[[Iterable[tuple[str, Path]]], Columns]] = {
    "metrics": long_table,
    "samples": samples_table,
    "distributions": distributions_table,
    "machine": machine_table,
}


def _table(
    names: Sequence[str],
    runs: Iterable[tuple[str, Path]],
    file: str,
    kind: type[Any],
    cells: Callable[[str, Any], Iterator[tuple[Any, ...]]],
) -> Columns:
    found: list[tuple[Any, ...]] = []
    for run_id, directory in runs:
        for row in rows_of(directory / file):
            try:
                typed = msgspec.convert(row, kind)
            except (msgspec.ValidationError, OverflowError):
                continue
            found += cells(run_id, typed)
    columns = zip(*found, strict=True) if found else ((),) * len(names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def write(table: Columns, format: Format, file: BinaryIO) -> int:
    """Write a table; returns the number of its rows."""
    rows = len(next(iter(table.values())))
    if format == "csv":
        _write_csv(table, file)
        return rows
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_arrow(name, column, pa) for name, column in table.items()]
    pq.write_table(pa.Table.from_arrays(arrays, list(table)), file, compression="zstd")
    return rows


TEXTS = frozenset({"run_id", "metric", "by", "prompt", "completion", "name", "unit", "gpu_name"})
WHOLE = frozenset({"count", "gpu_index"})


def _arrow(name: str, column: list[Any], pa: Any) -> Any:
    """A column with the type that its name has in every export, also where it is empty."""
    if name in TEXTS:
        return pa.array(column, pa.string())
    if name in WHOLE or (name == "step" and all(isinstance(step, int) for step in column)):
        return pa.array(column, pa.int64())
    return pa.array(column, pa.float64(), from_pandas=False)


def _write_csv(table: Columns, file: BinaryIO) -> None:
    """UTF-8 with a head; a gap is empty, and numbers have as many digits as they need."""
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    text.detach()
