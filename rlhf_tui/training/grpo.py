"""GRPO by TRL's GRPOTrainer (Shao 2024), on our prompts, rewards and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import GRPOOptions
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext


def run(context: RunContext) -> None:
    """Train a policy by comparing each response with its group's mean, in units of its spread.

    Raises:
        NothingToDo, UsageError, InputError: as `training.online.run`.
    """
    options = context.options(GRPOOptions)
    prepare(options)
    from trl import GRPOConfig

    from rlhf_tui.training import online
    from rlhf_tui.training.group_trainer import GRPO

    online.run(context, options, GRPO, GRPOConfig, trl_options(options))


def trl_options(options: GRPOOptions) -> dict[str, Any]:
    """What of our options are fields of GRPOConfig alone."""
    return {
        "loss_type": options.loss_type,
        "scale_rewards": options.scale_rewards,
        "importance_sampling_level": options.importance_sampling,
        "epsilon_high": options.epsilon_high or None,
        "mask_truncated_completions": options.mask_truncated,
    }
