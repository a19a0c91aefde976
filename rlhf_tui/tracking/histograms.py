"""Histograms of a run: put into other bins, and what can be read off them.

Values are taken to lie evenly within their bin, so means and quantiles are estimates.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from rlhf_tui.runs.layout import DistributionRow

TAIL = 0.02
"""Share of the values at each end that does not widen an axis: one outlier in a hundred tokens
would press all others into one row."""
WIDEST = 1e290
"""Values beyond it have no bins: differences of two would not be finite."""
NARROWEST = 1e-290
"""Of an axis, which is cut into rows."""
STEPS_TAIL = 0.1
"""Share of the steps whose ends do not widen it: those of a short storm early on."""


class Histograms:
    """The histograms of one thing, step by step."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.unit = ""
        self._rows: dict[int, DistributionRow] = {}
        self._edges: tuple[float, ...] = ()
        self._shares: dict[int, list[float]] = {}
        """By step, for the edges that were asked for last."""

    def add(self, row: DistributionRow) -> None:
        """Take a histogram; a step that comes again takes the place of all later ones."""
        for step in [step for step in self._rows if step >= row.step]:
            del self._rows[step]
            self._shares.pop(step, None)
        self._rows[row.step] = row
        self.unit = row.unit

    @property
    def steps(self) -> list[int]:
        return list(self._rows)

    def at(self, step: int) -> DistributionRow | None:
        """The newest histogram not after a step."""
        steps = [one for one in self._rows if one <= step]
        return self._rows[steps[-1]] if steps else None

    def shares(self, step: int, edges: Sequence[float]) -> list[float]:
        """`shares` of the histogram of exactly this step; worked out once for the same edges."""
        if self._edges != tuple(edges):
            self._edges, self._shares = tuple(edges), {}
        if step not in self._shares:
            self._shares[step] = shares(self._rows[step], edges)
        return self._shares[step]

    def span(self) -> tuple[float, float]:
        """Where an axis begins and ends that shows all but the tails; never empty."""
        lows = sorted((quantile(row, TAIL) for row in self._rows.values()), reverse=True) or [0.0]
        highs = sorted(quantile(row, 1 - TAIL) for row in self._rows.values()) or [1.0]
        place = math.ceil(len(lows) * (1 - STEPS_TAIL)) - 1
        low, high = lows[place], highs[place]
        if high - low < NARROWEST:
            room = abs(low) / 2 or 0.5
            return low - room, high + room
        return low, high


def grouped(rows: Iterable[DistributionRow]) -> dict[str, Histograms]:
    """Histograms by what they count, in the order in which they came; broken ones are left out."""
    found: dict[str, Histograms] = {}
    for row in rows:
        edges = -WIDEST <= row.low <= row.high <= WIDEST
        if edges and row.counts and min(row.counts) >= 0 and sum(row.counts):
            found.setdefault(row.name, Histograms(row.name)).add(row)
    return found


def shares(row: DistributionRow, edges: Sequence[float]) -> list[float]:
    """Shares of the values between neighbouring edges.

    Args:
        edges: ascending; values below the first or above the last count in the outermost bins.
    """
    total = sum(row.counts)
    found = [0.0] * (len(edges) - 1)
    for low, high, count in _bins(row):
        if not count:
            continue
        first = max(0, bisect_right(edges, low) - 1)
        last = min(len(found) - 1, max(0, bisect_right(edges, high) - 1))
        for place in range(min(first, len(found) - 1), last + 1):
            left = edges[place] if place else -math.inf
            right = edges[place + 1] if place + 1 < len(found) else math.inf
            if high > low:
                part = max(0.0, min(high, right) - max(low, left)) / (high - low)
            else:
                part = float(left <= low < right)
            found[place] += part * count / total
    return found


def quantile(row: DistributionRow, share: float) -> float:
    """The value under which a share of the values lies."""
    left = share * sum(row.counts)
    for low, high, count in _bins(row):
        if count and left <= count:
            return low + (high - low) * left / count
        left -= count
    return row.high


def mean(row: DistributionRow) -> float:
    """The mean of the values."""
    return sum((low + high) / 2 * count for low, high, count in _bins(row)) / sum(row.counts)


def _bins(row: DistributionRow) -> Iterable[tuple[float, float, int]]:
    # Not by a width that is added up: the last bin ends at `high` exactly.
    count, span = len(row.counts), row.high - row.low
    for place, number in enumerate(row.counts):
        yield row.low + span * place / count, row.low + span * (place + 1) / count, number
