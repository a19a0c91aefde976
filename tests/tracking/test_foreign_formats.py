"""What is read of the files that other programs wrote: steps, numbers, clocks and facts."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path

import pytest
from helpers.foreign import DATA, WANDB, follower, found, read_all, scan, steps, values

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.foreign.scan import check


def test_an_output_directory_of_transformers_is_its_newest_state() -> None:
    run = read_all(follower(DATA / "trainer_output"))
    assert steps(run, "loss") == [float(step) for step in range(2, 41, 2)]
    assert steps(run, "eval_loss") == [10, 20, 30, 40]
    state = json.loads((DATA / "trainer_output" / "trainer_state.json").read_text())
    assert values(run, "loss")[0] == state["log_history"][0]["loss"]
    # What the end adds are means over the run, no points of curves.
    assert "train_loss" not in run.series
    assert run.reader.facts["result"]["train_loss"] == state["log_history"][-1]["train_loss"]
    assert run.reader.facts["trainer_state.json"]["train_batch_size"] == 8
    assert (run.reader.total, run.reader.over) == (40, "finished")


def test_a_state_by_its_own_name_is_read_alone() -> None:
    run = read_all(follower(DATA / "trainer_output" / "checkpoint-20" / "trainer_state.json"))
    assert steps(run, "loss")[-1] == 20
    assert run.reader.over == ""


@pytest.mark.parametrize("name", ["first", "second"], ids=["simple values", "tensors"])
def test_scalars_of_tensorboard(name: str) -> None:
    run = read_all(follower(DATA / "tensorboard" / name))
    assert sorted(run.series) == ["eval/loss", "train/loss", "train/lr"]
    assert steps(run, "train/loss") == [float(step) for step in range(60)]
    expected = [2 * math.exp(-step / 20) for step in range(60)]
    assert values(run, "train/loss") == pytest.approx(expected, rel=1e-6)
    assert run.clocks["time"].at(30) == 60
    assert run.reader.facts["texts"]["args"] == '{"lr": 0.001, "seed": 1}'
    assert run.problem == ""


def test_sub_runs_of_tensorboard_are_runs_and_tell_their_hyperparameters() -> None:
    runs = scan(DATA / "tensorboard").runs
    assert [run.name for run in runs] == ["first", "second", "tuned"]
    tuned = read_all(follower(DATA / "tensorboard" / "tuned"))
    assert tuned.reader.facts["hparams"] == {"lr": 0.1, "optimizer": "adam"}
    assert values(tuned, "accuracy") == pytest.approx([0.8])


def test_the_log_of_llama_factory() -> None:
    run = read_all(follower(DATA / "trainer_log.jsonl"))
    assert found(DATA / "trainer_log.jsonl").format == "llamafactory"
    assert sorted(run.series) == ["eval_loss", "loss", "lr", "throughput", "total_tokens"]
    assert steps(run, "eval_loss") == [25, 50]
    assert values(run, "loss")[:2] == [0.6, 0.3]
    assert run.clocks["time"].at(25) == 5 * 60 + 10
    assert run.clocks["tokens"].at(50) == 50 * 2048
    assert (run.reader.total, run.reader.over) == (50, "finished")


def test_longer_times_of_llama_factory(tmp_path: Path) -> None:
    log = tmp_path / "trainer_log.jsonl"
    line = {"current_steps": 5, "total_steps": 9, "loss": 1, "elapsed_time": "1 day, 1:55:25"}
    log.write_text(json.dumps(line) + "\n")
    run = read_all(follower(log))
    assert run.clocks["time"].values.tolist() == [25 * 3600 + 55 * 60 + 25]
    assert run.reader.over == ""


def test_an_offline_run_of_wandb() -> None:
    run = read_all(follower(WANDB))
    losses = values(run, "train/loss")
    assert steps(run, "train/loss") == [float(step) for step in range(300)]
    assert losses[:2] == [2, 1]
    assert math.isnan(losses[150]) and not math.isnan(losses[151])
    assert steps(run, "eval/loss") == [99, 199, 299]
    # A text is no metric, and W&B's own numbers are none.
    assert sorted(run.series) == ["eval/loss", "train/accuracy", "train/loss"]
    facts = run.reader.facts
    assert facts["config"]["model/name"] == "tiny"
    assert facts["summary"]["best"] == 0.5
    assert facts["run"]["tags"] == "small"
    assert (run.reader.total, run.reader.over) == (300, "finished")
    assert run.clocks["time"].values[-1] > 0
    assert run.log.shown[0] == "step 1: loss 2"
    assert run.problem == ""


def test_a_directory_of_wandb_is_told_by_the_ids_of_its_runs() -> None:
    assert [run.name for run in scan(DATA / "wandb").runs] == ["run-a1b2c3d4"]


def test_a_table_with_a_sniffed_delimiter_and_quoted_names() -> None:
    run = read_all(follower(DATA / "metrics.csv"))
    assert sorted(run.series) == ["accuracy", "train loss"]
    assert steps(run, "accuracy") == [float(step) for step in range(1, 31)]
    assert values(run, "train loss")[0] == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_delimiter(tmp_path: Path, delimiter: str) -> None:
    table = tmp_path / "a.csv"
    rows = [["epoch", "loss", "text, or so"], ["1", "0.5", '"a, b"'], ["2", "", "x"], ["3", "NaN"]]
    table.write_text("".join(delimiter.join(row) + "\r\n" for row in rows))
    run = read_all(follower(table))
    assert list(run.series) == ["loss"]
    assert steps(run, "loss") == [1, 3]
    assert math.isnan(values(run, "loss")[1])


def test_quoted_fields_may_hold_line_breaks(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text('step,note,loss\n1,"two\nlines, and ""more""",3\n2,x,2\n')
    assert values(read_all(follower(table)), "loss") == [3, 2]


def test_nested_objects_and_iso_times() -> None:
    run = read_all(follower(DATA / "nested.jsonl"))
    assert sorted(run.series) == ["num_input_tokens_seen", "train/by/class/a", "train/loss"]
    assert steps(run, "train/loss") == [float(step) for step in range(30)]
    assert run.clocks["time"].at(29) == 29 * 60
    assert run.clocks["tokens"].at(29) == 29 * 512


@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        ({"timestamp": 1_763_640_000}, {"timestamp": 1_763_640_060}, 60),
        ({"timestamp": 1_763_640_000_000}, {"timestamp": 1_763_640_060_000}, 60),
        ({"time": "2025-11-20T12:00:00+01:00"}, {"time": "2025-11-20T11:01:00Z"}, 60),
        ({"time": "2025-11-20 12:00:00"}, {"time": "2025-11-20 12:01:00"}, 60),
        ({"wall_time": 10.0}, {"wall_time": 70.0}, 70),
        ({"elapsed": "0:00:10"}, {"elapsed": "0:01:10"}, 70),
    ],
)
def test_times_of_all_kinds(
    tmp_path: Path, first: dict[str, object], second: dict[str, object], seconds: float
) -> None:
    log = tmp_path / "a.jsonl"
    rows = [{"step": 0, "loss": 1} | first, {"step": 1, "loss": 1} | second]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_all(follower(log)).clocks["time"].at(1) == seconds


@pytest.mark.parametrize(
    "name", ["step", "_step", "global_step", "iteration", "current_step", "epoch"]
)
def test_names_of_steps(tmp_path: Path, name: str) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(json.dumps({name: 7, "loss": 1}) + "\n")
    assert steps(read_all(follower(log)), "loss") == [7]


def test_without_a_step_rows_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"loss": 3}\n{"loss": 2}\n')
    assert steps(read_all(follower(log)), "loss") == [0, 1]


def test_a_row_without_the_step_of_others_stands_where_the_one_before_stood(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"step": 5, "loss": 3}\n{"best": 2}\n')
    assert steps(read_all(follower(log)), "best") == [5]


def test_iterations_that_begin_anew_with_each_epoch_go_on(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    rows = [{"epoch": e, "iteration": i, "loss": 1} for e in range(2) for i in range(3)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert steps(read_all(follower(log)), "loss") == [0, 1, 2, 3, 4, 5]


def test_a_number_that_turns_into_a_text_is_a_gap_and_null_is_nothing(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text(
        '{"step": 1, "loss": 1, "x": 1}\n{"step": 2, "loss": "diverged", "x": null}\n'
        '{"step": 3, "loss": NaN}\n{"step": 4, "loss": Infinity}\n'
    )
    run = read_all(follower(log))
    assert [math.isfinite(value) for value in values(run, "loss")] == [True, False, False, False]
    assert steps(run, "x") == [1]


def test_a_resume_takes_the_place_of_what_it_repeats(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    rows = [{"step": step, "loss": loss} for step, loss in ((1, 9), (2, 8), (3, 7), (2, 5), (3, 4))]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert values(read_all(follower(log)), "loss") == [9, 5, 4]


@pytest.mark.parametrize(
    ("module", "path"), [("tensorboard", DATA / "tensorboard"), ("wandb", WANDB)]
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, module: str, path: Path
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("rlhf_tui.tracking.foreign.scan.find_spec", lambda name: None)
    seen = scan(path)
    with pytest.raises(UsageError, match=r"rlhf-tui\[report\]"):
        seen.runs[0].reader()
    with pytest.raises(UsageError, match="not installed"):
        check(seen)


def test_a_copy_without_its_ending_is_recognised_by_content(tmp_path: Path) -> None:
    formats = {}
    for source in (DATA / "metrics.csv", DATA / "nested.jsonl", DATA / "trainer_log.jsonl", WANDB,
                   next((DATA / "tensorboard" / "first").iterdir()),
                   DATA / "trainer_output" / "trainer_state.json"):  # fmt: skip
        shutil.copy(source, tmp_path / "copy")
        formats[source.name.split(".")[0]] = found(tmp_path / "copy").format
        (tmp_path / "copy").unlink()
    assert formats == {
        "metrics": "csv",
        "nested": "jsonl",
        "trainer_log": "llamafactory",
        "run-a1b2c3d4": "wandb",
        "events": "tensorboard",
        "trainer_state": "trainer_state",
    }
