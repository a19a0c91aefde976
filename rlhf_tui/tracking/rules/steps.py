"""Rules about single steps: gradients that spike, and a learning rate of 0."""

from __future__ import annotations

from rlhf_tui.tracking.rules.finding import TRAINERS, Alarm, Rule
from rlhf_tui.tracking.rules.view import View
from rlhf_tui.tracking.rules.walking import alarm, episode, rolling
from rlhf_tui.tracking.rules.words import at, figure, share
from rlhf_tui.tracking.rules.works import CHOWDHERY, Source

SPIKE = 10.0
"""Times the median of the gradient norms before it."""
SPIKE_WINDOW = 50
SPIKES = 3
"""Spikes among `SPIKE_WINDOW` points: a single hard batch is no reason to change anything."""

ZERO_STEPS = 5
LATE = 0.97
"""Beyond this share of the steps a schedule that falls to 0 may well stand there."""


def _spikes(view: View) -> Alarm | None:
    points = view.points("grad_norm", "train/grad_norm")
    if len(points) < 20:
        return None
    tops = points.highs
    levels = rolling(points.means, 20)
    spikes = [False] * 10 + [tops[i] > SPIKE * levels[i - 1] > 0 for i in range(10, len(tops))]
    counts = [sum(spikes[max(0, i + 1 - SPIKE_WINDOW) : i + 1]) for i in range(len(spikes))]
    hot = [count >= SPIKES for count in counts]
    cold = [count == 0 for count in counts]
    found = episode(hot, cold, on=1, off=1, badness=[float(c) for c in counts])

    def sentence(i: int) -> str:
        window = range(max(0, i + 1 - SPIKE_WINDOW), i + 1)
        top = max(window, key=lambda j: tops[j])
        return (
            f"{counts[i]} of the last {len(window)} gradient norms were above {SPIKE:g} times "
            f"their median ({figure(levels[i])}); the highest, {figure(tops[top])}, at step "
            f"{at(points.steps[top])}."
        )

    return alarm(points, found, "warning", sentence)


def _no_rate(view: View) -> Alarm | None:
    points = view.points("learning_rate", "lr", "train/learning_rate")
    if not points or not view.total:
        return None
    late = LATE * view.total
    hot = [high <= 0 and s < late for s, high in zip(points.steps, points.highs, strict=True)]
    found = episode(hot, [high > 0 for high in points.highs], on=ZERO_STEPS, off=1)
    warmup = view.number("warmup_share", 0.0)
    said = f" (warmup_share is {share(warmup)})" if warmup else ""
    return alarm(
        points, found, "warning",
        lambda i: f"The learning rate is 0 at step {at(points.steps[i])} of {view.total:,}{said}.",
    )  # fmt: skip


RULES = (
    Rule(
        "gradient-spikes",
        "The gradient spikes",
        (*TRAINERS, "log"),
        f"{SPIKES} of the last {SPIKE_WINDOW} gradient norms are above {SPIKE:g} times the median "
        "of the 20 before them; over once none of the last is.",
        "Some batches pull far harder than the rest: broken or very long rows, or a rate at which "
        "training is about to diverge. Clipping hides it and makes these steps arbitrary.",
        (
            "a lower learning_rate, or a warm-up (warmup_share = 0.03)",
            "a larger batch: batch_size, gradient_accumulation or rollout_batch_size",
            "look at the rows of that step; for PPO reward_clip or normalize_rewards",
        ),
        _spikes,
        (Source(CHOWDHERY, "section 5.1: spikes come from a batch and a state of the weights "
                "together"),),
    ),
    Rule(
        "rate-zero",
        "The learning rate is 0",
        (*TRAINERS, "log"),
        f"The learning rate is 0 in {ZERO_STEPS} points in a row, before the last "
        f"{1 - LATE:.0%} of the steps.",
        "Nothing is learnt in these steps: the warm-up has not begun to rise; the schedule has "
        "come to its end before the run has, as one does that was made for other batches or more "
        "processes; or, with fp16, every step is left out because its gradients overflow.",
        (
            "a smaller warmup_share",
            "in a program of your own, a schedule for as many steps as the run makes",
            "precision = 'bf16' or 'fp32' instead of 'fp16'",
        ),
        _no_rate,
    ),
)  # fmt: skip
