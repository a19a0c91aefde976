"""What else than its step a point of a run can stand at: time, tokens or samples.

A clock maps steps to one of these and back. It never runs backwards: where its numbers do, as after
a clock was put back or a resume from a checkpoint, the largest so far stands for them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Literal

XAxis = Literal["step", "time", "tokens", "samples"]
X_AXES: tuple[XAxis, ...] = ("step", "time", "tokens", "samples")
TOKENS = "num_tokens"
"""Tokens trained on so far, by the name under which TRL's trainers log them."""
SAMPLES = "num_samples"
"""Rows, or prompts and their responses, trained on so far."""
UNITS: dict[XAxis, str] = {"step": "step", "time": "s", "tokens": "tokens", "samples": "samples"}


class Clock:
    """A growing, never falling function of the step, linear between the points that are known."""

    def __init__(self) -> None:
        self.steps = array("d")
        self.values = array("d")

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: float, value: float) -> None:
        """Take a point; a step that comes again takes the place of itself and all later ones."""
        if self.steps and step <= self.steps[-1]:
            length = bisect_left(self.steps, step)
            del self.steps[length:], self.values[length:]
        if self.values:
            value = max(value, self.values[-1])
        self.steps.append(step)
        self.values.append(value)

    def clear(self) -> None:
        """Forget all points."""
        del self.steps[:], self.values[:]

    def at(self, step: float) -> float:
        """The value at a step; at the ends that of the first or last point; 0 without any."""
        return _between(self.steps, self.values, step, bisect_left(self.steps, step))

    def step_at(self, value: float) -> float:
        """The step at which a value is reached; the last such step on a plateau."""
        return _between(self.values, self.steps, value, bisect_right(self.values, value))


def _between(xs: array[float], ys: array[float], x: float, place: int) -> float:
    if not xs:
        return 0.0
    if place == 0:
        return ys[0]
    if place == len(xs):
        return ys[-1]
    left, right = xs[place - 1], xs[place]
    share = (x - left) / (right - left) if right > left else 1.0
    return ys[place - 1] + share * (ys[place] - ys[place - 1])
