"""Runs of several processes under Accelerate's launcher: who writes, who is told, who is left."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import wait_until

from rlhf_tui.errors import UsageError
from rlhf_tui.runs import accelerating, layout
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.launch import request_stop
from rlhf_tui.runs.layout import RunArguments, SampleRow
from rlhf_tui.runs.process import alive, mark, signal_process
from rlhf_tui.runs.ranks import Rank, rank_of

TWO = {"accelerate": "cpu", "processes": 2}


def processes(run):
    """The marks of both workers, once they work."""
    paths = [run.directory / f"pid-{rank}" for rank in (0, 1)]
    wait_until(lambda: all(p.exists() and p.read_text() for p in paths), 90, "both at work")
    return [mark(int(path.read_text())) for path in paths]


def test_only_the_main_process_writes(runs):
    run = runs("each", **TWO)
    run.start()
    facts = run.expect("finished")
    assert (facts.exit.code, facts.message) == (0, "")
    assert {p.name for p in run.directory.glob("rank-*")} == {"rank-0-of-2", "rank-1-of-2"}
    for name, count in ((layout.METRICS, 3), (layout.SAMPLES, 1), (layout.COMPLETIONS, 1)):
        assert len((run.directory / name).read_text().splitlines()) == count, name
    assert [p.name for p in (run.directory / layout.CHECKPOINTS).iterdir()] == ["step-000001"]
    assert facts.status.step == 3
    assert run.log.count("printed by the worker") == 1


def test_stop_reaches_all_and_the_main_process_is_the_heart(runs):
    run = runs("together", **TWO)
    supervisor = run.start()
    main, other = processes(run)
    run.reach(1)
    assert run.facts.status.process.pid == main.pid
    assert run.worker.pid not in (main.pid, other.pid), "the launcher is the supervisor's child"
    signal_process(supervisor, signal.SIGTERM)
    facts = run.expect("stopped")
    assert facts.message == "Stopped as asked; the checkpoint of step 1 is kept."


def test_stop_without_a_supervisor(runs):
    run = runs("together", **TWO)
    supervisor = run.start()
    processes(run)
    run.reach(1)
    signal_process(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor))
    assert run.facts.state == "running"
    assert request_stop(run.directory)
    facts = run.expect("stopped")
    assert facts.exit is None
    assert facts.message == "Stopped as asked; the checkpoint of step 1 is kept."


def test_a_killed_launcher_takes_its_workers_along_even_without_a_supervisor(runs):
    run = runs("together", **TWO)
    supervisor = run.start()
    both = processes(run)
    signal_process(supervisor, signal.SIGKILL)
    wait_until(lambda: not alive(supervisor))
    assert request_stop(run.directory, force=True)
    wait_until(lambda: not any(alive(process) for process in both), what="both are gone")


def test_one_that_is_killed_ends_the_run_with_a_sentence(runs):
    run = runs("together", **TWO)
    run.start()
    main, other = processes(run)
    run.reach(1)
    signal_process(other, signal.SIGKILL)
    facts = run.expect("failed")
    assert "One of the run's processes was ended from outside" in facts.message
    assert not alive(main)


def test_memory_of_any_process_halves_the_batch_of_all(runs):
    arguments = {"batch_size": 4, "gradient_accumulation": 1, "auto_batch": True}
    run = runs("memory_for_two", **arguments, **TWO)
    run.start()
    facts = run.expect("finished")
    assert facts.message.startswith("Memory ran out with batch_size 4: it went on with batch_size")
    rows = (run.directory / layout.METRICS).read_text().splitlines()
    assert json.loads(rows[-1])["batch_size"] == 2


def test_a_failure_of_all_is_told_once_in_its_words(runs):
    run = runs("refuse", **TWO)
    run.start()
    facts = run.expect("failed")
    assert facts.exit.code == 3
    assert facts.message.startswith("The data set has no rows. Label some pairs first. (Process ")


def test_a_config_that_is_gone_is_a_sentence(runs, tmp_path):
    run = runs("finish", accelerate=str(tmp_path / "gone.yaml"))
    run.start()
    facts = run.expect("failed")
    assert "There is no Accelerate config" in facts.message
    assert facts.exit.code == 2


JOIN = [sys.executable, str(Path(__file__).parent / "programs" / "join.py")]


@pytest.fixture
def two_machines(tmp_path):
    """A config of two machines, both of them this one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "two.yaml"
    path.write_text(
        "{distributed_type: MULTI_GPU, use_cpu: true, num_machines: 2, num_processes: 2,"
        f" machine_rank: 0, same_network: true, main_process_ip: 127.0.0.1,"
        f" main_process_port: {port}}}"
    )
    return {"accelerate": str(path)}


def test_a_second_machine_takes_part_and_ends_with_the_run(runs, two_machines):
    run = runs("together", **two_machines)
    with subprocess.Popen([*JOIN, str(run.directory), "1"]) as joined:
        run.start()
        processes(run)
        run.reach(1)
        assert request_stop(run.directory)
        run.expect("stopped")
        assert joined.wait(60) == 0


def test_a_machine_that_would_be_waited_for_in_vain_is_refused(runs, two_machines):
    for run, machine, sentence in (
        (runs("together", **two_machines), "2", "num_machines: 2.*Name one of 1 to 1"),
        (runs("together", **TWO), "1", "num_machines: 1"),
        (runs("together"), "1", "is a run of one process"),
        (runs("together"), "one", "Usage"),
    ):
        command = [*JOIN, str(run.directory), machine]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert re.search(sentence, done.stderr)


# --- without processes ------------------------------------------------------------------------


def test_the_place_is_read_from_torchruns_variables():
    assert rank_of({"WORLD_SIZE": "8"}) == Rank(), "somebody else's variable says nothing"
    found = rank_of({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"})
    assert found == Rank(3, 4, 1, launched=True)
    assert not found.is_main


def test_a_context_of_another_rank_writes_nothing(tmp_path):
    context = RunContext(tmp_path, RunArguments("sft-0001", "sft", {}), Rank(1, 2, 1, True))
    before = signal.getsignal(signal.SIGTERM)
    context.start()
    assert signal.getsignal(signal.SIGTERM) is before, "torchrun ends it at once"
    context.progress(1, 2)
    context.log_metrics(1, {"loss": 1.0})
    context.sample(SampleRow(1, "a", "b"))
    context.append_completions([])
    with context.checkpoint_dir(1) as folder:
        (folder / "weights").write_text("w")
    assert not folder.exists()
    assert not context.should_stop()
    context.stop()
    assert context.should_stop() and context.stopped
    context.finish("finished", "")
    assert list(tmp_path.iterdir()) == []


def test_every_shipped_config_is_one_and_names_its_launcher(tmp_path):
    assert accelerating.shipped() == ["cpu", "ddp", "deepspeed-zero2", "deepspeed-zero3", "fsdp2"]
    for name in accelerating.shipped():
        command = accelerating.command({"accelerate": name, "processes": 3}, ["work", "DIR"])
        assert command[-3:] == ["--no_python", "work", "DIR"]
        assert command[command.index("--num_processes") + 1] == "3"
        assert command[command.index("--main_process_port") + 1] == "0"
    assert accelerating.command({}, ["work", "DIR"]) == ["work", "DIR"]


@pytest.mark.parametrize(
    ("text", "processes", "gpus", "sentence"),
    [
        ("a: [", 0, 8, "cannot be read"),
        ("- a", 0, 8, "names no distributed_type"),
        ("distributed_type: MULTI_CPU", 2, 8, "by mpirun"),
        ("distributed_type: DEEPSPEED", 2, 8, "needs DeepSpeed, which is not installed"),
        ("distributed_type: FSDP", 0, 8, "says no num_processes.*--processes N"),
        ("distributed_type: FSDP", 4, 2, "a GPU for each of 4 processes, and this machine has 2"),
        ("{distributed_type: FSDP, num_machines: 2}", 3, 8, "cannot be shared evenly by 2"),
    ],
)
def test_what_is_wrong_with_a_config_is_said(tmp_path, text, processes, gpus, sentence):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=sentence):
        accelerating.check_config(str(path), accelerating.read_config(str(path)), processes, gpus)


def test_a_wrong_name_gets_the_nearest_right_one():
    with pytest.raises(UsageError, match="Did you mean 'fsdp2'"):
        accelerating.read_config("fsdp3")


def test_the_environment_of_several(tmp_path):
    others = {"RANK": "3", "WORLD_SIZE": "4", "MASTER_PORT": "1", "PATH": os.defpath}
    alone = dict(others)
    accelerating.adapt_environment(alone, {}, "cpu")
    assert alone == {"PATH": os.defpath}
    on_cpu = dict(others)
    accelerating.adapt_environment(on_cpu, TWO, "cpu")
    assert on_cpu == {"PATH": os.defpath, "ACCELERATE_USE_CPU": "true"}
    some = {"CUDA_VISIBLE_DEVICES": "4,6,7"}
    accelerating.adapt_environment(some, {"accelerate": "ddp"}, "cuda:0,2")
    assert some == {"CUDA_VISIBLE_DEVICES": "4,7"}
