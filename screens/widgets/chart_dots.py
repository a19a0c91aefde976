"""The dots of a chart's curves, kept from one drawing to the next.

Of a curve that grows only the newest dot column changes, and a key that moves the crosshair or
smooths changes no raw dot at all: what is finished is drawn once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rlhf_tui.screens.widgets.canvas import Canvas
from rlhf_tui.screens.widgets.chart_data import Curve
from rlhf_tui.screens.widgets.chart_lines import envelope, mean_line
from rlhf_tui.screens.widgets.chart_scale import Plot
from rlhf_tui.tracking.pyramid import Pyramid
from rlhf_tui.tracking.series import Column, Series


class Stroke(Protocol):
    """Draws columns, going on from the one before them."""

    def __call__(
        self,
        canvas: Canvas,
        plot: Plot,
        curve: Curve,
        values: Pyramid,
        columns: Sequence[Column],
        before: Column | None = None,
    ) -> None: ...


@dataclass
class _Finished:
    """The columns of a curve that will not change any more, drawn."""

    series: Series
    of: object
    """What else their dots depend on."""
    canvas: Canvas
    columns: list[Column] = field(default_factory=list)


class Dots:
    """What one chart has drawn of its curves, by their place in it."""

    def __init__(self) -> None:
        self._raw: dict[int, _Finished] = {}
        self._smooth: dict[int, _Finished] = {}

    def raw(self, index: int, plot: Plot, curve: Curve, columns: list[Column]) -> Canvas:
        """The envelope of a curve's raw points; the caller's to draw on."""
        return _drawn(self._raw, index, envelope, plot, curve, curve.series.values, columns, 0.0)

    def smooth(
        self, index: int, plot: Plot, curve: Curve, columns: list[Column], weight: float
    ) -> Canvas:
        """The line of a curve's moving average; the caller's to draw on."""
        means = curve.series.smooth(weight)
        return _drawn(self._smooth, index, mean_line, plot, curve, means, columns, weight)

    def forget(self, count: int) -> None:
        """Let go of all curves but the first `count`, and of the points that they stand for."""
        for kept in (self._raw, self._smooth):
            for index in [index for index in kept if index >= count]:
                del kept[index]


def _drawn(
    kept: dict[int, _Finished],
    index: int,
    stroke: Stroke,
    plot: Plot,
    curve: Curve,
    values: Pyramid,
    columns: list[Column],
    weight: float,
) -> Canvas:
    series, y = curve.series, plot.y
    of = (
        *(plot.width, plot.height, y.low, y.high, y.log, weight),
        # A point that came again may have another value in the same column, and another distance
        # between points joins other columns.
        *(series.cuts, series.stride()),
    )
    found = kept.get(index)
    if (
        found is None
        or found.series is not series
        or found.of != of
        or found.columns != columns[: len(found.columns)]
    ):
        found = kept[index] = _Finished(series, of, Canvas(plot.width, plot.height))
    done = len(found.columns)
    fresh = columns[done:-1]
    if fresh:
        before = found.columns[-1] if done else None
        stroke(found.canvas, plot, curve, values, fresh, before)
        found.columns.extend(fresh)
    canvas = found.canvas.copy()
    if columns:
        before = found.columns[-1] if found.columns else None
        stroke(canvas, plot, curve, values, columns[-1:], before)
    return canvas
