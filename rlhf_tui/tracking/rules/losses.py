"""Rules about losses: no number at all, and one that rises on rows not learnt from."""

from __future__ import annotations

import math

from rlhf_tui.tracking.rules.finding import ANY, OFFLINE, Alarm, Rule
from rlhf_tui.tracking.rules.view import View
from rlhf_tui.tracking.rules.walking import alarm, episode, lowest_so_far, mean
from rlhf_tui.tracking.rules.words import at, figure
from rlhf_tui.tracking.rules.works import OUYANG, PRECHELT, Source
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
            Source(OUYANG, "section 3.5 and appendix C.2: SFT overfits after one epoch and still "
                   "gains in preference; more than one overfit a reward model"),
            Source(PRECHELT, "one rise may be chance: stop after several in a row (UP)"),
        ),
    ),
)  # fmt: skip
