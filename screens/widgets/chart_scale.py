"""Where values and steps stand on a chart: fits the axes to what is seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rlhf_tui.screens.widgets.chart_axes import Axis, grown_end, linear_axis, log_axis
from rlhf_tui.screens.widgets.chart_data import Curve, Level, Look
from rlhf_tui.tracking.metric_names import parts
from rlhf_tui.tracking.pyramid import Pyramid

GUTTER = 6
"""Cells for the y labels at least, so that charts in one column of a grid line up."""


@dataclass(frozen=True)
class Plot:
    """The plotted rectangle: where it stands on the sheet, and its two axes."""

    left: int
    top: int
    width: int
    height: int
    first: float
    last: float
    """What stands at its left and right edge."""
    y: Axis

    def row(self, value: float) -> int:
        """The dot row of a value, counted from the top."""
        return self.y.dots - 1 - self.y.dot(value)

    def column(self, x: float) -> int:
        """The dot column of a place on the x axis."""
        if self.last <= self.first:
            return 0
        return round((x - self.first) / (self.last - self.first) * (self.width * 2 - 1))

    def shows(self, value: float) -> bool:
        """Whether a value has a place on the y axis."""
        return math.isfinite(value) and (value > 0 or not self.y.log)


MANY = 100
"""Points of an evaluation that are worth smoothing."""


def smoothed(curve: Curve, together: Sequence[Curve]) -> bool:
    """Whether smoothing helps: not on evaluations, that are few and far between."""
    count = len(curve.series)
    if count < MANY and parts(curve.series.name)[1] in ("eval", "test"):
        return False
    return count > 2 and count * 3 >= max(len(one.series) for one in together)


def reach(curves: Sequence[Curve], look: Look) -> tuple[float, float]:
    """What the x axis shows: the window, or from the first point to the last one."""
    if look.window is not None:
        return look.window
    extents = [one.extent() for one in curves]
    first, last = min(e[0] for e in extents), max(e[1] for e in extents)
    if look.live:
        last = grown_end(last, look.total_steps if look.axis == "step" else 0.0)
    if first <= 0.1 * last:
        first = min(0.0, first)
    return first, last


def crossing(curve: Curve, values: Pyramid, index: int, x: float, *, log: bool) -> float:
    """The value where the line to a point from the one before passes x; NaN without a line."""
    if not curve.joined(index):
        return math.nan
    left, right = values.value(index - 1), values.value(index)
    if not (math.isfinite(left) and math.isfinite(right)) or (log and min(left, right) <= 0):
        return math.nan
    steps = curve.series.steps
    begin, end = curve.at(steps[index - 1]), curve.at(steps[index])
    share = (x - begin) / (end - begin) if end > begin else 1.0
    if log:
        return math.exp(math.log(left) * (1 - share) + math.log(right) * share)
    return left * (1 - share) + right * share


def edges(
    curve: Curve, values: Pyramid, first: float, last: float, *, log: bool
) -> tuple[float, float]:
    """Where lines from and to points outside enter and leave at both edges; NaN without."""
    start, stop = curve.before(first), curve.until(last)
    enters = crossing(curve, values, start, first, log=log)
    leaves = crossing(curve, values, stop, last, log=log)
    return enters, leaves


def extent(
    curves: Sequence[Curve], levels: Sequence[Level], first: float, last: float, look: Look
) -> tuple[float, float]:
    """Lowest and highest value that is to be seen; infinity above minus infinity without any."""
    found: list[float] = []
    for one in curves:
        start, stop = one.before(first), one.until(last)
        pyramids = [one.series.values]
        if look.smoothing and look.window is not None and smoothed(one, curves):
            # Seen as a whole, a mean is never outside of what it is of.
            pyramids.append(one.series.smooth(look.smoothing))
        for values in pyramids:
            if stop > start:
                found.extend(values.extent(start, stop))
            if look.window is not None:
                found.extend(edges(one, values, first, last, log=look.log))
    found = [value for value in found if math.isfinite(value)]
    if found:
        found += [level.value for level in levels if level.value > 0 or not look.log]
    return min(found, default=math.inf), max(found, default=-math.inf)


def logarithmic(curves: Sequence[Curve], look: Look) -> bool:
    """Whether the y axis is logarithmic: asked for, and something above 0 is to be seen."""
    if not look.log or not curves:
        return False
    first, last = reach(curves, look)
    return extent(curves, (), first, last, look)[1] > 0


def fit(
    size: tuple[int, int],
    top: int,
    curves: Sequence[Curve],
    levels: Sequence[Level],
    look: Look,
) -> Plot | None:
    """The plot of these curves; None when there is no finite value to be seen.

    Args:
        size: width and height of the whole chart, in cells.
        top: rows above the plot; below it is the row of x labels.
    """
    width, height = size
    first, last = reach(curves, look)
    log = logarithmic(curves, look)
    if look.log and not log:
        look = replace(look, log=False)
    low, high = extent(curves, levels, first, last, look)
    if low > high:
        return None
    rows = height - top - 1
    ticks = max(2, rows // 2 + 1, min(4, rows - 1))
    if log:
        axis = log_axis(_lowest_positive(curves, low, high, first, last, width), high, rows * 4,
                        ticks)  # fmt: skip
    else:
        axis = linear_axis(low, high, rows * 4, ticks)
    longest = max(len(label) + 1 for _, label in axis.ticks)
    gutter = max(GUTTER, min(longest, width // 2))
    return Plot(gutter + 1, top, max(1, width - gutter - 1), rows, first, last, axis)


def _lowest_positive(
    curves: Sequence[Curve], low: float, high: float, first: float, last: float, width: int
) -> float:
    """Where a logarithmic axis begins: the lowest positive value that the columns show."""
    if low > 0:
        return low
    lows = [
        column.low
        for one in curves
        for column in one.columns(first, last, width * 2)
        if 0 < column.low <= column.high
    ]
    return min(lows, default=high / 1000)
