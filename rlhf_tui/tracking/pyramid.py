"""Minimum and maximum of any range of a growing row of numbers, however long it is.

Chart drawing asks for the extent of the points behind each pixel column. Levels above the values
hold the extent of whole blocks, so that a question costs O(log n).
"""

from __future__ import annotations

import math
from array import array

BLOCK = 32
"""Values summed up in one entry of the next level: slices of this length are scanned in C."""

GAP = (math.inf, -math.inf)
"""Extent of a range without a finite value: lowest above highest."""


class Pyramid:
    """Minimum and maximum by ranges; values that are not finite are gaps.

    Until the first gap the lowest level's minima and maxima are one array.
    """

    def __init__(
        self, low: list[array[float]] | None = None, high: list[array[float]] | None = None
    ) -> None:
        """
        Args:
            low, high: the levels of a pyramid made earlier, lowest first; taken over, not copied.
        """
        values: array[float] = array("d")
        self._low = low or [values]
        self._high = high or [values]

    def __len__(self) -> int:
        return len(self._low[0])

    @property
    def levels(self) -> tuple[list[array[float]], list[array[float]]]:
        """Minima and maxima by level, as `Pyramid` takes them; to read, not to change."""
        return self._low, self._high

    @property
    def gapless(self) -> bool:
        """Whether all values so far were finite."""
        return self._high[0] is self._low[0]

    def append(self, value: float) -> None:
        """Add a value at the end, amortised O(1)."""
        lows = self._low[0]
        if math.isfinite(value):
            lows.append(value)
            if self._high[0] is not lows:
                self._high[0].append(value)
        else:
            self._own_high()
            lows.append(GAP[0])
            self._high[0].append(GAP[1])
        if not len(lows) % BLOCK:
            self._sum_up()

    def extend(self, values: array[float]) -> None:
        """Add values at the end."""
        lows = self._low[0]
        # The sum is the faster question; it may overflow without a gap.
        if math.isfinite(sum(values)) or all(map(math.isfinite, values)):
            lows.extend(values)
            if self._high[0] is not lows:
                self._high[0].extend(values)
        else:
            self._own_high()
            low, high = GAP
            lows.extend([value if math.isfinite(value) else low for value in values])
            self._high[0].extend([value if math.isfinite(value) else high for value in values])
        self._sum_up()

    def _own_high(self) -> None:
        if self._high[0] is self._low[0]:
            self._high[0] = array("d", self._low[0])

    def _sum_up(self) -> None:
        """Bring the levels above up to date with those that have grown."""
        level = 0
        while (blocks := len(self._low[level]) // BLOCK) > 0:
            if level + 1 == len(self._low):
                self._low.append(array("d"))
                self._high.append(array("d"))
            lows, highs = self._low[level], self._high[level]
            begin, end = len(self._low[level + 1]) * BLOCK, blocks * BLOCK
            # Sorting a short list is faster than asking for its minimum, then its maximum.
            some = lows[begin:end].tolist()
            ordered = [sorted(some[at : at + BLOCK]) for at in range(0, len(some), BLOCK)]
            self._low[level + 1].extend([block[0] for block in ordered])
            if highs is not lows:
                some = highs[begin:end].tolist()
                ordered = [sorted(some[at : at + BLOCK]) for at in range(0, len(some), BLOCK)]
            self._high[level + 1].extend([block[-1] for block in ordered])
            level += 1

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` values."""
        for lows, highs in zip(self._low, self._high, strict=True):
            del lows[length:]
            if highs is not lows:
                del highs[length:]
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
