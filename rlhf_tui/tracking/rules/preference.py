"""Rules about learning from comparisons: reward models and DPO."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf_tui.tracking.rules.finding import Alarm, Rule
from rlhf_tui.tracking.rules.view import View
from rlhf_tui.tracking.rules.walking import alarm, episode, mean
from rlhf_tui.tracking.rules.words import at, figure, share
from rlhf_tui.tracking.rules.works import OUYANG, PAL, PANG, RAZIN, Source

CHANCE = 0.55
CHANCE_BACK = 0.58
"""Accuracy. On a few hundred pairs chance alone reaches 0.55; reward models of human preference
reach 0.6 to 0.8."""
CHANCE_WINDOW = 20
CHANCE_POINTS = 30
"""Points of training before it counts: a reward model that learns is above 0.6 by then."""
CHANCE_SHARE = 0.2
"""… and this share of the steps."""

MARGIN = 0.1
MARGIN_BACK = 0.2
"""Reward of the chosen less that of the rejected: at 0.1 the model gives the better one 52%."""

FALL = 0.15
FALL_BACK = 0.1
"""Of the log-probability that the reference gave the chosen texts: lost while the margin grew."""


def _rolling_means(values: Sequence[float], width: int) -> list[float]:
    return [mean(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]


def _chance(view: View) -> Alarm | None:
    """By the held-out accuracy where there is one: labels without sense are learnt by heart."""
    training = view.points("accuracy", "rewards/accuracies")
    held = view.points("eval_accuracy", "eval_rewards/accuracies")
    begin = max(
        CHANCE_SHARE * view.total,
        training.steps[CHANCE_POINTS - 1] if len(training) >= CHANCE_POINTS else float("inf"),
    )
    for points, width, on, where in (
        (held, 1, 2, "held-out pairs"),
        (training, CHANCE_WINDOW, 5, f"the pairs of the last {CHANCE_WINDOW} points"),
    ):
        values = _rolling_means(points.means, width)
        hot = [
            step >= begin and value < CHANCE
            for step, value in zip(points.steps, values, strict=True)
        ]
        found = episode(
            hot, [v > CHANCE_BACK for v in values], on=on, off=on, badness=[-v for v in values]
        )
        told = alarm(
            points, found, "warning",
            lambda i, v=values, p=points, w=where: f"{share(v[i])} of {w} are "  # type: ignore[misc]
            f"ordered rightly at step {at(p.steps[i])}; a coin orders 50%.",
        )  # fmt: skip
        if told is not None:
            return told
    return None


def _no_margin(view: View) -> Alarm | None:
    training = view.points("margin")
    begin = max(
        CHANCE_SHARE * view.total,
        training.steps[CHANCE_POINTS - 1] if len(training) >= CHANCE_POINTS else float("inf"),
    )
    points = view.points("eval_margin", "margin")
    held = view.points("eval_margin") is points
    values = points.means if held else _rolling_means(points.means, CHANCE_WINDOW)
    hot = [s >= begin and v < MARGIN for s, v in zip(points.steps, values, strict=True)]
    found = episode(
        hot, [v > MARGIN_BACK for v in values], on=2, off=2, badness=[-v for v in values]
    )
    where = "held-out pairs" if held else f"the pairs of the last {CHANCE_WINDOW} points"
    return alarm(
        points, found, "warning",
        lambda i: f"The chosen of {where} score only {figure(values[i])} above the rejected at "
        f"step {at(points.steps[i])}.",
    )  # fmt: skip


def _displaced(view: View) -> Alarm | None:
    """By what the policy gives the chosen beside what the reference gave the very same texts."""
    rewards = view.points("rewards/chosen")
    logps, margins = view.points("logps/chosen"), view.points("rewards/margins")
    beta = view.number("beta", 0.0)
    if beta <= 0 or not rewards.steps == logps.steps == margins.steps:
        return None
    moved = [reward / beta for reward in rewards.means]
    before = [logp - nats for logp, nats in zip(logps.means, moved, strict=True)]
    now, start, grown = (_rolling_means(v, 10) for v in (moved, before, margins.means))
    lost = [-nats / -b if b < 0 else 0.0 for nats, b in zip(now, start, strict=True)]
    hot = [
        i + 1 >= CHANCE_WINDOW and x > FALL and m > 0
        for i, (x, m) in enumerate(zip(lost, grown, strict=True))
    ]
    found = episode(hot, [x < FALL_BACK for x in lost], on=5, off=5, badness=lost)
    return alarm(
        rewards, found, "warning",
        lambda i: f"The reference gave the chosen texts {figure(start[i])} nats, the policy gives "
        f"them {figure(start[i] + now[i])} about step {at(rewards.steps[i])}, {share(lost[i])} "
        f"less; the margin is {figure(grown[i])}.",
    )  # fmt: skip


RULES = (
    Rule(
        "accuracy-at-chance",
        "The accuracy is at chance",
        ("rm", "dpo"),
        f"After {CHANCE_POINTS} points and {CHANCE_SHARE:.0%} of the steps, fewer than "
        f"{CHANCE:.0%} of the held-out pairs are ordered rightly in two evaluations in a row, "
        f"or of the training pairs over {CHANCE_WINDOW} points; over above {CHANCE_BACK:.0%}.",
        "The model cannot tell the better text from the worse. A policy that is trained on such a "
        "reward model follows noise. The labels contradict each other, chosen and rejected are "
        "mixed up, there are too few of them, or the steps are too small.",
        (
            "look at the labels: rlhf-tui stats shows how far people agree; min_agreement and "
            "aggregate leave out what they do not agree on",
            "more labels: learning_curve = true shows whether they help",
            "a higher learning_rate, more epochs",
            "a larger or better starting model, such as the SFT run",
        ),
        _chance,
        (
            Source(
                OUYANG,
                "sections 3.4 and 4.1: reward models are right on 70% to 72% of "
                "comparisons, where people agree on 73%",
            ),
        ),
    ),
    Rule(
        "no-margin",
        "The reward model tells nothing apart",
        ("rm",),
        f"After {CHANCE_POINTS} points and {CHANCE_SHARE:.0%} of the steps the mean margin is "
        f"below {MARGIN:g}, of held-out pairs where they are measured; over above {MARGIN_BACK:g}.",
        "Chosen and rejected get nearly the same reward. What a policy gains by better texts is "
        "then less than the noise of its rollouts, and less than a nat of KL costs it.",
        (
            "a higher learning_rate, more epochs or more labels",
            "a smaller center_rewards or label_smoothing",
            "normalize_rewards = true in PPO, if the order is right and only the scale is small",
        ),
        _no_margin,
    ),
    Rule(
        "chosen-unlikely",
        "The chosen texts get unlikely",
        ("dpo",),
        f"The log-probability of the chosen texts (mean of 10 points, by rewards/chosen over beta) "
        f"is more than {FALL:.0%} below what the reference gave them, while the margin is above 0; "
        f"over below {FALL_BACK:.0%}.",
        "DPO only asks that the rejected fall faster than the chosen. When both fall, the "
        "probability goes to texts that nobody has judged, and the policy may write worse than "
        "before although margin and accuracy rise.",
        (
            "a lower learning_rate, fewer epochs",
            "a larger beta",
            "loss_type = ['sigmoid', 'sft'] with loss_weights = [1, 0.1]: some likelihood of the "
            "chosen stays in the loss",
            "SFT on the chosen texts before (include = ['best-ranked'])",
        ),
        _displaced,
        (
            Source(RAZIN, "chosen texts lose probability to others, even to their opposite"),
            Source(PAL, "why DPO's loss allows it, and a term against it"),
            Source(PANG, "DPO with the likelihood of the chosen in the loss"),
        ),
    ),
)
