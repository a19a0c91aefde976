"""Our PPO as a side of the benchmark: a whole worker on a run directory, as the hub starts it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppo_side import Case, Gate

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import Phase, RunArguments, read, write_atomic
from rlhf_tui.training.process import prepare

SHOWN = ("objective/scores", "objective/kl", "objective/entropy", "val/num_eos_tokens")
PHASES = "time/"


class Turns(RunContext):
    """A run's context that holds the trainer between its updates."""

    def __init__(self, directory: Path, arguments: RunArguments, gate: Gate) -> None:
        super().__init__(directory, arguments)
        self._gate = gate
        self._figures: dict[str, float] = {}
        self._done = -1

    def log_metrics(self, step: int, metrics: Mapping[str, Any], **extra: Any) -> None:
        super().log_metrics(step, metrics, **extra)
        self._figures |= {
            name: float(value)
            for name, value in metrics.items()
            if name in SHOWN or name.startswith(PHASES)
        }

    def progress(self, step: int, total: int, message: str = "", phase: Phase = "running") -> None:
        super().progress(step, total, message, phase)
        if phase != "running" or message or step == self._done:
            return
        if step > 0:
            self._gate.close(**self._figures, device_peak=device_peak())
        self._done = step
        if step < total:
            self._gate.open()


def device_peak() -> int:
    """The most memory that torch had on the GPU, bytes; 0 without one."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0


def count_generation(gate: Gate) -> None:
    from rlhf_tui.training.ppo import rollout

    generate = rollout.sample

    def counted(*given: Any) -> Any:
        began = time.perf_counter()
        found = generate(*given)
        gate.writing += time.perf_counter() - began
        gate.tokens += sum(len(response.tokens) for response in found)
        return found

    rollout.sample = counted  # type: ignore[assignment]


def arguments(case: Case) -> dict[str, Any]:
    """The case as options of ours."""
    return {
        "model": case.policy,
        "reward_model": case.reward,
        "critic": case.critic,
        "seed": case.seed,
        "total_steps": case.updates,
        "rollout_batch_size": case.batch,
        "batch_size": case.batch,
        "num_ppo_epochs": case.epochs,
        "num_mini_batches": case.minibatches,
        "response_length": case.response,
        "missing_eos_penalty": case.missing_eos_penalty,
        "kl_coef": case.kl_coef,
        "learning_rate": case.learning_rate,
        "schedule": "constant_with_warmup",
        "threads": case.threads,
        "device": case.device,
        "eval_steps": 0,
        "save_steps": 0,
    }


def lay_out(case: Case, directory: Path) -> None:
    """Make the case's run directory; outside of the side, whose memory is measured."""
    import pyarrow
    import pyarrow.parquet

    (directory / "dataset").mkdir(parents=True)
    record = RunArguments(directory.name, "ppo", arguments(case))
    write_atomic(directory / "args.json", record)
    table = pyarrow.table({"prompt": case.prompts})
    pyarrow.parquet.write_table(table, directory / "dataset" / "train.parquet")


def main() -> None:
    """As runs/worker.py does it, without supervisor and heartbeat."""
    directory = Path(sys.argv[1])
    record = read(directory / "args.json", RunArguments)
    assert record is not None
    gate = Gate()
    context = Turns(directory, record, gate)
    prepare(context.options(PPOOptions))
    count_generation(gate)
    from rlhf_tui.training.ppo.run import run

    run(context)


if __name__ == "__main__":
    main()
