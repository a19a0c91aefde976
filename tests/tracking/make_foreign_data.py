"""Makes tests/tracking/foreign_data by the programs that write such files.

Run: .venv/bin/python tests/tracking/make_foreign_data.py  (torch, transformers, wandb, tensorboard)

trainer_log.jsonl alone is written as LLaMA-Factory's LogCallback writes it, by hand.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).with_name("foreign_data")


def trainer_output() -> None:
    """An output directory of transformers.Trainer: two checkpoints and the final state."""
    import torch
    from transformers import Trainer, TrainingArguments

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(1, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            y = self.line(x)
            return {"loss": ((y - labels) ** 2).mean(), "logits": y}

    rows = [{"x": [i / 64], "labels": [3 * i / 64]} for i in range(64)]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            place,
            per_device_train_batch_size=8,
            num_train_epochs=5,
            logging_steps=2,
            eval_strategy="steps",
            eval_steps=10,
            save_steps=20,
            learning_rate=0.05,
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = Trainer(Line(), arguments, train_dataset=rows, eval_dataset=rows[:16])
        trainer.train()
        trainer.save_state()
        kept = HERE / "trainer_output"
        for state in sorted(Path(place).rglob("trainer_state.json")):
            there = kept / state.relative_to(place)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(state, there)


def tensorboard_runs() -> None:
    """Two sub-runs by torch's SummaryWriter: old-style scalars, and scalars as tensors."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    place = HERE / "tensorboard"
    for name, new_style in (("first", False), ("second", True)):
        with SummaryWriter(str(place / name)) as writer:
            for step in range(60):
                when = 1_763_640_000 + step * 2.0
                loss = 2 * math.exp(-step / 20)
                writer.add_scalar("train/loss", loss, step, when, new_style=new_style)
                writer.add_scalar("train/lr", 1e-3, step, when, new_style=new_style)
                if step % 10 == 9:
                    writer.add_scalar("eval/loss", loss + 0.1, step, when, new_style=new_style)
            writer.add_text("args", json.dumps({"lr": 1e-3, "seed": 1}), 0, 1_763_640_000)
            writer.add_histogram("weights", torch.tensor([1.0, 2.0, 3.0]), 1)
    with SummaryWriter(str(place / "tuned")) as writer:
        writer.add_hparams({"lr": 0.1, "optimizer": "adam"}, {"accuracy": 0.8}, run_name=".")
    for file in place.rglob("*tfevents*"):
        # Without the name of the machine.
        number = ".".join(file.name.split(".")[:4])
        file.rename(file.with_name(f"{number}.host.1.0"))


def wandb_run() -> None:
    """An offline run: config, nested metrics, summary, a printed line, and its end."""
    with tempfile.TemporaryDirectory() as place:
        os.environ.update(
            WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=place, WANDB_HOST="host"
        )
        import wandb

        run = wandb.init(
            project="demo",
            name="sft of the sample",
            id="a1b2c3d4",
            config={"lr": 1e-4, "max_steps": 300, "model": {"name": "tiny", "layers": 2}},
            tags=["small"],
            notes="made for the tests",
            settings=wandb.Settings(
                x_disable_stats=True, x_disable_meta=True, console="off", disable_git=True
            ),
        )
        for step in range(300):
            row = {"train": {"loss": 2 / (step + 1), "accuracy": step / 300}, "note": "text"}
            if step % 100 == 99:
                row["eval/loss"] = 2.2 / (step + 1)
            if step == 150:
                row["train"]["loss"] = float("nan")
            run.log(row)
        run.summary["best"] = 0.5
        run.finish()
        # The service writes the last records behind our back.
        wandb.teardown()
        (made,) = Path(place).rglob("*.wandb")
        kept = HERE / "wandb" / "offline-run-20251120_120000-a1b2c3d4"
        (kept / "files").mkdir(parents=True)
        shutil.copy(made, kept / made.name)
        (kept / "files" / "output.log").write_text("step 1: loss 2\nstep 300: loss 0.007\n")


def llama_factory() -> None:
    lines = []
    for step in range(5, 55, 5):
        line = {
            "current_steps": step,
            "total_steps": 50,
            "loss": round(3 / step, 4),
            "lr": 1e-5,
            "epoch": step / 10,
            "percentage": step * 2.0,
            "elapsed_time": f"0:{step // 5:02d}:10",
            "remaining_time": f"0:{10 - step // 5:02d}:00",
            "throughput": 1234.5,
            "total_tokens": step * 2048,
        }
        lines.append(line)
        if step % 25 == 0:
            eval_line = {k: v for k, v in line.items() if k not in ("loss", "lr")}
            lines.append({**eval_line, "eval_loss": round(3.2 / step, 4)})
    last = {k: v for k, v in lines[-1].items() if k != "eval_loss"}
    (HERE / "trainer_log.jsonl").write_text(
        "".join(f"{json.dumps(line)}\n" for line in [*lines, last])
    )


def tables() -> None:
    rows = [f'{step};"{2 / step:.4f}";{0.5 + step / 100:.2f};ok' for step in range(1, 31)]
    head = '"global_step";"train loss";accuracy;"note; or remark"'
    (HERE / "metrics.csv").write_text("\n".join([head, *rows]) + "\n")
    lines = [
        {
            "iteration": step,
            "timestamp": f"2025-11-20T12:{step:02d}:00Z",
            "train": {"loss": 1 / (step + 1), "by": {"class": {"a": step / 30}}},
            "num_input_tokens_seen": step * 512,
            "phase": "train",
        }
        for step in range(30)
    ]
    (HERE / "nested.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    trainer_output()
    tensorboard_runs()
    wandb_run()
    llama_factory()
    tables()
