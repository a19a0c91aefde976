"""A growing series of numbers that knows its minimum and maximum over any range.

Chart drawing asks for the extent of the points behind each pixel column. Levels above the values
hold the extent of whole blocks, so that a question costs O(log n) however long the series is.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

BLOCK = 32
"""Values summed up in one entry of the next level: slices of this length are scanned in C."""

GAP = (math.inf, -math.inf)
"""Extent of a range without a finite value: lowest above highest."""


class Pyramid:
    """Minimum and maximum by ranges; values that are not finite are gaps."""

    def __init__(self) -> None:
        self._low = [array("d")]
        self._high = [array("d")]

    def __len__(self) -> int:
        return len(self._low[0])

    def append(self, value: float) -> None:
        """Add a value at the end, amortised O(1)."""
        low, high = (value, value) if math.isfinite(value) else GAP
        level = 0
        while True:
            if level == len(self._low):
                self._low.append(array("d"))
                self._high.append(array("d"))
            lows, highs = self._low[level], self._high[level]
            lows.append(low)
            highs.append(high)
            if len(lows) % BLOCK:
                return
            low, high = min(lows[-BLOCK:]), max(highs[-BLOCK:])
            level += 1

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` values."""
        for lows, highs in zip(self._low, self._high, strict=True):
            del lows[length:], highs[length:]
            length //= BLOCK

    def value(self, index: int) -> float:
        """The value at an index; NaN for a gap."""
        value = self._low[0][index]
        return value if math.isfinite(value) else math.nan

    def extent(self, start: int, stop: int) -> tuple[float, float]:
        """Lowest and highest finite value of [start, stop); `GAP` when there is none."""
        if stop - start == 1:
            return self._low[0][start], self._high[0][start]
        low, high = GAP
        level = 0
        while start < stop:
            lows, highs = self._low[level], self._high[level]
            if stop - start <= 2 * BLOCK or level + 1 == len(self._low):
                return min(low, min(lows[start:stop])), max(high, max(highs[start:stop]))
            first, last = -(-start // BLOCK) * BLOCK, stop // BLOCK * BLOCK
            for begin, end in ((start, first), (last, stop)):
                if begin < end:
                    low = min(low, min(lows[begin:end]))
                    high = max(high, max(highs[begin:end]))
            start, stop, level = first // BLOCK, last // BLOCK, level + 1
        return low, high


class Column(NamedTuple):
    """The points behind one pixel column."""

    x: int
    start: int
    stop: int
    """Index range of the points."""
    low: float
    high: float


class Series:
    """Points (step, value) in the order of their steps.

    A step that comes again, as after a resume from a checkpoint, takes the place of itself and
    of all later ones.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = array("d")
        self.values = Pyramid()
        self.last = math.nan
        """The newest value as it came: may be infinite or NaN."""
        self._strides: Counter[float] = Counter()
        self._smooth = array("d")
        self._smooth_pyramid = Pyramid()
        self._weight = 0.0

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: float, value: float) -> None:
        if self.steps and step <= self.steps[-1]:
            self._cut(bisect_left(self.steps, step))
        if self.steps:
            self._strides[step - self.steps[-1]] += 1
        self.steps.append(step)
        self.values.append(value)
        self.last = value

    def _cut(self, length: int) -> None:
        del self.steps[length:], self._smooth[length:]
        self.values.truncate(length)
        self._smooth_pyramid.truncate(length)
        # Old strides may stay counted: only the most common one is ever asked for.

    def stride(self) -> float:
        """The most common distance between neighbouring steps; 0 with fewer than two points."""
        return self._strides.most_common(1)[0][0] if self._strides else 0.0

    def smooth(self, weight: float) -> Pyramid:
        """The exponential moving average at every point, started at the first value.

        Args:
            weight: of the past, in [0, 1); gaps are passed over and stay gaps.
        """
        if weight != self._weight:
            self._weight, self._smooth, self._smooth_pyramid = weight, array("d"), Pyramid()
        past, pyramid = self._smooth, self._smooth_pyramid
        mean = past[-1] if past else math.nan
        for index in range(len(past), len(self.steps)):
            value = self.values.value(index)
            if math.isfinite(value):
                mean = weight * mean + (1 - weight) * value if math.isfinite(mean) else value
            past.append(mean)
            pyramid.append(mean if math.isfinite(value) else math.nan)
        return pyramid

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
        """The non-empty pixel columns of a plot from step `first` to step `last`.

        A step s stands in column round((s - first) / (last - first) · (count - 1)).
        """
        if last <= first or count < 2:
            stop = bisect_right(self.steps, last)
            start = bisect_left(self.steps, first)
            return (
                [Column(0, start, stop, *self.values.extent(start, stop))] if stop > start else []
            )
        width = (last - first) / (count - 1)
        columns = []
        start = bisect_left(self.steps, first)
        end = bisect_right(self.steps, last, start)
        while start < end:
            x = min(count - 1, math.floor((self.steps[start] - first) / width + 0.5))
            edge = first + (x + 0.5) * width
            # At least one point a round, whatever the rounding of `edge`.
            stop = min(end, max(start + 1, bisect_left(self.steps, edge, start)))
            columns.append(Column(x, start, stop, *self.values.extent(start, stop)))
            start = stop
        return columns
