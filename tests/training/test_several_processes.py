"""Trainers of two processes on the CPU, through supervisor and launcher, against one process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import wait_until
from helpers.tiny import lines, make_run, save_policy
from helpers.trainings import demonstrations
from transformers import AutoModelForCausalLM

from rlhf_tui.runs.accelerating import config_file
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.launch import processes, spawn_supervisor
from rlhf_tui.runs.process import alive
from rlhf_tui.runs.state import RunFacts, describe
from rlhf_tui.training import sft

PROGRAM = [sys.executable, str(Path(__file__).parent / "programs" / "supervise.py")]
# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)


def sft_run(directory: Path, model: Path, **more: Any) -> RunContext:
    arguments = {"model": str(model), "device": "cpu", "max_steps": 6, "learning_rate": 1e-2}
    rows = {"train": demonstrations(40), "validation": demonstrations(6)}
    return make_run(directory, "sft", arguments | more, **rows)


def ended(context: RunContext) -> RunFacts:
    spawn_supervisor(context.directory, PROGRAM)

    def gone() -> bool:
        return not any(mark is not None and alive(mark) for mark in processes(context.directory))

    wait_until(gone, 150, "the run's end", poll=0.1)
    return describe(context.directory)


def log_of(context: RunContext) -> str:
    return (context.directory / "log.txt").read_text()


def losses(context: RunContext) -> dict[int, float]:
    """Of each step; a line that comes again after a resume counts."""
    rows = lines(context.directory / "metrics.jsonl")
    return {row["step"]: row["loss"] for row in rows if "loss" in row}


def seen(context: RunContext) -> list[float]:
    rows = lines(context.directory / "metrics.jsonl")
    return [row["num_samples"] for row in rows if "num_samples" in row]


def test_two_processes_stopped_and_resumed_equal_one_with_twice_the_batch(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    one = sft_run(tmp_path / "sft-1", model, batch_size=8)
    sft.run(one)
    two = sft_run(tmp_path / "sft-2", model, batch_size=4, accelerate="cpu", processes=2)
    (two.directory / "stop-at").write_text("3")
    facts = ended(two)
    assert facts.state == "stopped", f"{facts}\n{log_of(two)}"
    assert facts.message == "Stopped as asked; the checkpoint of step 3 is kept."
    checkpoint = two.latest_checkpoint()
    assert checkpoint is not None
    assert {p.name for p in checkpoint.glob("rng_state*")} == {"rng_state_0.pth", "rng_state_1.pth"}
    (two.directory / "stop-at").unlink()
    facts = ended(two)
    assert facts.state == "finished", f"{facts}\n{log_of(two)}"
    assert not (two.directory / "trainer").exists()

    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    evaluated, shared = (
        [row["eval_loss"] for row in lines(c.directory / "metrics.jsonl") if "eval_loss" in row]
        for c in (one, two)
    )
    assert len(shared) == 1, "evaluated once, at the end"
    answers, apart = (
        [(row["step"], row.get("by", "")) for row in lines(c.directory / "samples.jsonl")]
        for c in (one, two)
    )
    assert apart == answers, "the main process alone writes, and not again after a resume"
    assert seen(two) == seen(one)
    assert (two.directory / "machine.jsonl").exists()
    assert shared == pytest.approx(evaluated, rel=1e-3)
    weights, others = (
        AutoModelForCausalLM.from_pretrained(c.model_dir).state_dict() for c in (one, two)
    )
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-3, atol=2e-4)


# Accelerate refuses FSDP without a GPU, torch does not: the worker under test takes the CPUs of two
# processes for GPUs. What it goes through then is that of GPUs, gloo in the place of NCCL.
@pytest.mark.matrix
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_weights_in_pieces_stopped_and_resumed_equal_whole_ones(tmp_path: Path, tune: str) -> None:
    model = save_policy(tmp_path / "base")
    one = sft_run(tmp_path / "sft-1", model, batch_size=8, tune=tune, lora_rank=2)
    sft.run(one)
    config = tmp_path / "fsdp2-cpu.yaml"
    shipped = config_file("fsdp2").read_text()
    config.write_text(f"{shipped}\nnum_processes: 2\nuse_cpu: true\n")
    pieces = sft_run(
        tmp_path / "sft-2", model, batch_size=4, tune=tune, lora_rank=2, accelerate=str(config)
    )
    (pieces.directory / "stop-at").write_text("3")
    (pieces.directory / "cpus-as-gpus").touch()
    facts = ended(pieces)
    assert facts.state == "stopped", f"{facts}\n{log_of(pieces)}"
    (pieces.directory / "stop-at").unlink()
    facts = ended(pieces)
    assert facts.state == "finished", f"{facts}\n{log_of(pieces)}"
    assert losses(pieces) == pytest.approx(losses(one), rel=1e-4)
    weights, others = (
        AutoModelForCausalLM.from_pretrained(c.model_dir).state_dict() for c in (one, pieces)
    )
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-3, atol=2e-4)


def test_smaller_batches_go_on_from_the_checkpoint_and_learn_the_same(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    one = sft_run(tmp_path / "sft-1", model, batch_size=8)
    sft.run(one)
    other = sft_run(tmp_path / "sft-2", model, batch_size=8, auto_batch=True, save_steps=2)
    (other.directory / "rows-at-most").write_text("4")
    facts = ended(other)
    assert facts.state == "finished", f"{facts}\n{log_of(other)}"
    assert "with batch_size 4 and gradient_accumulation 2." in facts.message
    assert "DefaultCPUAllocator" in log_of(other), "torch's own words"
    assert losses(other) == pytest.approx(losses(one), rel=1e-4)
    steps = [row["step"] for row in lines(other.directory / "metrics.jsonl") if "loss" in row]
    assert steps == [1, 2, 3, 4, 5, 6], "nothing was trained twice"
