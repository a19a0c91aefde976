"""Whole lives of runs: real supervisors and workers, from start to each kind of end."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import wait_until
from helpers.disks import disk_of

from rlhf_tui.errors import RunFailed
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import is_starting, request_stop, spawn_supervisor
from rlhf_tui.runs.layout import RunStatus
from rlhf_tui.runs.process import alive, mark, signal_process

SLOW_START = """
import os, pathlib, sys, time
while not pathlib.Path(sys.argv[-1], "go").exists():
    time.sleep(0.01)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""A supervisor that takes a while to come up."""


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_that_finishes_leaves_its_figures_and_no_complaint(runs):
    run = runs("finish")
    assert run.facts.state == "queued"
    run.start()
    facts = run.expect("finished")
    assert (facts.exit.code, facts.exit.signal, facts.exit.message) == (0, None, "")
    assert facts.status.phase == "finished"
    assert facts.status.step == facts.status.total_steps == 3
    assert facts.status.metrics == {"loss": pytest.approx(1 / 3)}
    assert 0 < facts.started <= facts.ended
    assert "printed by the worker" in run.log
    metrics = lines(run.directory / layout.METRICS)
    assert [row["step"] for row in metrics] == [1, 2, 3]
    assert metrics[0]["split"] == "train"
    assert metrics[0]["reward"] is None
    assert metrics[0]["not_finite"] == {"reward": "nan"}
    assert lines(run.directory / layout.SAMPLES) == [{"step": 3, "prompt": "a", "completion": "b"}]
    assert lines(run.directory / layout.COMPLETIONS)[0]["completion_id"] == "c-1"
    assert lines(run.directory / layout.SCORES)[0]["mean"] == 0.5


def test_the_last_act_is_to_start_the_hub(runs):
    run = runs("finish")
    run.start()
    run.ended()
    assert (run.directory.parent.parent / "hub-started").exists()


@pytest.mark.parametrize(
    ("deed", "code", "sentence"),
    [
        ("refuse", 3, "The data set has no rows. Label some pairs first."),
        ("crash", 1, "did not expect (ValueError: shapes differ); see its log"),
        ("leave", 1, "SystemExit: 3"),
        ("full_disk", 1, "The disk is full; the checkpoint of step 1 is kept."),
    ],
)
def test_a_failure_is_a_sentence_and_a_code(runs, deed, code, sentence):
    run = runs(deed)
    run.start()
    facts = run.expect("failed")
    assert facts.exit.code == code
    assert not facts.exit.out_of_memory
    assert sentence in facts.message
    assert facts.status.message == facts.message


def test_the_log_holds_a_traceback_only_of_what_was_not_expected(runs):
    refused, crashed = runs("refuse"), runs("crash")
    for run in (refused, crashed):
        run.start()
        run.ended()
    assert "Traceback" not in refused.log
    assert "The data set has no rows." in refused.log
    assert "Traceback" in crashed.log
    assert "by a lot" in crashed.log


@pytest.mark.parametrize("deed", ["memory", "device_memory", "onednn_memory"])
def test_out_of_memory_is_named_with_advice(runs, deed):
    run = runs(deed, batch_size=12, gradient_accumulation=2, max_length=64, auto_batch=False)
    run.start()
    facts = run.expect("failed")
    assert facts.exit.out_of_memory
    assert facts.message == (
        "Memory ran out with batch_size 12. Try batch_size 6 and gradient_accumulation 4 instead "
        "of batch_size 12, or a max_length below 64. With auto_batch a run goes on by itself with "
        "smaller batches."
    )


def test_a_crash_in_native_code_is_told_by_its_signal(runs):
    run = runs("native_crash")
    run.start()
    facts = run.expect("failed")
    assert facts.exit.signal == signal.SIGSEGV
    assert "SIGSEGV" in facts.message
    assert "native_crash" in run.log


def test_a_full_disk_leaves_the_last_good_checkpoint_and_no_half_one(runs):
    run = runs("full_disk")
    run.start()
    run.expect("failed")
    assert [p.name for p in (run.directory / layout.CHECKPOINTS).iterdir()] == ["step-000001"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("512k", tmp_path / "disk") as disk:
        yield disk


def test_the_last_words_find_room_on_a_disk_without_a_block_left(runs, small_disk):
    runs.root = small_disk
    run = runs("no_space_left")
    run.start()
    facts = run.expect("failed")
    assert facts.exit.code == 1
    assert facts.message.startswith("The disk is full; the checkpoint of step 1 is kept.")
    assert "No space left" in run.log


def test_two_that_start_a_run_at_once_make_one_supervisor(runs):
    """The hub that was killed while it started the run had done so before it left a mark."""
    run = runs("train")
    program = [sys.executable, "-c", SLOW_START, *runs.program]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(spawn_supervisor, run.directory, program)
        wait_until(lambda: is_starting(run.directory), what="the first start")
        with pytest.raises(RunFailed, match="is running already"):
            run.start()
        (run.directory / "go").touch()
        assert alive(first.result(60))
    assert not is_starting(run.directory)
    run.reach(1)
    with pytest.raises(RunFailed, match="is running already"):
        run.start()
    request_stop(run.directory)
    run.expect("stopped")
    run.start()
    run.reach(run.step() + 1)


def test_a_run_can_be_stopped_on_a_disk_without_a_block_left(runs, small_disk):
    runs.root = small_disk
    run = runs("deaf")
    run.start()
    run.reach(1)
    with suppress(OSError), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert request_stop(run.directory)
    assert (run.directory / layout.RESERVE).exists(), "kept for the run's last words"
    assert request_stop(run.directory, force=True)
    assert run.expect("stopped").message == "Stopped at once as asked, without a checkpoint."


def test_stop_saves_a_checkpoint_and_resume_goes_on_from_it(runs):
    run = runs("train", keep_checkpoints=2)
    run.start()
    run.reach(12)
    assert run.facts.state == "running"
    assert request_stop(run.directory)
    facts = run.expect("stopped")
    assert facts.exit.code == 0
    last = facts.status.step
    assert facts.message == f"Stopped as asked; the checkpoint of step {last} is kept."
    kept = sorted(p.name for p in (run.directory / layout.CHECKPOINTS).iterdir())
    assert len(kept) == 2
    assert kept[-1] == f"step-{last:06d}"
    assert not request_stop(run.directory)

    run.start()
    run.reach(last + 3)
    assert run.facts.state == "running"
    request_stop(run.directory)
    run.expect("stopped")
    steps = [row["step"] for row in lines(run.directory / layout.METRICS)]
    assert steps == list(range(1, len(steps) + 1))


def test_stopping_is_a_state_until_the_worker_has_saved(runs):
    run = runs("deaf")
    run.start()
    run.reach(1)
    assert request_stop(run.directory)
    assert run.facts.state == "stopping"
    assert request_stop(run.directory, force=True)
    facts = run.expect("stopped")
    assert facts.message == "Stopped at once as asked, without a checkpoint."


def test_sigterm_to_the_supervisor_reaches_a_worker_that_does_not_listen_yet(runs):
    run = runs("before_listening")
    supervisor = run.start()
    run.reach(1)
    assert signal_process(supervisor, signal.SIGTERM)
    facts = run.expect("stopped")
    assert facts.message == "Stopped as asked, before the worker had begun."


def test_kill_9_of_the_worker_is_told_and_leaves_the_checkpoint(runs):
    run = runs("train")
    run.start()
    run.reach(7)
    signal_process(run.worker, signal.SIGKILL)
    facts = run.expect("failed")
    assert facts.exit.signal == signal.SIGKILL
    assert "SIGKILL" in facts.message
    assert not facts.exit.out_of_memory
    run.start()
    run.reach(facts.status.step + 1)
    assert min(row["step"] for row in lines(run.directory / layout.METRICS)[-3:]) > 5


def test_kill_9_of_the_supervisor_leaves_the_worker_at_work(runs):
    run = runs("train")
    supervisor = run.start()
    run.reach(3)
    signal_process(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor))
    assert run.facts.state == "running"
    run.reach(run.step() + 5)
    with pytest.raises(RunFailed, match="running already"):
        run.start()
    assert request_stop(run.directory)
    facts = run.expect("stopped")
    assert facts.exit is None
    assert facts.message.startswith("Stopped as asked; the checkpoint of step")


def test_kill_9_of_both_is_a_failure_that_can_be_resumed(runs):
    run = runs("train")
    supervisor = run.start()
    run.reach(6)
    for process in (supervisor, run.worker):
        signal_process(process, signal.SIGKILL)
    facts = run.expect("failed")
    assert facts.exit is None
    assert "killed together with its supervisor" in facts.message
    assert facts.ended == facts.status.updated
    run.start()
    run.reach(facts.status.step + 1)
    assert run.facts.state == "running"


def test_what_a_killed_worker_had_started_is_ended_too(runs):
    run = runs("with_child")
    run.start()
    run.reach(1)
    child = mark(int((run.directory / "child.pid").read_text()))
    signal_process(run.worker, signal.SIGKILL)
    run.expect("failed")
    wait_until(lambda: not alive(child), what="the end of the worker's child")


def test_a_killed_worker_leaves_no_half_checkpoint_to_the_next(runs):
    run = runs("train")
    partial = run.directory / layout.CHECKPOINTS / ".step-000005.partial"
    partial.mkdir(parents=True)
    run.start()
    run.reach(1)
    assert not partial.exists()


def test_the_environment_of_a_worker(runs, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "inherited")
    run = runs("environment", threads=3)
    arguments = run.facts.arguments
    arguments.environment = {"HF_HOME": "/models", "HF_TOKEN": "recorded", "LD_PRELOAD": "x"}
    layout.write_atomic(run.directory / layout.ARGS, arguments)
    run.start()
    run.expect("finished")
    assert (run.directory / "seen.txt").read_text().splitlines() == [
        "THREADS=3",
        "HOME_OF_HF=/models",
        "SECRET=inherited",
        f"CWD={run.directory}",
        "SESSION=True",
        "STDIN=''",
    ]


def test_a_supervisor_cannot_start_where_there_is_no_run(runs):
    run = runs("finish")
    (run.directory / layout.ARGS).unlink()
    with pytest.raises(RunFailed, match="not a run directory"):
        run.start()


def test_the_first_status_names_the_worker(runs):
    run = runs("train")
    run.start()
    run.reach(1)
    status = layout.read(run.directory / layout.STATUS, RunStatus)
    assert status.process.pid == run.worker.pid != os.getpid()
