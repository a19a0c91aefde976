"""Rules about losses, gradients and learning rates, for every kind of training."""

from __future__ import annotations

import math

from rlhf_tui.tracking.rules.finding import ANY, OFFLINE, ONLINE, TRAINERS, Alarm, Rule
from rlhf_tui.tracking.rules.view import Points, View
from rlhf_tui.tracking.rules.walking import (
    Episode,
    alarm,
    episode,
    lowest_so_far,
    mean,
    rolling,
    spread,
)
from rlhf_tui.tracking.rules.words import at, figure, share
from rlhf_tui.tracking.series import Series

LOSSES = (
    "loss", "loss/policy_avg", "loss/value_avg", "policy_loss", "train/loss", "grad_norm",
    "eval_loss", "eval/loss",
)  # fmt: skip
MOST_BACK = 5000
"""Values looked back over for where a loss stopped being a number."""
DIVERGED = "no finite number"
"""What our own trainers say when they end a run for it (errors.TrainingDiverged)."""

EVALUATIONS = 2
"""Evaluations in a row above the lowest before it counts: one may be chance."""
RISE = 0.03
"""… and so much above it, as a share: an evaluation on a few dozen rows moves by 1-2%."""
FALLEN = 0.01
"""Back within this share of the lowest, it is over."""

STILL_POINTS = 60
STILL_ROLLOUTS = 40
"""Points, or rollouts of some dozens of responses each, before a run may be called still. The mean
of the first third of them is where it began."""
STILL_SHARE = 0.25
"""… and this share of its steps."""
STILL_SIGMAS = 2.0
"""The mean of the newest points differs from that of the first by less than so many standard
errors. Noise alone stays below in 95% of the looks."""
MOVED_SIGMAS = 3.0
STILL_CHANGE = 0.02
"""Nor by this share of the loss: in a long run the smallest change is significant."""

SPIKE = 10.0
"""Times the median of the gradient norms before it."""
SPIKE_WINDOW = 50
SPIKES = 3
"""Spikes among `SPIKE_WINDOW` points: a single hard batch is no reason to change anything."""

ZERO_STEPS = 5
LATE = 0.97
"""Beyond this share of the steps a schedule that falls to 0 may well stand there."""


def _first_nan(series: Series) -> int | None:
    """The index at which the values that are no numbers begin, up to the newest; None if it is."""
    if not len(series) or math.isfinite(series.last):
        return None
    index = len(series) - 1
    while index > max(0, len(series) - MOST_BACK) and math.isnan(series.values.value(index - 1)):
        index -= 1
    return index


def _nan(view: View) -> Alarm | None:
    found = []
    for name in LOSSES:
        series = view.series.get(name)
        index = _first_nan(series) if series is not None else None
        if series is not None and index is not None:
            found.append((series.steps[index], name, len(series) - index))
    if found:
        step, name, count = min(found)
        times = "once" if count == 1 else f"{count:,} times up to now"
        return Alarm("critical", step, f"{name} is no finite number at step {at(step)}, {times}.")
    if view.state.state == "failed" and DIVERGED in view.state.message:
        step = max(view.last_step, float(view.state.step))
        last = "" if not step else f" after step {at(step)}"
        return Alarm("critical", step, f"The run ended itself{last}: no finite number came out.")
    return None


def _validation(view: View) -> Alarm | None:
    points = view.points("eval_loss", "eval/loss")
    if len(points) < EVALUATIONS + 1:
        return None
    values = points.means
    lows = lowest_so_far(values)
    rises = [value - low for value, low in zip(values, lows, strict=True)]
    hot = [rise > RISE * abs(low) for rise, low in zip(rises, lows, strict=True)]
    cold = [rise < FALLEN * abs(low) for rise, low in zip(rises, lows, strict=True)]
    found = episode(hot, cold, on=EVALUATIONS, off=1, badness=rises)
    training = view.points("loss", "train/loss")

    def sentence(i: int) -> str:
        best = values.index(lows[i])
        beside = ""
        seen = [
            m for s, m in zip(training.steps, training.means, strict=True) if s <= points.steps[i]
        ]
        if seen:
            beside = f"; the training loss is at {figure(mean(seen[-5:]))}"
        return (
            f"The validation loss was lowest at step {at(points.steps[best])} "
            f"({figure(lows[i])}) and is {figure(values[i])} at step {at(points.steps[i])}{beside}."
        )

    bad = found is not None and rises[found.worst] > 0.25 * abs(lows[found.worst])
    return alarm(points, found, "critical" if bad else "warning", sentence)


def _standing(points: Points, least: int, total: int, floor: float) -> Episode | None:
    """A series that stands where it began, and has never surely moved.

    Args:
        least: points before that is said; the mean of a third of them is the start.
        floor: a change that counts as none however sure it is, as a share of the first level.
    """
    if len(points) < least:
        return None
    width = least // 3
    first = points.means[:width]
    level, noise = mean(first), spread(first) / math.sqrt(width)
    hot = []
    for i, step in enumerate(points.steps):
        newest = _newest(points, i, width)
        change = abs(mean(newest) - level)
        error = math.hypot(noise, spread(newest) / math.sqrt(len(newest)))
        small = change <= floor * abs(level)
        begun = i + 1 >= least
        if begun and not small and change > MOVED_SIGMAS * error:
            return None
        late = total <= 0 or step >= STILL_SHARE * total
        hot.append(begun and late and (small or change < STILL_SIGMAS * error))
    return episode(hot, [False] * len(hot), on=5, off=5)


def _newest(points: Points, i: int, width: int) -> list[float]:
    """The newest fifth of the points up to one, for the more of them the smaller is the noise."""
    width = max(width, (i + 1) // 5)
    return points.means[max(0, i + 1 - width) : i + 1]


def _still(view: View) -> Alarm | None:
    least, floor = STILL_POINTS, 0.0
    if view.kind in ONLINE:
        names: tuple[tuple[str, ...], ...] = (("objective/scores", "reward"),)
        what, least = "reward", STILL_ROLLOUTS
    elif view.kind in ("dpo", "kto"):
        # Their losses hardly move while they learn: the margins must stand still, too.
        names, what = (("loss",), ("rewards/margins",)), "margin"
    else:
        names, what, floor = (("loss",),), "training loss", STILL_CHANGE
    points, found = Points(), None
    for given in names:
        points = view.points(*given)
        found = _standing(points, least, view.total, floor)
        if found is None:
            break
    if found is None:
        return None
    newest = _newest(points, len(points) - 1, least // 3)
    sentence = (
        f"The {what} was {figure(mean(points.means[: least // 3]))} over the first {least // 3} "
        f"points and is {figure(mean(newest))} over the last {len(newest)}: no more than noise, "
        f"after {at(points.steps[-1])} steps."
    )
    return Alarm("warning", points.steps[found.first], sentence)


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
        "loss-nan",
        "A loss is no number",
        ANY,
        "A loss or a gradient norm is NaN or infinite at the newest step, or the run ended itself "
        "because of one.",
        "The numbers overflowed: the step was too large, the precision too low, or a row is "
        "broken. Nothing after the first such value can be trusted; weights that took it in stay "
        "broken.",
        (
            "a lower learning_rate, and a warm-up (warmup_share = 0.03)",
            "a smaller max_grad_norm (0.5)",
            "precision = 'bf16' or 'fp32' instead of 'fp16'",
            "go on from a checkpoint before that step (resume), with save_steps set",
        ),
        _nan,
    ),
    Rule(
        "validation-rising",
        "The validation loss rises",
        (*OFFLINE, "log"),
        f"eval_loss stands more than {RISE:.0%} above its lowest value in {EVALUATIONS} "
        f"evaluations in a row; over once it is within {FALLEN:.0%} of it. Critical from 25% on.",
        "The model learns its training rows by heart: from the lowest point on it gets worse on "
        "rows that it has not seen. Reward models and DPO do so within one or two passes. For SFT "
        "a loss that rises a little while the answers still improve is known, and no reason to "
        "worry by itself.",
        (
            "fewer epochs: one or two for SFT, one for a reward model or DPO with many rows",
            "a lower learning_rate",
            "more rows: more labels, or aggregate = 'all' instead of the majority",
            "weight_decay, lora_dropout, or tune = 'lora' with a smaller lora_rank",
            "keep the model of the lowest point: save_steps and eval_steps small",
        ),
        _validation,
        (
            "Ouyang et al. 2022 (InstructGPT): SFT overfits after one epoch, and goes on to gain "
            "in preference; reward models after one",
            "Prechelt 1998, 'Early Stopping – But When?': patience of evaluations",
        ),
    ),
    Rule(
        "no-progress",
        "Nothing has been learnt",
        TRAINERS,
        f"After {STILL_POINTS} points, or {STILL_ROLLOUTS} rollouts, and {STILL_SHARE:.0%} of the "
        "steps the training loss (of DPO and KTO the margin, too; of PPO, RLOO and GRPO the "
        "reward) has never differed from its start by more than noise: the means of the newest "
        f"fifth of the points and of the first are less than {STILL_SIGMAS:g} standard errors "
        f"apart or, of SFT's and reward models' losses, {STILL_CHANGE:.0%}.",
        "The steps are too small to matter, or there is nothing to learn: the model knows these "
        "rows already, or the rewards have nothing to do with what it writes.",
        (
            "a higher learning_rate (0 lets the model's size decide; adapters want ten times that "
            "of full fine-tuning)",
            "look at warmup_share: the rate may not have risen yet",
            "for PPO, RLOO and GRPO: a smaller kl_coef or beta, and a reward that differs between "
            "responses",
            "the rows themselves: run evaluate on the model that training started from",
        ),
        _still,
        ("Schulman 2025, 'LoRA Without Regret': the rate of adapters",),
    ),
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
        ("Chowdhery et al. 2022 (PaLM), section 5.1: spikes come from batch and state together",),
    ),
    Rule(
        "rate-zero",
        "The learning rate is 0",
        (*TRAINERS, "log"),
        f"The learning rate is 0 in {ZERO_STEPS} points in a row, before the last "
        f"{1 - LATE:.0%} of the steps.",
        "Nothing is learnt in these steps: the warm-up has not begun to rise, or the schedule has "
        "come to its end before the run has.",
        (
            "a smaller warmup_share",
            "after a resume with more steps: schedule = 'constant_with_warmup'",
        ),
        _no_rate,
    ),
)  # fmt: skip
