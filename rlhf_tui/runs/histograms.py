"""Values as a histogram of few bins, a line of distributions.jsonl."""

from __future__ import annotations

import math
from typing import Any

from rlhf_tui.runs.layout import DistributionRow

BINS = 30
"""Enough to see two humps, and few enough for the width of a chart in a terminal."""


def histogram(step: int, name: str, values: Any, unit: str = "") -> DistributionRow | None:
    """How values lie between the smallest and the largest of them; None without any.

    Whole numbers get bins of a whole width, so that each bin holds equally many of them: else
    lengths would look like a comb.

    Args:
        values: numbers, a list, or an array of NumPy's or torch's, of any shape and on any device;
            what is not finite is left out.
    """
    import numpy

    if hasattr(values, "detach"):
        values = values.detach().double().cpu().numpy()
    numbers = numpy.asarray(values, dtype=numpy.float64).ravel()
    numbers = numbers[numpy.isfinite(numbers)]
    if not numbers.size:
        return None
    low, high = float(numbers.min()), float(numbers.max())
    bins = BINS
    if low == high:
        return DistributionRow(step, name, low, high, [int(numbers.size)], unit)
    if not math.isfinite(high - low):
        # Farther apart than a float can say: nothing that could be drawn.
        return None
    if abs(low) < 2**53 > abs(high) and bool((numbers == numpy.rint(numbers)).all()):
        several = high - low + 1
        width = math.ceil(several / BINS)
        bins = math.ceil(several / width)
        high = low + bins * width
    counts, _ = numpy.histogram(numbers, bins, (low, high))
    return DistributionRow(step, name, low, high, counts.tolist(), unit)
