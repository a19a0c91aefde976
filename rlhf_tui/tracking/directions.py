"""Which way a metric is better, where that is known, and where runs' values do not compare."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rlhf_tui.tracking.subjects import Subject, option

Direction = Literal["up", "down", ""]

_UP = re.compile(
    r"(^|[/_])accurac(y|ies)$|(^|[/_])explained_variance$|^objective/(scores|rlhf_reward|reward)$"
    r"|^(eval[/_])?reward$|^rewards/[^/]+/mean$|^eval/endpoint_reward$|win_rate$|(^|_)f1$"
    r"|_per_second$|precision$|recall$|(^|[/_])auc$"
)
_DOWN = re.compile(
    r"^(eval[/_])?loss$|^loss/value_avg$|perplexity$|(^|_)log_loss$|(^|_)ece$"
    r"|clipped_ratio$|frac_reward_zero_std$"
)
_REWARD = re.compile(
    r"^objective/(scores|rlhf_reward|reward)$|^(eval[/_])?reward$|^rewards/.+/mean$"
)
_LOSS = re.compile(r"(^|_)loss$|^loss/")
GROUPS = ("rloo", "grpo")


def direction(name: str) -> Direction:
    """Which way a metric is better; empty where neither is, or it hangs on other things.

    KL, entropy, lengths, margins and gradient norms are not better one way: more of them is good
    up to a point, or costs something else.
    """
    name = name.removeprefix("measured ")
    if _UP.search(name):
        return "up"
    return "down" if _DOWN.search(name) else ""


def comparable(name: str, subjects: Sequence[Subject]) -> str:
    """Why the values of a metric do not compare between these runs, as a sentence; empty: they do.

    Rewards are in the units of the model that gave them, and losses in those of what is learnt.
    """
    if _REWARD.search(name):
        judges = {_judge(subject) for subject in subjects}
        if len(judges) > 1:
            return "Rewards are given by different reward models: their values do not compare."
    if _LOSS.search(name):
        if len({subject.kind for subject in subjects}) > 1:
            return "Losses of different kinds of runs do not compare."
        if any(subject.kind in GROUPS for subject in subjects):
            return "The loss of RLOO and GRPO says nothing of how well a run goes."
        if len({str(option(subject, "loss_type")) for subject in subjects}) > 1:
            return "Losses of different loss types do not compare."
    if name.startswith("eval_"):
        rows = {
            subject.manifest.sha256.get("validation.parquet", "")
            for subject in subjects
            if subject.manifest is not None
        }
        if len(rows) > 1:
            return "The runs were validated on different rows."
    return ""


def _judge(subject: Subject) -> str:
    """What gives a run its rewards."""
    made = {role: run for role, run in subject.lineage.items() if role.startswith("reward")}
    named = (option(subject, "reward_model"), option(subject, "rewards"))
    return str(sorted(made.items())) if made else str(named)
