"""What else than its step a point of a run can stand at: time, tokens or samples.

A clock maps steps to one of these and back. It never runs backwards: where its numbers do, as after
a resume from a checkpoint, the largest so far stands for them.

Time is the wall clock's since the first line, pauses between a stop and a resume included: a run's
files hold when it was started last, but not when it was stopped each time before.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import le, lt, sub
from typing import Literal

XAxis = Literal["step", "time", "tokens", "samples"]
X_AXES: tuple[XAxis, ...] = ("step", "time", "tokens", "samples")
TOKENS = "num_tokens"
"""Tokens trained on so far, by the name under which TRL's trainers log them."""
SAMPLES = "num_samples"
"""Rows, or prompts and their responses, trained on so far."""


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

    def extend(self, steps: array[float], values: array[float]) -> None:
        """`add` for each point of two arrays of the same length, at a tenth of the cost."""
        if not steps:
            return
        fits = not self.steps or (steps[0] > self.steps[-1] and values[0] >= self.values[-1])
        if fits and all(map(lt, steps, steps[1:])) and all(map(le, values, values[1:])):
            self.steps.extend(steps)
            self.values.extend(values)
            return
        for step, value in zip(steps, values, strict=True):
            self.add(step, value)

    def clear(self) -> None:
        """Forget all points."""
        del self.steps[:], self.values[:]

    def at(self, step: float) -> float:
        """The value at a step; at the ends that of the first or last point; 0 without any."""
        return _between(self.steps, self.values, step, bisect_left(self.steps, step))

    def step_at(self, value: float) -> float:
        """The step at which a value is reached; the last such step on a plateau."""
        return _between(self.values, self.steps, value, bisect_right(self.values, value))


LEAP_S = 60.0
LEAP = 20.0
"""A line that comes so many seconds, and so many usual distances, after the last one may tell of a
clock that was set forward, rather than of an evaluation."""


class TimeClock(Clock):
    """Seconds since the first line, by a wall clock that may be set while the run goes on.

    Where it is set back, the next line counts as one usual distance after the last; if it had been
    set forward about as far before, that leap is taken out again. A leap forward alone cannot be
    told from a pause, and stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self.origin = math.nan
        """The moment, in seconds since 1970 by the newest line's clock, that counts as 0."""
        self.before = math.nan
        """The newest line's moment."""
        self.usual = 0.0
        """Seconds between two lines, the newest counting most."""
        self._leap = (0, 0.0)
        """Index of the first point after the longest leap forward, and its seconds."""

    @property
    def state(self) -> list[float]:
        """What it knows beside its points, for a clock that goes on where this one is."""
        return [self.origin, self.before, self.usual, *self._leap]

    def go_on(self, state: Sequence[float]) -> None:
        """
        Raises:
            ValueError: that is no state.
        """
        self.origin, self.before, self.usual, place, leap = state
        self._leap = (int(place), leap)

    def tell(self, steps: array[float], moments: array[float]) -> None:
        """Take lines: their steps, and when they were written in seconds since 1970."""
        if not steps:
            return
        if math.isnan(self.origin):
            self.origin = self.before = moments[0]
        distances = array("d", map(sub, moments, [self.before, *moments[:-1]]))
        if min(distances) >= 0 and max(distances) <= max(LEAP_S, LEAP * self.usual):
            self.usual += (sum(distances) / len(distances) - self.usual) * _share(len(distances))
            self.before = moments[-1]
            self.extend(steps, array("d", [moment - self.origin for moment in moments]))
            return
        for step, moment in zip(steps, moments, strict=True):
            self._one(step, moment)

    def _one(self, step: float, moment: float) -> None:
        distance = moment - self.before
        if distance < 0:
            self._set_back(moment, -distance)
        elif distance > max(LEAP_S, LEAP * self.usual):
            place = bisect_left(self.steps, step)
            if distance > self._leap[1] or self._leap[0] > place:
                self._leap = (place, distance)
        else:
            self.usual += (distance - self.usual) * _share(1)
        self.before = moment
        self.add(step, moment - self.origin)

    def _set_back(self, moment: float, by: float) -> None:
        place, leap = self._leap
        if leap and by >= leap / 2 and place < len(self.values):
            for index in range(place, len(self.values)):
                floor = self.values[index - 1] if index else 0.0
                self.values[index] = max(floor, self.values[index] - leap + self.usual)
            if moment - self.origin >= self.values[-1]:
                self._leap = (0, 0.0)
                return
        self._leap = (0, 0.0)
        last = self.values[-1] if self.values else 0.0
        self.origin = moment - last - self.usual

    def clear(self) -> None:
        super().clear()
        self.origin = self.before = math.nan
        self.usual, self._leap = 0.0, (0, 0.0)


def _share(count: int) -> float:
    """What the mean of so many new distances counts beside the older ones."""
    return 1 - 0.9**count


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
