"""Named sets of options for `train --recipe`: sensible values for a situation, over the defaults.

A recipe gives way to rlhf.toml, --config, the environment and the command line. None sets a
learning rate: the default goes by the model's size, and ten times as high for adapters.

Where the values come from:

- PPO: four passes of clipped minibatches over a rollout, β = 0.05 a nat (Stiennon 2020; Huang
  2024, 'The N+ Implementation Details of RLHF with PPO'; the values of TRL's PPO).
- RLOO: k = 4 responses a prompt, β = 0.05 (Ahmadian 2024; TRL's default).
- GRPO: β = 0.04 (Shao 2024, DeepSeekMath), as TRL's default of 0 keeps no reference at all; 8
  responses a prompt (TRL's default).
- DPO: β = 0.1, 32 to 64 pairs a step, one pass, with a warm-up (Rafailov 2023; Tunstall 2023,
  Zephyr). KTO: the same β, at least 4 rows a forward pass for its estimate of the KL, 16 to 128 a
  step (Ethayarajh 2024; TRL's notes on KTO).
- Reward model: one pass, as a second one overfits, and rewards centred by 0.01 (Ouyang 2022;
  Eisenstein 2023).
- Adapters: all linear layers, rank 16 and α = 2r (Hu 2021; Biderman 2024); on 4-bit weights rank
  64, α = 16, warm-up over 3 % (Dettmers 2023, QLoRA).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rlhf_tui.config.options import TRAINERS
from rlhf_tui.errors import UsageError, nearest


class Recipe(msgspec.Struct, frozen=True):
    name: str
    summary: str
    """For whom and for which machine, in one sentence."""
    every: Mapping[str, Any] = {}
    """Options of all trainers."""
    kinds: Mapping[str, Mapping[str, Any]] = {}
    """Kind of run → its own options, over `every`."""

    def options(self, kind: str) -> dict[str, Any]:
        """What the recipe says of a kind of run."""
        return {**self.every, **self.kinds.get(kind, {})}


def _sized(forward: int, step: int, prompts: int) -> dict[str, dict[str, Any]]:
    """Values of real models, by kind.

    Args:
        forward: rows a forward pass for which there is room.
        step: rows an optimizer step of SFT, the reward model, DPO and KTO.
        prompts: prompts a rollout of RLOO and GRPO; of PPO, which writes one response each, eight
            times as many.
    """
    rows = {"batch_size": forward, "gradient_accumulation": step // forward, "eval_steps": 100}
    neighbours = {"batch_size": max(4, forward), "gradient_accumulation": step // max(4, forward)}
    # A pair is two rows.
    pairs = {"batch_size": max(1, forward // 2), "gradient_accumulation": step // (forward // 2)}
    offline = {"schedule": "cosine", "warmup_share": 0.1, "save_steps": 200}
    online = {
        "batch_size": forward,
        "response_length": 128,
        "save_steps": 20,
        "total_steps": 200,
    }
    group = {**online, "rollout_batch_size": prompts, "num_mini_batches": 1}
    return {
        "sft": {**offline, **rows, "epochs": 2.0, "warmup_share": 0.03},
        "rm": {**offline, **rows, **pairs, "epochs": 1.0, "center_rewards": 0.01},
        "dpo": {**offline, **rows, **pairs, "epochs": 1.0, "beta": 0.1},
        "kto": {**offline, **rows, **neighbours, "epochs": 1.0, "beta": 0.1},
        "ppo": {
            **online,
            "rollout_batch_size": 8 * prompts,
            "num_mini_batches": 4,
            "num_ppo_epochs": 4,
            "kl_coef": 0.05,
        },
        "rloo": {**group, "num_generations": 4, "beta": 0.05},
        "grpo": {**group, "num_generations": 8, "beta": 0.04},
    }


_TINY_ROLLOUT = {"total_steps": 30, "response_length": 32, "num_mini_batches": 2}
_TINY_GROUP = {**_TINY_ROLLOUT, "rollout_batch_size": 16, "num_generations": 4}
TINY_CPU = Recipe(
    "tiny-cpu",
    "The sample model on two CPU cores, in a minute or two.",
    {"device": "cpu", "max_length": 256, "batch_size": 16},
    {
        "ppo": {**_TINY_ROLLOUT, "rollout_batch_size": 64},
        "rloo": {**_TINY_GROUP, "beta": 0.05},
        "grpo": {**_TINY_GROUP, "beta": 0.04},
    },
)
SINGLE_GPU_LORA = Recipe(
    "single-gpu-lora",
    "An adapter for 3 to 8 B parameters: one GPU of 24 GB.",
    {
        "device": "cuda",
        "tune": "lora",
        "lora_rank": 16,
        "lora_alpha": 32,
        "gradient_checkpointing": True,
        "max_length": 1024,
        "auto_batch": True,
    },
    _sized(forward=4, step=32, prompts=16),
)
SINGLE_GPU_QLORA = Recipe(
    "single-gpu-qlora",
    "An adapter on 4-bit weights, 7 to 13 B: one GPU of 24 GB.",
    {
        "device": "cuda",
        "tune": "lora",
        "quantization": "4bit",
        "lora_rank": 64,
        "lora_alpha": 16,
        # The whole model has no room where only its 4-bit weights have; `merge` does it elsewhere.
        "merge_adapter": False,
        "gradient_checkpointing": True,
        "max_length": 1024,
        "auto_batch": True,
    },
    _sized(forward=2, step=32, prompts=16),
)
SINGLE_GPU_FULL = Recipe(
    "single-gpu-full",
    "All weights: 1.5 B on one GPU of 40 GB, 3 B on 80 GB.",
    {
        "device": "cuda",
        "tune": "full",
        "gradient_checkpointing": True,
        "max_length": 1024,
        "auto_batch": True,
    },
    _sized(forward=8, step=64, prompts=32),
)
MULTI_GPU_LORA = Recipe(
    "multi-gpu-lora",
    "single-gpu-lora with a copy of the model on each GPU.",
    {**SINGLE_GPU_LORA.every, "device": "auto", "accelerate": "auto"},
    _sized(forward=4, step=8, prompts=32),
)
MULTI_GPU_FSDP = Recipe(
    "multi-gpu-fsdp",
    "All weights of a model too large for one GPU (FSDP2).",
    {**SINGLE_GPU_FULL.every, "device": "auto", "accelerate": "fsdp2", "max_length": 2048},
    {
        **(_SPLIT := _sized(forward=4, step=16, prompts=32)),
        # PPO's weights write and learn at once: each GPU holds them, frozen under an adapter.
        "ppo": {**_SPLIT["ppo"], "tune": "lora", "accelerate": "ddp"},
    },
)
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        TINY_CPU,
        SINGLE_GPU_LORA,
        SINGLE_GPU_QLORA,
        SINGLE_GPU_FULL,
        MULTI_GPU_LORA,
        MULTI_GPU_FSDP,
    )
}
"""Batch sizes are those of one process: eight GPUs take eight times as many rows a step."""


def recipe_options(name: str, kind: str) -> dict[str, Any]:
    """The options that a recipe sets for a kind of run; none for the empty name.

    Raises:
        UsageError: there is no such recipe (names the nearest one), or none for this kind.
    """
    if not name:
        return {}
    if name not in RECIPES:
        hint = nearest(name, RECIPES)
        raise UsageError(
            f"There is no recipe {name!r}.", hint=f"{hint} See: rlhf-tui train --list-recipes"
        )
    if kind not in TRAINERS:
        raise UsageError(f"Recipes are for training; {kind} takes none.")
    return RECIPES[name].options(kind)
