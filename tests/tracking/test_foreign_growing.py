"""Logs of other programs that grow, are cut, replaced, or end in the middle of a row."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.foreign import DATA, WANDB, follower, found, read_all, steps, values

from rlhf_tui.tracking.foreign.standing import Witness
from rlhf_tui.tracking.foreign.wandb_file import BLOCK, Records

EVENTS = next((DATA / "tensorboard" / "first").iterdir())


def aged(path: Path, seconds: float = 3600) -> None:
    """As if nobody had written for so long."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.mark.parametrize(
    ("source", "metric"),
    [
        (DATA / "nested.jsonl", "train/loss"),
        (DATA / "trainer_log.jsonl", "loss"),
        (DATA / "metrics.csv", "accuracy"),
        (EVENTS, "train/loss"),
        (WANDB, "train/loss"),
    ],
    ids=["jsonl", "llamafactory", "csv", "tensorboard", "wandb"],
)
def test_a_log_cut_anywhere_goes_on_where_it_was_cut(
    tmp_path: Path, source: Path, metric: str
) -> None:
    whole = source.read_bytes()
    copy = tmp_path / source.name
    # Far enough that it can be recognised; then byte by byte around a row's end.
    cuts = [len(whole) // 2, *range(len(whole) // 2 + 1, len(whole) // 2 + 40), len(whole)]
    copy.write_bytes(whole[: cuts[0]])
    run = read_all(follower(copy))
    seen = len(run.series[metric])
    assert seen > 0
    for cut in cuts[1:]:
        with copy.open("ab") as file:
            file.write(whole[copy.stat().st_size : cut])
        read_all(run)
        assert len(run.series[metric]) >= seen
        seen = len(run.series[metric])
    expected = read_all(follower(source))
    assert steps(run, metric) == steps(expected, metric)
    assert run.problem == ""


@pytest.mark.parametrize("source", [DATA / "nested.jsonl", DATA / "metrics.csv", EVENTS, WANDB])
def test_a_log_that_is_replaced_begins_anew(tmp_path: Path, source: Path) -> None:
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    run = read_all(follower(copy))
    first = next(iter(run.series))
    expected = steps(run, first)
    other = tmp_path / "other"
    shutil.copy(source, other)
    other.replace(copy)
    read_all(run)
    assert steps(run, first) == expected
    assert run.step == expected[-1]


def test_a_log_that_was_cut_short_and_grew_again_begins_anew(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text("".join(f'{{"step": {n}, "loss": {n}}}\n' for n in range(10)))
    run = read_all(follower(log))
    with log.open("r+") as file:
        file.truncate(0)
    log.write_text("".join(f'{{"step": {n}, "loss": {n + 0.5}}}\n' for n in range(20)))
    read_all(run)
    assert values(run, "loss")[0] == 0.5
    assert len(run.series["loss"]) == 20


@pytest.mark.parametrize(
    ("name", "head", "last", "more"),
    [
        ("a.jsonl", '{"step": 1, "loss": 1}\n', '{"step": 2, "loss": 2}', "\n"),
        ("a.csv", "step,loss\n1,1\n", "2,2", ".5\n"),
    ],
)
def test_an_unfinished_last_line_waits_for_its_writer(
    tmp_path: Path, name: str, head: str, last: str, more: str
) -> None:
    log = tmp_path / name
    log.write_text(head + last)
    run = read_all(follower(log))
    assert steps(run, "loss") == [1]
    # Nobody has written for an hour: that was the whole line.
    aged(log)
    read_all(run)
    assert values(run, "loss") == [1, 2]
    # They went on after all.
    log.write_text(head + last + more)
    read_all(run)
    assert values(run, "loss")[-1] == (2 if name == "a.jsonl" else 2.5)


def test_a_deleted_log_is_gone_and_comes_back(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"step": 1, "loss": 1}\n')
    run = read_all(follower(log))
    log.unlink()
    read_all(run)
    assert run.gone
    assert values(run, "loss") == [1]
    log.write_text('{"step": 1, "loss": 5}\n{"step": 2, "loss": 4}\n')
    read_all(run)
    assert not run.gone
    assert values(run, "loss") == [5, 4]


def state(directory: Path, step: int, losses: list[float], ago: float = 0, **more: Any) -> Path:
    """A checkpoint's trainer_state.json."""
    history = [{"step": 10 * (n + 1), "loss": loss} for n, loss in enumerate(losses)]
    path = directory / "trainer_state.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"global_step": step, "max_steps": 100, "log_history": history, **more})
    )
    aged(path, ago)
    return path


def test_the_newest_checkpoint_counts_and_the_next_one_is_taken_up(tmp_path: Path) -> None:
    state(tmp_path / "checkpoint-10", 10, [3], ago=600)
    state(tmp_path / "checkpoint-20", 20, [3, 2], ago=300)
    run = read_all(follower(tmp_path))
    assert values(run, "loss") == [3, 2]
    state(tmp_path / "checkpoint-30", 30, [3, 2, 1], ago=100)
    batch = run.read()
    assert not batch.restarted
    run.take(batch)
    assert values(run, "loss") == [3, 2, 1]
    # Another run in the same place.
    shutil.rmtree(tmp_path / "checkpoint-30")
    state(tmp_path / "checkpoint-30", 30, [9])
    read_all(run)
    assert values(run, "loss") == [9]


def test_of_a_copied_directory_the_latest_step_counts(tmp_path: Path) -> None:
    for number in (900, 1000, 80):
        state(tmp_path / f"checkpoint-{number}", number, [number], ago=100)
    assert values(read_all(follower(tmp_path)), "loss") == [1000]
    state(tmp_path, 1000, [3, 2, 1], ago=100)
    assert values(read_all(follower(tmp_path)), "loss") == [3, 2, 1]


def test_a_state_written_at_this_moment_is_read_with_the_next_look(tmp_path: Path) -> None:
    path = state(tmp_path, 10, [3, 2])
    run = read_all(follower(tmp_path))
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    read_all(run)
    assert "no whole JSON" in run.problem
    assert values(run, "loss") == [3, 2]
    path.write_bytes(whole)
    read_all(run)
    assert run.problem == ""


def test_a_training_is_alive_between_its_checkpoints(tmp_path: Path) -> None:
    state(tmp_path / "checkpoint-10", 10, [3], ago=3000)
    state(tmp_path / "checkpoint-20", 20, [3, 2], ago=1000)
    standing = Witness().look(found(tmp_path))
    assert (standing.state, standing.progress.step, standing.progress.total) == ("running", 20, 100)
    state(tmp_path / "checkpoint-20", 20, [3, 2], ago=6000)
    state(tmp_path / "checkpoint-10", 10, [3], ago=7000)
    assert Witness().look(found(tmp_path)).state == "quiet"
    state(tmp_path / "checkpoint-20", 100, [3, 2], ago=1000)
    assert Witness().look(found(tmp_path)).state == "finished"


def test_a_training_that_ended_early_says_so_by_its_last_entry(tmp_path: Path) -> None:
    result = [{"step": 20, "loss": 2}, {"step": 20, "train_runtime": 3.5, "train_loss": 2.5}]
    state(tmp_path, 20, [], ago=0, log_history=result)
    assert Witness().look(found(tmp_path)).state == "finished"
    # It went on from there, and then nothing came any more.
    state(tmp_path, 30, [], ago=6000, log_history=[*result, {"step": 30, "loss": 1}])
    assert Witness().look(found(tmp_path)).state == "quiet"


def test_a_log_is_alive_while_it_grows_whatever_its_clock_says(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"step": 1, "loss": 1}\n')
    witness = Witness()
    assert witness.look(found(log)).state == "running"
    aged(log)
    assert Witness().look(found(log)).state == "quiet"
    witness = Witness()
    assert witness.look(found(log)).state == "quiet"
    with log.open("a") as file:
        file.write('{"step": 2, "loss": 1}\n')
    aged(log, -5 * 3600)
    standing = witness.look(found(log))
    assert (standing.state, standing.progress.step) == ("running", 2)


def test_an_ended_wandb_run_says_how(tmp_path: Path) -> None:
    copy = tmp_path / WANDB.name
    shutil.copy(WANDB, copy)
    # Its last record says so, however new the file is.
    assert Witness().look(found(copy)).state == "finished"
    assert Witness().look(found(copy), "failed").state == "failed"
    whole = WANDB.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    assert Witness().look(found(copy)).state == "running"
    aged(copy)
    standing = Witness().look(found(copy))
    assert standing.state == "quiet"
    assert 100 < standing.progress.step < 299


def test_a_new_event_file_of_a_run_goes_on_with_it(tmp_path: Path) -> None:
    whole = EVENTS.read_bytes()
    (tmp_path / "events.out.tfevents.1.host").write_bytes(whole[: len(whole) // 2])
    run = read_all(follower(tmp_path))
    first = len(run.series["train/loss"])
    (tmp_path / "events.out.tfevents.2.host").write_bytes(whole)
    read_all(run)
    assert first < len(run.series["train/loss"]) == 60


def test_wandb_records_that_cross_blocks_are_whole(tmp_path: Path) -> None:
    records = Records(WANDB)
    taken: list[bytes] = []
    for _ in range(1000):
        taken += records.read(1000)
        if not records.more:
            break
    assert WANDB.stat().st_size > 3 * BLOCK
    assert len(taken) == 909
    assert records.damaged == 0


def test_a_damaged_piece_of_a_wandb_run_is_passed_over(tmp_path: Path) -> None:
    copy = tmp_path / WANDB.name
    data = bytearray(WANDB.read_bytes())
    data[BLOCK + 1000] ^= 0xFF
    copy.write_bytes(data)
    run = read_all(follower(copy))
    assert "damaged" in run.problem
    assert 100 < len(run.series["train/loss"]) < 300
    assert steps(run, "train/loss")[-1] == 299
