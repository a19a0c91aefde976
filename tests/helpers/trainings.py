"""A small run directory of every trainer, with rows of its kind, and the code that trains it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from helpers.tiny import make_run
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.worker import KINDS

OFFLINE = ("sft", "rm", "dpo", "kto")
ONLINE = ("ppo", "rloo", "grpo")
TEXTS = [" I adored it, every minute.", " It is dull.", " What a mess!"]
"""Best first."""


def demonstrations(count: int) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}:",
            "completion": TEXTS[i % 3],
            "prompt_id": f"p{i}",
            "origin": "human",
        }
        for i in range(count)
    ]


def _pairs(count: int) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}:",
            "chosen": TEXTS[0],
            "rejected": TEXTS[1 + i % 2],
            "weight": 1.0,
            "ranking_id": f"e{i}",
            "prompt_id": f"p{i}",
            "annotator": "ada",
        }
        for i in range(count)
    ]


def _thumbs(count: int) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}:",
            "completion": TEXTS[i % 3],
            "label": i % 3 == 0,
            "prompt_id": f"p{i}",
            "annotator": "ada",
        }
        for i in range(count)
    ]


def _prompts(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Review {i}:", "prompt_id": f"p{i}"} for i in range(count)]


ROWS: dict[str, Any] = {
    "sft": demonstrations,
    "rm": _pairs,
    "dpo": _pairs,
    "kto": _thumbs,
    "ppo": _prompts,
    "rloo": _prompts,
    "grpo": _prompts,
}
ROLLOUTS = {
    "total_steps": 3,
    "rollout_batch_size": 4,
    "response_length": 5,
    "eval_steps": 3,
    "eval_prompts": 2,
}


SHORT = {
    "max_steps": 4,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "lora_rank": 2,
    "threads": 1,
}
"""Options of a run over rows that is over at once, and learns something."""


def training(
    kind: str,
    directory: Path,
    model: Path,
    *,
    rows: int = 18,
    reward_model: Path | None = None,
    **more: Any,
) -> RunContext:
    """A run of a kind on a tiny model, as the hub makes it.

    Args:
        reward_model: for the online kinds.
        more: options over the small ones.
    """
    arguments: dict[str, Any] = {
        "model": str(model),
        "device": "cpu",
        "threads": 1,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "lora_rank": 2,
    }
    if kind in ONLINE:
        arguments |= ROLLOUTS | {"reward_model": str(reward_model)}
    if kind in ("rloo", "grpo"):
        arguments["num_generations"] = 2
    made = ROWS[kind]
    return make_run(directory, kind, arguments | more, train=made(rows), validation=made(6))


def train(context: RunContext) -> RunContext:
    """Run the kind's own code in this process."""
    importlib.import_module(KINDS[context.arguments.kind]).run(context)
    return context
