"""The exponential moving average of a growing series: m = w·m + (1 - w)·v, from the first value on.

A series that is short, or has grown a little, is averaged point by point. A long one is taken in
blocks: within a block the average is a running sum of values scaled by powers of w, and only the
blocks' ends follow one another. A million points then take some 60 ms instead of 300.
"""

from __future__ import annotations

import math
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

from rlhf_tui.tracking.pyramid import BLOCK, GAP, Pyramid

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

LONG = 50_000
"""Points from which numpy, which takes 50 ms to import, is the quicker way for a page of charts."""
TOGETHER = 64
"""Values of a block: 0.5 to this power is still far from the smallest double."""


class Average:
    """The moving average of one series, brought up to date when it is asked for."""

    def __init__(self, weight: float) -> None:
        """
        Args:
            weight: of the past, in [0, 1).
        """
        self.weight = weight
        self._means = array("d")
        """At every point, at gaps that of the point before; NaN before the first value."""
        self._pyramid = Pyramid()

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` points."""
        del self._means[length:]
        self._pyramid.truncate(length)

    def of(self, values: Pyramid) -> Pyramid:
        """The average at every point of these values; gaps are passed over and stay gaps.

        Args:
            values: those of the time before, and what has come since.
        """
        means, pyramid, weight = self._means, self._pyramid, self.weight
        if not means and len(values) >= LONG and (found := _at_once(values, weight)):
            self._means, self._pyramid = found
            return self._pyramid
        mean = means[-1] if means else math.nan
        if values.gapless and len(means) < len(values):
            fresh = values.levels[0][0][len(means) :]
            first = mean if math.isfinite(mean) else fresh[0]
            rest = 1 - weight
            more = array("d", accumulate(fresh, lambda m, v: weight * m + rest * v, initial=first))
            means.extend(more[1:])
            pyramid.extend(more[1:])
            return pyramid
        for index in range(len(means), len(values)):
            value = values.value(index)
            if math.isfinite(value):
                mean = weight * mean + (1 - weight) * value if math.isfinite(mean) else value
            means.append(mean)
            pyramid.append(mean if math.isfinite(value) else math.nan)
        return pyramid


def _at_once(values: Pyramid, weight: float) -> tuple[array[float], Pyramid] | None:
    """The means at all points, and the pyramid of them; None where they leave what doubles hold."""
    import numpy as np

    # A copy: an array that is lent out cannot grow.
    raw = np.array(values.levels[0][0], dtype=np.float64)
    there = np.isfinite(raw)
    known = raw[there]
    if not len(known):
        return None
    with np.errstate(all="ignore"):
        found = _recurrence(known, weight)
    if not np.isfinite(found).all():
        return None
    if values.gapless:
        levels = _levels(found)
        return _array(found), Pyramid(*levels)
    place = np.cumsum(there) - 1
    means = np.where(place < 0, np.nan, found[np.maximum(place, 0)])
    low, _ = _levels(np.where(there, means, GAP[0]))
    _, high = _levels(np.where(there, means, GAP[1]))
    return _array(means), Pyramid(low, high)


def _recurrence(values: NDArray[float64], weight: float) -> NDArray[float64]:
    """The averages of values without a gap, started at the first one."""
    import numpy as np

    count = len(values)
    blocks = np.zeros(-(-count // TOGETHER) * TOGETHER)
    blocks[:count] = values
    powers = weight ** np.arange(TOGETHER, dtype=np.float64)
    within = np.cumsum(blocks.reshape(-1, TOGETHER) * ((1 - weight) / powers), axis=1)
    starts, mean, fade = [], float(values[0]), weight**TOGETHER
    for end in (within[:, -1] * powers[-1]).tolist():
        starts.append(mean)
        mean = fade * mean + end
    found: NDArray[float64] = (within + weight * np.array(starts)[:, None]) * powers
    return found.reshape(-1)[:count]


def _levels(values: NDArray[float64]) -> tuple[list[array[float]], list[array[float]]]:
    """Minima and maxima of blocks, of blocks of blocks, and so on, as a pyramid has them."""
    lows, highs, low, high = [_array(values)], [], values, values
    highs.append(lows[0])
    while blocks := len(low) // BLOCK:
        low = low[: blocks * BLOCK].reshape(blocks, BLOCK).min(axis=1)
        high = high[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
        lows.append(_array(low))
        highs.append(_array(high))
    return lows, highs


def _array(values: NDArray[float64]) -> array[float]:
    made = array("d")
    made.frombytes(values.tobytes())
    return made
