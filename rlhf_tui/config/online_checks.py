"""Options of PPO, RLOO and GRPO that exclude each other, told before anything heavy is imported."""

from __future__ import annotations

from rlhf_tui.config.group_sizes import check_sizes
from rlhf_tui.config.online_options import (
    GroupOptions,
    GRPOOptions,
    OnlineOptions,
    RLOOOptions,
)
from rlhf_tui.config.reward_sources import entries
from rlhf_tui.errors import UsageError

NO_KL = "β is 0: nothing keeps the policy near where it starts, and the reward can be gamed freely."
CLIPPED = ("grpo", "dr_grpo", "dapo", "bnpo", "luspo")
"""Losses of GRPO that clip the ratio to [1 - ε, 1 + ε_high]."""


def check_online(options: OnlineOptions) -> None:
    """Refuse options of rollouts and rewards that cannot hold together.

    Raises:
        UsageError: names the options and says what to change.
    """
    entries(options)
    if options.response_length >= options.max_length:
        raise UsageError(
            f"response_length ({options.response_length}) leaves no room for a prompt within "
            f"max_length ({options.max_length}) tokens."
        )
    if options.eval_endpoint_model and not options.eval_endpoint:
        raise UsageError(
            "eval_endpoint_model names a model of a server that is not given.",
            hint="Give its URL as eval_endpoint.",
        )
    if options.lora_dropout:
        raise UsageError(
            "lora_dropout must be 0 here: PPO, RLOO and GRPO compare the policy's probabilities "
            "before and after a step, which dropout would change by chance."
        )
    if isinstance(options, GroupOptions):
        check_sizes(options)
    if isinstance(options, GRPOOptions):
        _check_loss(options)


def notes_on(options: OnlineOptions) -> list[str]:
    """What a person should know of options that can be, but are seldom meant."""
    found = []
    if isinstance(options, RLOOOptions | GRPOOptions) and not options.beta:
        found.append(NO_KL)
    by_length = ("dapo", "bnpo", "dr_grpo", "cispo")
    if (
        isinstance(options, GRPOOptions)
        and options.importance_sampling == "sequence"
        and options.loss_type in by_length
    ):
        found.append(
            f"With importance_sampling = 'sequence', loss_type = {options.loss_type!r} counts a "
            "response by its length; GSPO's own setting is loss_type = 'grpo'."
        )
    return found


def _check_loss(options: GRPOOptions) -> None:
    loss, high = options.loss_type, options.epsilon_high
    if loss == "cispo" and high < 1:
        raise UsageError(
            "loss_type = 'cispo' cuts the ratio itself off at epsilon_high, which must be above 1.",
            hint="Its paper has epsilon_high = 5.",
        )
    if loss not in CLIPPED and loss != "cispo" and high:
        raise UsageError(
            f"loss_type = {loss!r} does not clip the ratio, so epsilon_high does nothing.",
            hint="Leave epsilon_high at 0.",
        )
    if loss not in CLIPPED and options.epsilon != GRPOOptions().epsilon:
        raise UsageError(
            f"loss_type = {loss!r} has no lower clip, so epsilon does nothing.",
            hint="Leave epsilon out.",
        )
    if loss == "luspo" and options.importance_sampling != "sequence":
        raise UsageError(
            "loss_type = 'luspo' is made for the ratios of whole responses.",
            hint="Use importance_sampling = 'sequence'.",
        )
    if loss == "vespo" and options.importance_sampling == "sequence":
        raise UsageError(
            "loss_type = 'vespo' weighs whole responses by itself.",
            hint="Leave importance_sampling = 'token'.",
        )
