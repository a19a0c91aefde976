"""A growing series of points (step, value): its dot columns, its usual stride, its moving average.

How its minimum and maximum over any range are found is in `pyramid`.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import lt, sub
from threading import Lock
from typing import NamedTuple

from rlhf_tui.tracking.average import Average
from rlhf_tui.tracking.pyramid import Pyramid

STRETCH = 64
MOST_LOOKED = 512
"""Neighbours that are looked at, this many in a row, to tell the usual distance of all."""
PLOTS = 2
"""Plots whose columns are remembered: a chart asks for two kinds on a logarithmic axis."""

_LOADING = Lock()


def is_rising(steps: array[float]) -> bool:
    """Whether each step is above the one before it."""
    return all(map(lt, steps, steps[1:]))


class Column(NamedTuple):
    """The points behind one pixel column."""

    x: int
    start: int
    stop: int
    """Index range of the points."""
    low: float
    high: float


@dataclass
class Kept:
    """A series as it was kept elsewhere: its facts, and where its points come from when asked."""

    count: int
    last: float
    load: Callable[[], tuple[array[float], Pyramid]]
    """The steps, and the values."""


class Series:
    """Points (step, value) in the order of their steps.

    A step that comes again, as after a resume from a checkpoint, takes the place of itself and
    of all later ones.
    """

    def __init__(self, name: str, kept: Kept | None = None) -> None:
        """
        Args:
            kept: what it begins with; its points are loaded when they are first looked at.
        """
        self.name = name
        self.last = kept.last if kept else math.nan
        """The newest value as it came: may be infinite or NaN."""
        self.kept = kept
        """Where the points are still to come from; None once they are here."""
        self._loaded: tuple[array[float], Pyramid] | None = None
        self._stride = (0, 0.0)
        """How many points there were when the usual distance was looked for, and that distance."""
        self._average = Average(0.0)
        self.cuts = 0
        """How often points were taken away: what was drawn of them no longer holds."""
        self._columns: dict[tuple[float, float, int], list[Column]] = {}
        """Columns as they were asked for last, by the plot; all but the newest stay as they are."""

    @cached_property
    def steps(self) -> array[float]:
        return self._points[0]

    @cached_property
    def values(self) -> Pyramid:
        return self._points[1]

    @property
    def _points(self) -> tuple[array[float], Pyramid]:
        # Drawing and the thread that writes an index may both be the first to look.
        with _LOADING:
            if self._loaded is None:
                self._loaded = self.kept.load() if self.kept else (array("d"), Pyramid())
                self.kept = None
            return self._loaded

    def __len__(self) -> int:
        kept = self.kept
        return kept.count if kept else len(self.steps)

    def add(self, step: float, value: float) -> None:
        """Add a point; a step that is not after the last one cuts the series there first."""
        if self.steps and step <= self.steps[-1]:
            self._cut(bisect_left(self.steps, step))
        self.steps.append(step)
        self.values.append(value)
        self.last = value

    def extend(
        self, steps: array[float], values: array[float], *, rising: bool | None = None
    ) -> None:
        """`add` for each point of two arrays of the same length, at a tenth of the cost.

        Args:
            rising: whether each step is above the one before it, where the caller knows.
        """
        if not steps:
            return
        before = self.steps
        if rising is None:
            rising = is_rising(steps)
        if not rising or (before and steps[0] <= before[-1]):
            for step, value in zip(steps, values, strict=True):
                self.add(step, value)
            return
        before.extend(steps)
        self.values.extend(values)
        self.last = values[-1]

    def _cut(self, length: int) -> None:
        del self.steps[length:]
        self.values.truncate(length)
        self._average.truncate(length)
        self.cuts += 1
        self._columns.clear()

    def stride(self) -> float:
        """The most common distance between neighbouring steps; 0 with fewer than two points.

        Of a long series some stretches are looked at, and again once it has grown by a quarter.
        """
        looked, stride = self._stride
        count = len(self.steps)
        if count != looked and not MOST_LOOKED <= looked <= count < looked * 1.25:
            steps = self.steps
            every = max(STRETCH, count // (MOST_LOOKED // STRETCH))
            found: Counter[float] = Counter()
            for at in range(0, count, every):
                some = steps[at : at + STRETCH + 1]
                found.update(map(sub, some[1:], some))
            stride = found.most_common(1)[0][0] if found else 0.0
            self._stride = (count, stride)
        return stride

    def smooth(self, weight: float) -> Pyramid:
        """The exponential moving average at every point, started at the first value.

        Args:
            weight: of the past, in [0, 1); gaps are passed over and stay gaps.
        """
        if weight != self._average.weight:
            self._average = Average(weight)
        return self._average.of(self.values)

    def columns_at(self, edges: Sequence[float]) -> list[Column]:
        """The non-empty columns between neighbouring edges.

        Args:
            edges: steps that never fall; a point s with edges[x] <= s < edges[x + 1] stands in
                column x.
        """
        columns = []
        start = bisect_left(self.steps, edges[0]) if edges else 0
        for x in range(len(edges) - 1):
            stop = bisect_left(self.steps, edges[x + 1], start)
            if stop > start:
                columns.append(Column(x, start, stop, *self.values.extent(start, stop)))
            start = stop
        return columns

    def columns(self, first: float, last: float, count: int) -> list[Column]:
        """The non-empty pixel columns of a plot from step `first` to step `last`; to read only.

        A step s stands in column round((s - first) / (last - first) · (count - 1)). Where the same
        plot was asked for before, only what has come since is looked at.
        """
        width = (last - first) / max(1, count - 1)
        if width <= 0 or count < 2:
            stop = bisect_right(self.steps, last)
            start = bisect_left(self.steps, first)
            return (
                [Column(0, start, stop, *self.values.extent(start, stop))] if stop > start else []
            )
        plot = first, last, count
        known = self._columns.pop(plot, [])
        steps, values = self.steps, self.values
        start = known[-1].start if known else bisect_left(steps, first)
        end = bisect_right(steps, last, start)
        if not known or known[-1].stop != end:
            # The newest column may have got more points.
            known = known[:-1]
            while start < end:
                x = min(count - 1, math.floor((steps[start] - first) / width + 0.5))
                edge = first + (x + 0.5) * width
                # At least one point a round, whatever the rounding of `edge`.
                stop = min(end, max(start + 1, bisect_left(steps, edge, start)))
                known.append(Column(x, start, stop, *values.extent(start, stop)))
                start = stop
        self._columns[plot] = known
        if len(self._columns) > PLOTS:
            del self._columns[next(iter(self._columns))]
        return known
