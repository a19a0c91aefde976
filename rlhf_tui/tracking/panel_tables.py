"""The charts of each kind of run: the tables that `panels` reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A horizontal line to compare curves with: a metric's newest value, or an argument's."""

    label: str
    metric: str = ""
    """Its newest value is the line; the metric gets no curve."""
    argument: str = ""
    """The run's argument of this name is the line."""
    when: str = ""
    """Only where this argument is set."""


@dataclass(frozen=True)
class Panel:
    """One chart: metrics that belong on the same axes."""

    title: str
    unit: str
    metrics: tuple[str, ...]
    """Drawn in this order, those that the run has; the first one is the line."""
    lines: tuple[Line, ...] = ()
    x: str = ""
    """What its points stand over where that is not the run's step; then it has that axis alone."""


HUMAN = (
    Line("human agreement", metric="human_agreement"),
    Line("human accuracy", metric="human_accuracy"),
)
"""How far people agree with each other, and how often one of them is right: logged once."""
PHASES = tuple(
    f"time/{phase}"
    for phase in ("rollout", "reward", "score", "measure", "update", "train", "evaluate")
)
_GRADIENT = "L2, before clipping"
_TRAINING = (
    Panel("grad_norm", _GRADIENT, ("grad_norm",)),
    Panel("learning_rate", "a step", ("learning_rate", "lr")),
)
_PACE = (
    Panel("time per phase", "s a step", PHASES),
    Panel("tokens_per_second", "tokens a second", ("tokens_per_second",)),
)
_TOKEN_ACCURACY = Panel(
    "mean_token_accuracy",
    "share of tokens",
    ("mean_token_accuracy", "eval_mean_token_accuracy", "eval_token_accuracy"),
)
_ENTROPY = Panel("entropy", "nats a token", ("entropy", "eval_entropy"))
_SFT = (
    Panel("loss", "nats a token", ("loss", "eval_loss")),
    _TOKEN_ACCURACY,
    *_TRAINING,
    _ENTROPY,
    Panel("eval_perplexity", "tokens to choose among", ("eval_perplexity",)),
)
_RM = (
    Panel("loss", "nats a pair", ("loss", "eval_loss", "eval_log_loss")),
    Panel("accuracy", "share of pairs", ("accuracy", "eval_accuracy"), HUMAN),
    Panel("margin", "chosen - rejected", ("margin", "eval_margin")),
    Panel("reward spread", "reward units", ("mean_reward", "min_reward", "max_reward")),
    Panel(
        "learning curve",
        "accuracy, by training pairs",
        ("curve/accuracy", "curve/low", "curve/high"),
        x="pairs",
    ),
    *_TRAINING,
    Panel("eval_mean_reward", "reward units", ("eval_mean_reward",)),
    Panel("eval_ece", "calibration error, share", ("eval_ece",)),
)
_PPO = (
    Panel(
        "objective/scores",
        "reward units",
        ("objective/scores", "eval/reward", "eval/endpoint_reward"),
    ),
    Panel(
        "objective/kl",
        "nats a response",
        ("objective/kl", "eval/kl"),
        (Line("target", argument="target_kl", when="adaptive_kl"),),
    ),
    Panel("loss/policy_avg", "advantage", ("loss/policy_avg",)),
    Panel("loss/value_avg", "reward units squared", ("loss/value_avg",)),
    Panel("policy/clipfrac_avg", "token share", ("policy/clipfrac_avg", "val/clipfrac_avg")),
    Panel("policy/entropy_avg", "nats a token", ("policy/entropy_avg",)),
    Panel("response_length", "tokens", ("response_length", "eval/response_length")),
    Panel("val/explained_variance", "share", ("val/explained_variance",)),
    Panel("time per phase", "s a rollout", PHASES),
    Panel("objective/rlhf_reward", "score - KL penalty", ("objective/rlhf_reward",)),
    Panel("objective/kl_coef", "reward units a nat", ("objective/kl_coef", "beta")),
    Panel(
        "policy/approxkl_avg",
        "nats a token",
        ("policy/approxkl_avg",),
        (Line("stops at", argument="stop_kl", when="stop_kl"),),
    ),
    Panel("lr", "a step", ("lr", "learning_rate")),
    Panel("grad_norm", _GRADIENT, ("grad_norm", "critic_grad_norm")),
    Panel("tokens_per_second", "tokens a second", ("tokens_per_second",)),
    Panel("objective/entropy", "nats a response", ("objective/entropy",)),
    Panel("objective/non_score_reward", "reward units", ("objective/non_score_reward",)),
    Panel("val/ratio", "new to old probability", ("val/ratio",)),
    Panel("eval/eos_share", "share that ended", ("eval/eos_share",)),
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
    Panel("loss", "nats a pair", ("loss", "eval_loss", "eval_log_loss")),
    Panel(
        "rewards/accuracies",
        "share of pairs",
        ("rewards/accuracies", "eval_rewards/accuracies"),
        HUMAN,
    ),
    Panel("rewards/margins", "beta x nats", ("rewards/margins", "eval_rewards/margins")),
    *_IMPLICIT,
    _ENTROPY,
    *_TRAINING,
    _TOKEN_ACCURACY,
    _LOGITS,
)
_KTO = (
    Panel("loss", "KTO's, 0 to 1", ("loss", "eval_loss")),
    Panel("rewards/margins", "beta x nats, up - down", ("rewards/margins", "eval_rewards/margins")),
    _IMPLICIT[0],
    Panel("kl", "nats a completion", ("kl", "eval_kl")),
    _IMPLICIT[1],
    Panel("sign accuracy", "share of thumbs", ("eval_sign_accuracy",), HUMAN),
    Panel("eval_rewards/auc", "share, 0.5 is chance", ("eval_rewards/auc", "eval_auc")),
    _ENTROPY,
    *_TRAINING,
    _LOGITS,
)
_GROUP = (
    Panel("reward", "reward units", ("reward", "eval/reward", "eval/endpoint_reward")),
    Panel("kl", "nats a token, mean", ("kl",)),
    Panel("reward_std", "reward units", ("reward_std",)),
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
    Panel("loss", "around 0, of no scale", ("loss",)),
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
    *_PACE,
    Panel("step_time", "s an optimizer step", ("step_time",)),
    Panel("eval/eos_share", "share that ended", ("eval/eos_share",)),
)
_EVALUATE = (
    Panel("accuracy", "share", ("eval_accuracy",), HUMAN),
    Panel("calibration error", "ECE, share", ("eval_ece",)),
    Panel("margin", "chosen - rejected", ("eval_margin",)),
    Panel("loss", "nats", ("eval_loss", "eval_log_loss")),
)
_GENERATE = (
    Panel("response_length", "tokens", ("response_length",)),
    Panel("eos_share", "share that ended", ("eos_share",)),
    Panel("tokens_per_second", "tokens a second", ("tokens_per_second",)),
    Panel("completions_per_second", "completions a second", ("completions_per_second",)),
    Panel("requests", "so far", ("requests_retried", "requests_failed")),
)
_SCORE = (
    Panel("reward", "reward units", ("reward/mean", "reward/std")),
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
