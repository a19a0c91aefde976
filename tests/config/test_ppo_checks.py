"""What PPO cannot do is said before a run is made, with what to change."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_mini_batches": 7, "rollout_batch_size": 6}, "only 6 prompts"),
        ({"critic": "adapter"}, "tune = 'lora'"),
        ({"critic": "adapter", "tune": "last-layer"}, "tune = 'lora'"),
        ({"critic_init": "reward-model"}, "'separate'"),
        (
            {"critic": "separate", "critic_init": "reward-model", "rewards": ["m:f"]},
            "as reward_model",
        ),
        ({"critic_warmup": 5, "total_steps": 5}, "none of the 5 rollouts"),
        ({"accelerate": "fsdp2"}, "accelerate = 'ddp'"),
        ({"accelerate": "deepspeed-zero3"}, "accelerate = 'ddp'"),
    ],
)
def test_a_combination_is_refused_with_what_to_change(
    arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        check("ppo", msgspec.convert(arguments, PPOOptions))


@pytest.mark.parametrize(
    "arguments",
    [
        {"critic": "adapter", "tune": "lora", "critic_init": "reward-model"},
        {"critic": "separate", "critic_warmup": 3, "critic_learning_rate": 1e-3},
        {"critic": "separate", "rewards": ["m:f"]},
        {"accelerate": "ddp", "processes": 2},
    ],
)
def test_what_can_be_passes(arguments: dict[str, Any]) -> None:
    check("ppo", msgspec.convert(arguments, PPOOptions))
