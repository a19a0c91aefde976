"""Every dot of a drawn chart against a reference in floats: gaps, log axis, window, clocks."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_plot import render
from rlhf_tui.screens.widgets.chart_scale import Plot, fit
from rlhf_tui.tracking.clock import Clock
from rlhf_tui.tracking.series import Series

SIZES = [(40, 9), (54, 16), (23, 6), (120, 40)]
BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
NEAR = 1e-6
"""Of a dot: a point so near to the border of two columns may stand in either."""
ROUNDING = 0.51
"""Of a dot: half of one, and what floats lose."""


@dataclass
class Points:
    """A series as plain lists, and where its steps stand."""

    steps: list[float]
    values: list[float]
    x: list[float]
    clock: Clock | None = None

    def curve(self) -> Curve:
        series = Series("loss")
        for step, value in zip(self.steps, self.values, strict=True):
            series.add(step, value)
        return Curve(series, clock=self.clock)


@st.composite
def points(draw: st.DrawFn, *, timed: bool = False, lowest: float = -50.0) -> Points:
    """Points with gaps, holes and plateaus; `timed` puts them on a clock that knows only some."""
    # Rounded: beyond 1e-290 an axis ends, whatever it shows.
    finite = st.floats(lowest, 1e3).map(lambda value: round(value, 6))
    value = st.one_of(finite, st.just(math.nan), st.just(math.inf))
    strides = draw(st.lists(st.sampled_from([1, 1, 1, 2, 5, 40]), min_size=2, max_size=150))
    steps = [float(step) for step in np.cumsum(strides)]
    values = draw(st.lists(value, min_size=len(steps), max_size=len(steps)))
    if not timed:
        return Points(steps, values, steps)
    known = sorted(set(draw(st.lists(st.sampled_from(steps), min_size=2, max_size=20))))
    ticks = draw(
        st.lists(st.sampled_from([0.0, 0.5, 3.0, 90.0]), min_size=len(known), max_size=len(known))
    )
    clock = Clock()
    for step, tick in zip(known, np.cumsum(ticks), strict=True):
        clock.add(step, float(tick))
    x = [float(place) for place in np.interp(steps, list(clock.steps), list(clock.values))]
    return Points(steps, values, x, clock)


def windows(found: Points, shares: tuple[float, float]) -> tuple[float, float] | None:
    """A stretch of the x axis by shares of it; None for none at all."""
    first, last = found.x[0], found.x[-1]
    low, high = (first + share * (last - first) for share in sorted(shares))
    return (low, high) if high - low > 1e-3 * (last - first) else None


def lit(rows: list[Row], plot: Plot, style: str = "series-0") -> np.ndarray:
    """The dots of a style that a chart's rows show, by row and column."""
    dots = np.zeros((plot.height * 4, plot.width * 2), dtype=bool)
    for y in range(plot.height):
        cells = [(c, s) for text, s in rows[plot.top + y] for c in text][plot.left :]
        for x, (character, of) in enumerate(cells):
            bits = ord(character) - 0x2800
            if of == style and 0 < bits < 256:
                for dx in range(2):
                    for dy in range(4):
                        dots[y * 4 + dy, x * 2 + dx] = bool(bits & BITS[dx][dy])
    return dots


def row_of(plot: Plot, value: float) -> float:
    """The dot row of a value as a float."""
    scale = math.log10 if plot.y.log else float
    low, high = scale(plot.y.low), scale(plot.y.high)
    return (high - scale(value)) / (high - low) * (plot.height * 4 - 1)


def check(found: Points, size: tuple[int, int], look: Look) -> None:
    curve = found.curve()
    plot = fit(size, 1, [curve], [], look)
    rows = render(*size, Drawing("loss", "nats", (curve,)), look)
    assert all(sum(len(text) for text, _ in row) == size[0] for row in rows)
    if plot is None:
        return
    dots = lit(rows, plot)
    across = plot.width * 2 - 1
    span = plot.last - plot.first
    column = [(x - plot.first) / span * across if span > 0 else 0.0 for x in found.x]
    shown = [math.isfinite(value) and (value > 0 or not plot.y.log) for value in found.values]
    # Where values of 0 and less hide which positive one is the least, the axis may begin above it.
    least = plot.y.low if plot.y.log and min(map(_finite, found.values)) <= 0 else -math.inf
    row = [
        row_of(plot, max(least, value)) if good else math.nan
        for value, good in zip(found.values, shown, strict=True)
    ]
    inside = [plot.first <= x <= plot.last for x in found.x]
    explained = np.zeros_like(dots)
    for at, good in enumerate(shown):
        if good and inside[at]:
            # No spike is hidden: every value in view is lit at its dot.
            places = {math.floor(column[at] + 0.5 + move) for move in (-NEAR, NEAR)}
            nearest = [
                abs(y - row[at])
                for x in places
                if 0 <= x <= across
                for y in np.flatnonzero(dots[:, x])
            ]
            assert nearest
            assert min(nearest) <= ROUNDING
    together: dict[int, list[float]] = {}
    positive: set[int] = set()
    for at, good in enumerate(shown):
        # On a log axis a column that also holds 0 or less goes down to the axis.
        below = math.isfinite(found.values[at]) and not good
        if (good or below) and inside[at]:
            for x in {math.floor(column[at] + 0.5 + move) for move in (-NEAR, NEAR)}:
                together.setdefault(x, []).append(row[at] if good else plot.height * 4 - 1)
                positive.update({x} if good else ())
    for x, here in together.items():
        if 0 <= x <= across and x in positive:
            top, bottom = min(here) - ROUNDING, max(here) + ROUNDING
            explained[max(0, math.ceil(top)) : math.floor(bottom) + 1, x] = True
    distances = Counter(np.diff(found.steps).tolist())
    most = max(distances.values())
    usual = max(distance for distance, count in distances.items() if count == most)
    for at in range(1, len(column)):
        near = round(column[at]) - round(column[at - 1]) <= 1 + NEAR
        joined = found.steps[at] - found.steps[at - 1] <= 3 * usual
        if shown[at - 1] and shown[at] and (near or joined):
            _explain_line(explained, column[at - 1], row[at - 1], column[at], row[at])
    # Nothing is invented: what is lit is a column's extent, or leads from a point to the next.
    assert not (dots & ~explained).any()


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _explain_line(explained: np.ndarray, x0: float, y0: float, x1: float, y1: float) -> None:
    for x in range(max(0, math.floor(x0)), min(explained.shape[1] - 1, math.ceil(x1)) + 1):
        ends = []
        for place in (x - 1.0, x + 1.0):
            share = min(1.0, max(0.0, (place - x0) / (x1 - x0))) if x1 > x0 else 0.5
            ends.append(y0 + (y1 - y0) * share)
        if x1 - x0 <= 2:
            ends = [y0, y1]
        top, bottom = max(0, math.floor(min(ends) - 1)), math.ceil(max(ends) + 1)
        explained[top : bottom + 1, x] = True


@pytest.mark.parametrize("size", SIZES)
@given(found=points(), log=st.booleans())
@settings(max_examples=20)
def test_over_steps(found: Points, log: bool, size: tuple[int, int]) -> None:
    check(found, size, Look(log=log))


@pytest.mark.parametrize("size", SIZES[:2])
@given(
    found=points(),
    log=st.booleans(),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@settings(max_examples=30)
def test_in_a_window(
    found: Points, log: bool, shares: tuple[float, float], size: tuple[int, int]
) -> None:
    check(found, size, Look(log=log, window=windows(found, shares)))


@pytest.mark.parametrize("size", SIZES[:2])
@given(
    found=points(timed=True),
    log=st.booleans(),
    shares=st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1))),
)
@settings(max_examples=30)
def test_over_another_clock(
    found: Points, log: bool, shares: tuple[float, float] | None, size: tuple[int, int]
) -> None:
    window = windows(found, shares) if shares is not None else None
    check(found, size, Look(log=log, axis="time", window=window))


@given(
    count=st.integers(10, 3000),
    where=st.floats(0, 1),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    timed=st.booleans(),
    size=st.sampled_from(SIZES),
)
@settings(max_examples=30)
def test_a_spike_is_seen_in_every_window_that_holds_it(
    count: int, where: float, shares: tuple[float, float], timed: bool, size: tuple[int, int]
) -> None:
    spike = min(count - 1, int(where * count))
    steps = [float(step) for step in range(count)]
    values = [100.0 if step == spike else math.sin(step) for step in range(count)]
    clock = None
    if timed:
        clock = Clock()
        for step in steps:
            clock.add(step, step**1.5)
    x = [clock.at(step) if clock else step for step in steps]
    found = Points(steps, values, x, clock)
    window = windows(found, shares)
    if window is not None and not window[0] <= x[spike] <= window[1]:
        return
    curve = found.curve()
    look = Look(window=window, axis="time" if timed else "step")
    plot = fit(size, 1, [curve], [], look)
    assert plot is not None
    dots = lit(render(*size, Drawing("loss", "", (curve,)), look), plot)
    place = (x[spike] - plot.first) / (plot.last - plot.first) * (plot.width * 2 - 1)
    high = row_of(plot, 100.0)
    top = [y for y in range(plot.height * 4) if abs(y - high) <= ROUNDING]
    assert any(dots[y, math.floor(place + 0.5 + move)] for y in top for move in (-NEAR, NEAR))
    # Nothing else is up there but the lines that lead to it.
    beside = max(
        abs(x[near] - x[spike]) for near in range(max(0, spike - 1), min(count, spike + 2))
    )
    reach = beside / (plot.last - plot.first) * (plot.width * 2 - 1) + 1
    assert all(abs(at - place) <= reach for at in np.flatnonzero(dots[top].any(axis=0)))


@given(found=points(lowest=0.1), weight=st.sampled_from([0.6, 0.9, 0.99]), log=st.booleans())
@settings(max_examples=30)
def test_the_moving_average_goes_by_point_and_passes_over_gaps(
    found: Points, weight: float, log: bool
) -> None:
    means: list[float] = []
    mean = math.nan
    for value in found.values:
        if math.isfinite(value):
            mean = value if math.isnan(mean) else weight * mean + (1 - weight) * value
        means.append(mean if math.isfinite(value) else math.nan)
    curve = found.curve()
    look = Look(log=log, smoothing=weight)
    plot = fit((54, 16), 1, [curve], [], look)
    if plot is None or len(found.steps) < 3:
        return
    dots = lit(render(54, 16, Drawing("loss", "", (curve,)), look), plot)
    across = plot.width * 2 - 1
    newest: dict[int, float] = {}
    for step, value in zip(found.steps, means, strict=True):
        exact = (step - plot.first) / (plot.last - plot.first) * across
        if abs(exact - math.floor(exact) - 0.5) < NEAR:
            # On the border of two columns: it may be the newest of either.
            newest[math.floor(exact)] = newest[math.floor(exact) + 1] = math.nan
        else:
            newest[round(exact)] = value
    for place, value in newest.items():
        if math.isfinite(value):
            lit_rows = np.flatnonzero(dots[:, place])
            assert lit_rows.size
            assert min(abs(lit_rows - row_of(plot, value))) <= ROUNDING
