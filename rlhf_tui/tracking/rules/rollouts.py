"""The series that rules about a policy share: reward, KL and length, whatever they are called."""

from __future__ import annotations

from bisect import bisect_right

from rlhf_tui.tracking.rules.view import Points, View
from rlhf_tui.tracking.rules.walking import before, middle, spread

START = 3
"""Points whose median is where a run began."""
RISEN_SIGMAS = 2.0
"""The reward is up when its newest values stand so many of their standard deviations higher."""


def reward_points(view: View) -> Points:
    """What the policy is paid, before any penalty for the KL."""
    return view.points("objective/scores", "reward")


class Gains:
    """Whether the reward is up, at any step."""

    def __init__(self, points: Points) -> None:
        self._steps = points.steps
        self.start = before(points.means, START)
        self._now: list[float | None] = []
        for i in range(len(points)):
            newest = points.means[max(0, i - 4) : i + 1]
            now = middle(newest)
            up = i + 1 >= 2 * START and now > self.start + RISEN_SIGMAS * spread(newest)
            self._now.append(now if up else None)

    def at(self, step: float) -> float | None:
        """The reward about a step, when it is up by then; else None."""
        place = bisect_right(self._steps, step)
        return self._now[place - 1] if place else None


def kl_points(view: View) -> Points:
    """The summed KL of a response to the reference, nats."""
    points = view.points("objective/kl")
    if points or view.kind == "ppo":
        return points
    tokens, lengths = view.points("kl"), view.points("completions/mean_length")
    if tokens and tokens.steps == lengths.steps:
        found = [k * n for k, n in zip(tokens.means, lengths.means, strict=True)]
        return Points(tokens.steps, found, found, found)
    return view.points("eval/kl")


def length_points(view: View) -> Points:
    """Mean tokens of a response."""
    return view.points("response_length", "completions/mean_length", "eval/response_length")
