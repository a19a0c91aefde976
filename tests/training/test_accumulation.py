"""A batch in one forward pass, and the same in two: the trainers learn the same, to its last row.

Eleven rows in steps of eight: the second step has three, which come as 3 or as 2 and 1; and in
passes of two, an odd one again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import GradientState
from helpers.tiny import lines, make_run, save_policy
from transformers import AutoModel

from rlhf_tui.training import dpo, kto, reward_model, sft

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
WORKERS: dict[str, Any] = {"sft": sft, "rm": reward_model, "dpo": dpo, "kto": kto}
ENDS = (" I adored it, every minute, and the music even more.", " It is dull.", " What a mess!")
PAIRS = ((0, 1), (0, 2), (1, 2))
RATE = 1e-3


@pytest.fixture(autouse=True)
def forget_the_last_batch() -> Iterator[None]:
    """Accelerate remembers how many rows a training's last batch had, also for others' batches."""
    yield
    GradientState._reset_state()


def row(i: int) -> dict[str, Any]:
    return {"prompt": f"Review {i}:" + " long" * (i % 4), "prompt_id": f"p{i}"}


def rows(kind: str, count: int) -> list[dict[str, Any]]:
    if kind == "sft":
        return [row(i) | {"completion": ENDS[i % 3], "origin": "human"} for i in range(count)]
    if kind == "kto":
        return [row(i) | {"completion": ENDS[i % 3], "label": i % 3 < 1} for i in range(count)]
    return [
        row(i) | {
            "chosen": ENDS[better], "rejected": ENDS[worse], "weight": 1 / (1 + i % 3),
            "ranking_id": f"e{i}", "annotator": "ada",
        }
        for i in range(count)
        for better, worse in PAIRS[: 1 + i % 3]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "more", "small"),
    [
        ("sft", {}, 4),
        ("sft", {"packing": True, "max_length": 40}, 1),
        ("rm", {}, 2),
        ("dpo", {"pairs": "one-per-ranking"}, 2),
        # Each batch of KTO has an estimate of the KL of its own, which this loss does without.
        ("kto", {"loss_type": "apo_zero_unpaired"}, 2),
    ],
)
def test_what_is_learnt_does_not_depend_on_how_a_step_is_divided(
    tmp_path: Path, kind: str, more: dict[str, Any], small: int
) -> None:
    model, found = save_policy(tmp_path / "base"), []
    for size, passes in ((8, 1), (small, 8 // small)):
        arguments = {
            "model": str(model), "device": "cpu", "batch_size": size, "epochs": 1.0,
            "gradient_accumulation": passes, "learning_rate": RATE, "threads": 1,
            "schedule": "constant_with_warmup",
        } | more  # fmt: skip
        context = make_run(tmp_path / f"{kind}-{size}", kind, arguments, train=rows(kind, 11))
        WORKERS[kind].run(context)
        losses = [r["loss"] for r in lines(context.directory / "metrics.jsonl") if "loss" in r]
        found.append((losses, AutoModel.from_pretrained(context.model_dir).state_dict()))
    (losses, weights), (others, divided) = found
    assert others == pytest.approx(losses, rel=1e-4)
    # On average: where a gradient is next to nothing, Adam makes much of its rounding.
    gaps = [(divided[name] - value).abs().flatten() for name, value in weights.items()]
    assert float(torch.cat(gaps).mean()) < 0.01 * RATE
