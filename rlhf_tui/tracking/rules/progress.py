"""The rule about runs that learn nothing."""

from __future__ import annotations

import math

from rlhf_tui.tracking.rules.finding import ONLINE, TRAINERS, Alarm, Rule
from rlhf_tui.tracking.rules.view import Points, View
from rlhf_tui.tracking.rules.walking import Episode, episode, level
from rlhf_tui.tracking.rules.words import at, figure
from rlhf_tui.tracking.rules.works import SCHULMAN_LORA, Source

STILL_POINTS = 60
STILL_ROLLOUTS = 40
"""Points, or rollouts of some dozens of responses each, before a run may be called still. The level
of the first third of them is where it began; a trimmed mean, as a broken batch says nothing."""
STILL_SHARE = 0.25
"""… and this share of its steps."""
STILL_SIGMAS = 2.0
"""The level of the newest points differs from that of the first by less than so many standard
errors. Noise alone stays below in 95% of the looks."""
MOVED_SIGMAS = 3.0
STILL_CHANGE = 0.02
"""Nor by this share of the loss: in a long run the smallest change is significant."""


def _standing(points: Points, least: int, total: int, floor: float) -> Episode | None:
    """A series that stands where it began, and has never surely moved.

    Args:
        least: points before that is said; the level of a third of them is the start.
        floor: a change that counts as none however sure it is, as a share of the first level.
    """
    if len(points) < least:
        return None
    width = least // 3
    start, noise = level(points.means[:width])
    hot = []
    for i, step in enumerate(points.steps):
        now, wobble = level(_newest(points, i, width))
        change, error = abs(now - start), math.hypot(noise, wobble)
        small = change <= floor * abs(start)
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
    start, _ = level(points.means[: least // 3])
    newest = _newest(points, len(points) - 1, least // 3)
    sentence = (
        f"The {what} was {figure(start)} over the first {least // 3} points and is "
        f"{figure(level(newest)[0])} over the last {len(newest)}: no more than noise, "
        f"after {at(points.steps[-1])} steps."
    )
    return Alarm("warning", points.steps[found.first], sentence)


RULES = (
    Rule(
        "no-progress",
        "Nothing has been learnt",
        TRAINERS,
        f"After {STILL_POINTS} points, or {STILL_ROLLOUTS} rollouts, and {STILL_SHARE:.0%} of the "
        "steps the training loss (of DPO and KTO the margin, too; of PPO, RLOO and GRPO the "
        "reward) has never differed from its start by more than noise: the trimmed means of the "
        f"newest fifth of the points and of the first are less than {STILL_SIGMAS:g} standard "
        f"errors apart or, of SFT's and reward models' losses, {STILL_CHANGE:.0%}.",
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
        (Source(SCHULMAN_LORA, "adapters want ten times the rate of full fine-tuning"),),
    ),
)
