"""Tables of what runs wrote: the same numbers, to the last bit, in Parquet and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from helpers.recorded import write_run
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.runs.lines import LineLog, metrics_row
from rlhf_tui.tracking.exporting import (
    Columns,
    distributions_table,
    long_table,
    machine_table,
    read_curves,
    samples_table,
    wide_table,
    write,
)
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.tracking.patterns import pattern

VALUES = st.floats() | st.integers(-(2**53), 2**53) | st.none()
LINES = st.lists(
    st.dictionaries(st.sampled_from(["loss", "eval_loss", "kl"]), VALUES, max_size=3), max_size=30
)


def written(directory: Path, rows: list[dict[str, Any]]) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return directory


def through(table: Columns, tmp_path: Path) -> dict[str, list[Any]]:
    """What a reader of the Parquet file finds."""
    path = tmp_path / "out.parquet"
    with path.open("wb") as file:
        write(table, "parquet", file)
    found: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    return found


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))


@given(lines=LINES)
def test_numbers_in_parquet_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, float | None]]
) -> None:
    """As the worker writes them: what is not finite is null and named beside it."""
    base = tmp_path_factory.mktemp("run")
    log = LineLog(base / "metrics.jsonl")
    for step, line in enumerate(lines):
        finite = {name: value for name, value in line.items() if value is not None}
        gaps = {name: None for name, value in line.items() if value is None}
        log.append([metrics_row(step, finite, gaps)])
    log.close()
    found = through(long_table([("sft-0001", base)]), base)
    got = {
        (step, metric): value
        for step, metric, value in zip(found["step"], found["metric"], found["value"], strict=True)
    }
    metrics = {name for line in lines for name, value in line.items() if value is not None}
    wanted = {
        (step, name): value
        for step, line in enumerate(lines)
        for name, value in line.items()
        if name in metrics
    }
    assert got.keys() == wanted.keys()
    assert all(same(got[key], wanted[key]) for key in wanted)
    wide = through(wide_table([("sft-0001", base)]), base)
    for (step, name), value in wanted.items():
        assert same(wide[name][wide["step"].index(step)], value)


@given(lines=LINES)
def test_csv_gives_the_numbers_back(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, float | None]]
) -> None:
    base = tmp_path_factory.mktemp("run")
    rows = [{"step": step, "time": 1.5 * step, **line} for step, line in enumerate(lines)]
    for row in rows:
        for name, value in list(row.items()):
            if isinstance(value, float) and not math.isfinite(value):
                row[name] = None
    table = long_table([("sft-0001", written(base, rows))])
    file = io.BytesIO()
    write(table, "csv", file)
    read = list(csv.DictReader(io.StringIO(file.getvalue().decode())))
    for row, value in zip(read, table["value"], strict=True):
        assert (row["value"] == "") == (value is None)
        assert value is None or float(row["value"]) == value


def test_a_step_that_comes_again_after_a_resume(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"step": n, "time": n, "loss": float(n)} for n in range(1, 7)]
    rows.insert(4, {"step": 4, "time": 4, "eval_loss": 40.0})
    rows += [{"step": n, "time": 100 + n, "loss": 10.0 + n} for n in (4, 5)]
    curves = read_curves(written(tmp_path / "run", rows))
    assert curves["loss"].steps == [1, 2, 3, 4, 5]
    assert curves["loss"].values == [1.0, 2.0, 3.0, 14.0, 15.0]
    assert curves["loss"].times[-1] == 105
    assert curves["eval_loss"].values == [40.0]
    follower = RunFollower(tmp_path / "run")
    follower.take(follower.read())
    assert list(follower.series["loss"].steps) == curves["loss"].steps


def test_what_is_no_metric_and_what_turns_into_a_text(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"step": 1, "loss": 1.0, "note": "text", "ok": True, "epoch": 0.5},
        {"step": 2, "loss": "diverged"},
        {"step": 3, "loss": None, "not_finite": {"loss": "-inf"}},
        {"step": 4, "loss": 10**400},
        {"step": "5", "loss": 5.0},
        {"loss": 6.0, "step": 6},
    ]
    directory = written(tmp_path / "run", rows)
    with (directory / "metrics.jsonl").open("a") as file:
        file.write('not json\n[1]\n{"step": 7, "lo')
    found = through(long_table([("sft-0001", directory)]), tmp_path)
    assert set(found["metric"]) == {"loss"}
    assert found["step"] == [1, 2, 3, 4, 6]
    assert found["value"] == [1.0, None, -math.inf, math.inf, 6.0]
    assert found["time"] == [None] * 5


def test_runs_and_metrics_are_chosen(tmp_path: Path) -> None:
    sft = write_run(tmp_path, "sft-0001", kind="sft", steps=4, total=4)
    ppo = write_run(tmp_path, "ppo-0001", steps=3, total=3)
    runs = [("sft-0001", sft), ("ppo-0001", ppo)]
    found = through(long_table(runs, pattern("loss")), tmp_path)
    assert set(found["metric"]) == {"loss", "eval_loss", "loss/policy_avg", "loss/value_avg"}
    wide = through(wide_table(runs, pattern("^loss")), tmp_path)
    assert list(wide) == ["run_id", "step", "time", "loss", "loss/policy_avg", "loss/value_avg"]
    assert wide["run_id"] == ["sft-0001"] * 4 + ["ppo-0001"] * 3
    assert wide["loss"][4:] == [None] * 3
    assert None not in wide["loss/value_avg"][4:]
    assert through(long_table([("x", tmp_path / "nowhere")]), tmp_path)["step"] == []


def test_samples_distributions_and_the_machine(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    messages = [{"role": "user", "content": "Hi, “you”"}]
    (run / "samples.jsonl").write_text(
        json.dumps({"step": 5, "prompt": messages, "completion": "a,b\nc", "reward": 0.5})
        + "\n"
        + json.dumps({"step": 5, "prompt": "p", "completion": "c", "by": "reference"})
        + '\n{"step": "bad"}\n'
    )
    (run / "distributions.jsonl").write_text(
        json.dumps({"step": 5, "name": "reward", "low": -1, "high": 1, "counts": [3, 0, 1, 4]})
        + "\n"
    )
    gpu = {"index": 0, "name": "H200", "memory": 2.0}
    (run / "machine.jsonl").write_text(
        json.dumps({"time": 1.0, "cpu": 50.0, "ram": 1.0, "ram_total": 2.0})
        + "\n"
        + json.dumps({"time": 2.0, "cpu": 60.0, "ram": 1.0, "ram_total": 2.0, "gpus": [gpu, gpu]})
        + "\n"
    )
    runs = [("ppo-0001", run)]
    samples = through(samples_table(runs), tmp_path)
    assert json.loads(samples["prompt"][0]) == messages
    assert samples["completion"] == ["a,b\nc", "c"]
    assert samples["reward"] == [0.5, None]
    assert samples["by"] == ["", "reference"]
    bins = through(distributions_table(runs), tmp_path)
    assert bins["low"] == [-1.0, -0.5, 0.0, 0.5]
    assert bins["high"] == [-0.5, 0.0, 0.5, 1.0]
    assert bins["count"] == [3, 0, 1, 4]
    machine = through(machine_table(runs), tmp_path)
    assert machine["time"] == [1.0, 2.0, 2.0]
    assert machine["gpu_index"] == [None, 0, 0]
    assert machine["gpu_name"] == [None, "H200", "H200"]
    file = io.BytesIO()
    assert write(samples_table(runs), "csv", file) == 2
    read = list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))
    assert read[0]["completion"] == "a,b\nc"


def test_numbers_beyond_a_double_and_strange_names_for_them(tmp_path: Path) -> None:
    run = written(tmp_path / "sft-0001", [{"step": 0, "loss": 1.0}])
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step":1,"loss":null,"not_finite":{"loss":[]}}\n')
        file.write('{"step":1' + "0" * 400 + ',"loss":1}\n')
        file.write('{"step":2,"time":1' + "0" * 400 + ',"loss":1' + "0" * 400 + "}\n")
    found = read_curves(run)["loss"]
    assert (found.steps, found.values) == ([0, 1, 2], [1.0, None, math.inf])
    (run / "machine.jsonl").write_text('{"time":1' + "0" * 400 + ',"cpu":1,"ram":1}\n')
    assert not machine_table([("sft-0001", run)])["time"]
