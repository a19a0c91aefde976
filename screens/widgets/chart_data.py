"""What a chart is asked to draw: curves over a shared x axis, lines to compare with, and a look."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.series import Column, Series

STYLES = 6
"""Colours and marks there are; curves beyond them share both, and differ by name alone."""
MARKS = "━◆▲■●○"
ASCII_MARKS = "-x+#o*"
HOLE = 3.0
"""Points further apart than so many usual steps are not joined: the line would be invention."""


@dataclass(frozen=True)
class Look:
    """How charts are drawn."""

    log: bool = False
    smoothing: float = 0.0
    """Weight of the past in the moving average, which goes by point, whatever the distance of their
    steps, and passes over gaps; 0 draws none."""
    ascii_only: bool = False
    total_steps: float = 0.0
    """Where the step axis may end for a live run; 0: unknown."""
    live: bool = False
    axis: XAxis = "step"
    window: tuple[float, float] | None = None
    """The stretch of the x axis that is seen; None: all of it."""
    cross: float | None = None
    """Where the crosshair stands on the x axis; None: there is none."""
    full: bool = False
    """One chart has all the room: its legend tells more."""


@dataclass(frozen=True)
class Curve:
    """A series in a chart."""

    series: Series
    label: str = ""
    """In the legend."""
    style: int = 0
    """Which colour and mark, from 0 on."""
    clock: Clock | None = None
    """Where its steps stand on the x axis; None: at themselves."""
    more: str = ""
    """What else tells it apart, where there is room."""
    named: bool = False
    """The legend names it even where it stands alone."""

    def at(self, step: float) -> float:
        """Where a step stands on the x axis."""
        return step if self.clock is None else self.clock.at(step)

    def extent(self) -> tuple[float, float]:
        """First and last point on the x axis; the series has one."""
        return self.at(self.series.steps[0]), self.at(self.series.steps[-1])

    def before(self, x: float) -> int:
        """How many points stand before x."""
        # By key, since going from x to a step and back would round.
        key = None if self.clock is None else self.clock.at
        return bisect_left(self.series.steps, x, key=key)

    def until(self, x: float) -> int:
        """How many points stand at x or before it."""
        key = None if self.clock is None else self.clock.at
        return bisect_right(self.series.steps, x, key=key)

    def columns(self, first: float, last: float, count: int) -> list[Column]:
        """The points from `first` to `last` by dot columns.

        One at x stands in column round((x - first) / (last - first) · (count - 1)).
        """
        if self.clock is None:
            return self.series.columns(first, last, count)
        start, stop = self.before(first), self.until(last)
        if start >= stop:
            return []
        if last <= first or count < 2:
            return [Column(0, start, stop, *self.series.values.extent(start, stop))]
        clock, steps = self.clock, self.series.steps
        low, high = steps[start], math.nextafter(steps[stop - 1], math.inf)
        ends = clock.at(-math.inf), clock.at(math.inf)
        width = (last - first) / (count - 1)
        edges = [low]
        for column in range(count - 1):
            x = first + (column + 0.5) * width
            # Steps before the clock's first one stand at it, and those after its last one there.
            edge = low if x <= ends[0] else high if x > ends[1] else clock.step_at(x)
            edges.append(min(high, max(low, edge)))
        edges.append(high)
        return self.series.columns_at(edges)

    def joined(self, index: int) -> bool:
        """Whether a point is joined with the one before: not over a hole."""
        if not 0 < index < len(self.series):
            return False
        steps = self.series.steps
        return steps[index] - steps[index - 1] <= HOLE * self.series.stride()

    def value_at(self, x: float) -> float:
        """The value of the newest point not after x; NaN without one, or in a hole."""
        index = self.until(x) - 1
        if index < 0:
            return math.nan
        here = self.at(self.series.steps[index])
        far = here < x and not self.joined(index + 1)
        if far and not self._near(index, x):
            return math.nan
        return self.series.values.value(index)

    def _near(self, index: int, x: float) -> bool:
        """Whether x is no further behind a point than the next one should be."""
        steps = self.series.steps
        step = x if self.clock is None else self.clock.step_at(x)
        return step - steps[index] <= HOLE * self.series.stride()


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with."""

    label: str
    value: float


@dataclass(frozen=True)
class Drawing:
    """One chart."""

    title: str
    unit: str = ""
    curves: tuple[Curve, ...] = ()
    """The first one is drawn on top."""
    levels: tuple[Level, ...] = ()
    span: tuple[float, ...] = ()
    """Values that the y axis holds whatever the curves do: 0 and 100 of a percentage."""
    x: str = ""
    """The name of an x axis of its own, which no other chart shares."""

    def own(self, look: Look) -> Look:
        """The look as far as it concerns this chart."""
        if not self.x:
            return look
        return Look(
            log=look.log,
            smoothing=look.smoothing,
            ascii_only=look.ascii_only,
            full=look.full,
        )
