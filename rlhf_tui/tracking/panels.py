"""Which charts a run of each kind gets, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Panel:
    """One chart: metrics that belong on the same axes."""

    title: str
    unit: str
    metrics: tuple[str, ...]
    """Drawn in this order, those that the run has; the first one is the line."""


_TRAINING = (
    Panel("grad_norm", "L2, before clipping", ("grad_norm",)),
    Panel("learning_rate", "", ("learning_rate", "lr")),
)
_SFT = (
    Panel("loss", "nats a token", ("loss", "eval_loss")),
    Panel(
        "mean_token_accuracy",
        "share",
        ("mean_token_accuracy", "eval_mean_token_accuracy"),
    ),
    *_TRAINING,
    Panel("entropy", "nats a token", ("entropy", "eval_entropy")),
    Panel("eval_perplexity", "tokens to choose among", ("eval_perplexity",)),
)
_RM = (
    Panel("loss", "nats a pair", ("loss", "eval_loss")),
    Panel("accuracy", "share of pairs", ("accuracy", "eval_accuracy")),
    Panel("margin", "chosen - rejected", ("margin", "eval_margin")),
    Panel("reward", "", ("mean_reward", "min_reward", "max_reward")),
    Panel(
        "learning curve",
        "accuracy, by training pairs",
        ("curve/accuracy", "curve/low", "curve/high"),
    ),
    *_TRAINING,
)
_PPO = (
    Panel(
        "objective/scores",
        "reward-model score",
        ("objective/scores", "eval/reward", "eval/endpoint_reward"),
    ),
    Panel("objective/kl", "nats a response", ("objective/kl", "eval/kl")),
    Panel("loss/policy_avg", "", ("loss/policy_avg",)),
    Panel("loss/value_avg", "", ("loss/value_avg",)),
    Panel("policy/entropy_avg", "nats a token", ("policy/entropy_avg",)),
    Panel("policy/clipfrac_avg", "share of tokens", ("policy/clipfrac_avg",)),
    Panel("response_length", "tokens", ("response_length", "eval/response_length")),
    Panel("objective/rlhf_reward", "score - KL penalty", ("objective/rlhf_reward",)),
    Panel("lr", "", ("lr", "learning_rate")),
)
_IMPLICIT = (
    Panel(
        "implicit rewards",
        "beta x nats",
        ("rewards/chosen", "rewards/rejected", "eval_rewards/chosen", "eval_rewards/rejected"),
    ),
    Panel(
        "logps",
        "nats a completion",
        ("logps/chosen", "logps/rejected", "eval_logps/chosen", "eval_logps/rejected"),
    ),
)
_LOGITS = Panel(
    "logits",
    "mean over the vocabulary",
    ("logits/chosen", "logits/rejected", "eval_logits/chosen", "eval_logits/rejected"),
)
_DPO = (
    Panel("loss", "", ("loss", "eval_loss")),
    Panel(
        "rewards/accuracies", "share of pairs", ("rewards/accuracies", "eval_rewards/accuracies")
    ),
    Panel("rewards/margins", "beta x nats", ("rewards/margins", "eval_rewards/margins")),
    *_IMPLICIT,
    Panel("entropy", "nats a token", ("entropy", "eval_entropy")),
    *_TRAINING,
    _LOGITS,
)
_KTO = (
    Panel("loss", "", ("loss", "eval_loss")),
    Panel("rewards/margins", "beta x nats, up - down", ("rewards/margins", "eval_rewards/margins")),
    _IMPLICIT[0],
    Panel("kl", "nats a completion", ("kl", "eval_kl")),
    _IMPLICIT[1],
    *_TRAINING,
    _LOGITS,
)
_GROUP = (
    Panel("reward", "reward units", ("reward", "eval/reward", "eval/endpoint_reward")),
    Panel("kl", "nats a token, mean", ("kl",)),
    Panel("reward_std", "within a prompt", ("reward_std",)),
    Panel("length", "tokens", ("completions/mean_length", "eval/response_length")),
    # A sum over a response: not on the axes of the training's mean over tokens.
    Panel("eval/kl", "nats a response", ("eval/kl",)),
    Panel("entropy", "nats a token", ("entropy",)),
    Panel("frac_reward_zero_std", "share that teaches nothing", ("frac_reward_zero_std",)),
    Panel("completions/clipped_ratio", "share without EOS", ("completions/clipped_ratio",)),
    Panel(
        "clip_ratio",
        "share of tokens",
        ("clip_ratio/region_mean", "clip_ratio/high_mean", "clip_ratio/low_mean"),
    ),
    Panel("loss", "", ("loss",)),
    *_TRAINING,
    Panel("shortest and longest", "tokens", ("completions/max_length", "completions/min_length")),
    Panel(
        "length of those with EOS",
        "tokens",
        (
            "completions/mean_terminated_length",
            "completions/max_terminated_length",
            "completions/min_terminated_length",
        ),
    ),
)
_EVALUATE = (
    Panel("accuracy", "share", ("eval_accuracy", "human_accuracy", "human_agreement")),
    Panel("calibration error", "ECE", ("eval_ece",)),
    Panel("margin", "", ("eval_margin",)),
    Panel("loss", "", ("eval_loss", "eval_log_loss")),
)
_GENERATE = (
    Panel("response_length", "tokens", ("response_length",)),
    Panel("eos_share", "share that ended", ("eos_share",)),
    Panel("tokens_per_second", "", ("tokens_per_second",)),
)
_SCORE = (
    Panel("reward", "reward-model score", ("reward/mean", "reward/std")),
    Panel("kl", "nats a response", ("kl/mean", "kl/std")),
)
PANELS: dict[str, tuple[Panel, ...]] = {
    "sft": _SFT,
    "rm": _RM,
    "ppo": _PPO,
    "dpo": _DPO,
    "kto": _KTO,
    "rloo": _GROUP,
    "grpo": _GROUP,
    "evaluate": _EVALUATE,
    "generate": _GENERATE,
    "score": _SCORE,
}
NOT_METRICS = frozenset({"step", "time", "epoch", "total_steps", "total"})
"""Numbers of a metrics line that say where it stands, not how the run goes."""


def panels_for(kind: str, names: Iterable[str]) -> list[Panel]:
    """The charts for the metrics that a run has: its kind's first, then one for any other.

    An evaluation's metric (`eval_x`, `eval/x`) joins the chart of x.
    """
    present = set(names) - NOT_METRICS
    wanted = PANELS.get(kind, ())
    if not present:
        return list(wanted[:4])
    panels = []
    taken: set[str] = set()
    for panel in wanted:
        metrics = tuple(name for name in panel.metrics if name in present - taken)
        if metrics:
            taken.update(metrics)
            panels.append(Panel(panel.title, panel.unit, metrics))
    for name in sorted(present - taken, key=lambda name: (name.startswith("eval"), name)):
        if name in taken:
            continue
        pair = [other for other in (f"eval_{name}", f"eval/{name}") if other in present - taken]
        panels.append(Panel(name, "", (name, *pair)))
        taken.update((name, *pair))
    return panels
