"""A trainer's figures as a line of the run's log: `4/63: loss 1.41, grad_norm 0.674`.

The log is read by people; every figure, also those left out here, is in metrics.jsonl.
"""

from __future__ import annotations

from collections.abc import Mapping

SHOWN = (
    "loss",
    "accuracy",
    "margin",
    "mean_token_accuracy",
    "rewards/accuracies",
    "rewards/margins",
    "rewards/chosen",
    "rewards/rejected",
    "reward",
    "reward_std",
    "frac_reward_zero_std",
    "kl",
    "completions/mean_length",
    "completions/clipped_ratio",
    "entropy",
    "grad_norm",
    "learning_rate",
)
"""Figures of a step that are shown where a trainer has them, in this order."""
HELD_OUT = ("eval_", "eval/")
"""Beginnings of the names of figures on held-out rows, which are all shown."""
DURATION = "train_runtime"
"""Seconds; the trainer's last line has it."""


def line(step: int, total: int, figures: Mapping[str, float]) -> str:
    """What the log says of some figures; '' where it says nothing.

    Args:
        step: how far the run is, in its own steps, of `total`.
        figures: by the names under which they are logged.
    """
    if DURATION in figures:
        return f"Trained in {figures[DURATION]:,.0f} s."
    names = [name for name in SHOWN if name in figures]
    names += [name for name in figures if name.startswith(HELD_OUT)]
    told = ", ".join(f"{name} {figures[name]:.4g}" for name in names)
    return f"{step:,}/{total:,}: {told}" if told else ""
