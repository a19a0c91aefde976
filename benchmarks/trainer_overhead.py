"""What our workers add to TRL's trainers: a step of ours beside one of a bare TRL script.

    python benchmarks/trainer_overhead.py [--kind sft] [--size sample] [--blocks 20] [--quick]

For each trainer, two processes on the same texts, arguments and seed: our run as the hub starts
it, with its log, progress and checks, and a script of TRL's own trainer with its own defaults for
all that it does around a step, logging every step as ours does. They take turns in blocks of
STEPS steps; the share is the median over blocks of our seconds over its. Exit code 1 when it is
above BOUND.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from ppo_models import NEVER, SIZES, Size, prompts, write
from ppo_race import Racer, race
from ppo_side import Gate
from transformers import TrainerCallback

STEPS = 10
"""Of a block: long enough that the gate between blocks costs nothing."""
BOUND = 1.02
KINDS = ("sft", "rm", "dpo")
TEXTS = {"sft": ("completion",), "rm": ("chosen", "rejected"), "dpo": ("chosen", "rejected")}


def rows_of(kind: str, size: Size, count: int) -> list[dict[str, Any]]:
    """Prompts with completions that are other prompts of the same kind, repeated to length."""
    repeat = max(1, size.response // size.prompt)
    texts = prompts(size, 3 * count)
    rows = []
    for place in range(count):
        row: dict[str, Any] = {"prompt": texts[place]}
        for number, name in enumerate(TEXTS[kind]):
            some = texts[count * (number + 1) + place]
            row[name] = " " + " ".join([some] * repeat)
        rows.append(row)
    return rows


def shared(size: Size, steps: int) -> dict[str, Any]:
    """Arguments that ours and TRL's have under one name."""
    return {"learning_rate": 1e-5, "max_steps": steps, "logging_steps": 1, "seed": 0}


class Blocks(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Holds the bare trainer between its blocks."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._gate.open()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step % STEPS == 0:
            self._gate.close()
            if state.global_step < state.max_steps:
                self._gate.open()


def bare(task: dict[str, Any]) -> None:
    """A script as TRL's documentation writes it."""
    import torch
    import trl
    from datasets import Dataset
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )

    torch.set_num_threads(task["threads"])
    size = SIZES[task["size"]]
    tokenizer = AutoTokenizer.from_pretrained(task["policy"])
    config, trainer, loader, more = {
        "sft": (trl.SFTConfig, trl.SFTTrainer, AutoModelForCausalLM, {}),
        "rm": (trl.RewardConfig, trl.RewardTrainer, AutoModelForSequenceClassification, {}),
        "dpo": (trl.DPOConfig, trl.DPOTrainer, AutoModelForCausalLM, {"beta": 0.1}),
    }[task["kind"]]
    labels = {"num_labels": 1} if task["kind"] == "rm" else {}
    with tempfile.TemporaryDirectory() as directory:
        trainer(
            model=loader.from_pretrained(task["policy"], dtype=torch.float32, **labels),
            args=config(
                **shared(size, task["steps"]),
                **more,
                output_dir=directory,
                per_device_train_batch_size=size.batch,
                lr_scheduler_type="linear",
                gradient_checkpointing=False,
                bf16=False,
                use_cpu=True,
                max_length=None,
                dataloader_pin_memory=False,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows_of(task["kind"], size, task["rows"])),
            processing_class=tokenizer,
            callbacks=[Blocks(Gate())],
        ).train()


def ours(task: dict[str, Any]) -> None:
    """The run of the directory, as runs/worker.py calls it."""
    import importlib

    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.runs.layout import Phase, RunArguments, read
    from rlhf_tui.runs.worker import KINDS as MODULES

    gate = Gate()

    class Turns(RunContext):
        done = -1

        def progress(
            self, step: int, total: int, message: str = "", phase: Phase = "running"
        ) -> None:
            super().progress(step, total, message, phase)
            if phase != "running" or message or step == self.done or step % STEPS:
                return
            if step > 0:
                gate.close()
            self.done = step
            if step < total:
                gate.open()

    directory = Path(task["run"])
    record = read(directory / "args.json", RunArguments)
    assert record is not None
    importlib.import_module(MODULES[task["kind"]]).run(Turns(directory, record))


def lay_out(task: dict[str, Any]) -> None:
    import pyarrow
    import pyarrow.parquet

    from rlhf_tui.runs.layout import RunArguments, write_atomic

    directory, size = Path(task["run"]), SIZES[task["size"]]
    (directory / "dataset").mkdir(parents=True)
    given = shared(size, task["steps"]) | {
        "model": task["policy"],
        "batch_size": size.batch,
        "epochs": 1000.0,
        "threads": task["threads"],
        "device": "cpu",
    }
    write_atomic(directory / "args.json", RunArguments(f"{task['kind']}-0001", task["kind"], given))
    rows = rows_of(task["kind"], size, task["rows"])
    if task["kind"] != "sft":
        # A ranking of two a prompt: TRL's own trainers take nothing larger.
        more = [
            {"weight": 1.0, "ranking_id": f"r{i}", "prompt_id": f"p{i}"} for i in range(len(rows))
        ]
        rows = [row | names for row, names in zip(rows, more, strict=True)]
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, directory / "dataset" / "train.parquet")


def compare(kind: str, size: Size, blocks: int, directory: Path) -> dict[str, Any]:
    """Run both; prints the row of the table."""
    policy, _ = write(size, directory / size.name, NEVER)
    task = {
        "kind": kind,
        "size": size.name,
        "policy": str(policy),
        "run": str(directory / f"{kind}-{size.name}"),
        "steps": STEPS * (1 + blocks),
        "rows": 16 * size.batch,
        "threads": 1 if size.name == "sample" else 2,
    }
    lay_out(task)
    racers = [
        Racer(side, [sys.executable, __file__, "--side", side, "--task", json.dumps(task)])
        for side in ("ours", "bare")
    ]
    race(racers, 1 + blocks, quiet=True)
    mine, other = (racer.updates for racer in racers)
    found = {
        name: statistics.median(a[name] / b[name] for a, b in zip(mine, other, strict=True))
        for name in ("seconds", "processor")
    }
    step = [statistics.median(u["seconds"] for u in side) / STEPS * 1e3 for side in (mine, other)]
    print(
        f"| {kind} | {size.name} | {step[0]:.1f} | {step[1]:.1f} | {found['seconds']:.3f} "
        f"| {found['processor']:.3f} | {'met' if found['seconds'] <= BOUND else 'missed'} |",
        flush=True,
    )
    return {"kind": kind, "size": size.name, "ms": step, **found}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--size", choices=("sample", "30m"), action="append")
    parser.add_argument("--blocks", type=int, default=20, help="after a warm-up one")
    parser.add_argument("--quick", action="store_true", help="three blocks of the sample's size")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--side", choices=("ours", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--task", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        (ours if given.side == "ours" else bare)(given.task)
        return 0
    print("| trainer | model | ours, ms a step | bare TRL | ours as a multiple | of CPU | ≤ 1.02 |")
    print("|---|---|---:|---:|---:|---:|---|", flush=True)
    sizes = ["sample"] if given.quick else given.size or ["sample", "30m"]
    with tempfile.TemporaryDirectory(prefix="rlhf-tui-overhead-") as directory:
        found = [
            compare(kind, SIZES[size], 3 if given.quick else given.blocks, Path(directory))
            for size in sizes
            for kind in given.kind or KINDS
        ]
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(row["seconds"] <= BOUND for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
