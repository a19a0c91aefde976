"""The pyramid of minima and maxima against plain loops over the points."""

from __future__ import annotations

import math
from array import array
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking.pyramid import BLOCK, GAP, Pyramid
from rlhf_tui.tracking.series import Kept, Series

VALUES = st.lists(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True),
        st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e308, -1e308, 5e-324]),
    ),
    max_size=400,
)


def finite_extent(values: list[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else GAP


@given(VALUES, st.data())
def test_extent_is_that_of_the_finite_values(values: list[float], data: st.DataObject) -> None:
    pyramid = Pyramid()
    for value in values * 6:
        pyramid.append(value)
    start = data.draw(st.integers(0, len(pyramid)))
    stop = data.draw(st.integers(start, len(pyramid)))
    assert pyramid.extent(start, stop) == finite_extent((values * 6)[start:stop])


def test_every_range_across_three_levels() -> None:
    values = [math.sin(i * 12.9898) * 43758.5453 % 1 for i in range(BLOCK**2 + 3 * BLOCK + 5)]
    pyramid = Pyramid()
    for value in values:
        pyramid.append(value)
    for start in range(0, len(values), 37):
        for stop in range(start + 1, len(values) + 1, 41):
            assert pyramid.extent(start, stop) == finite_extent(values[start:stop])


@given(VALUES, st.integers(0, 400), VALUES)
def test_truncated_and_grown_again(old: list[float], keep: int, new: list[float]) -> None:
    pyramid = Pyramid()
    for value in old:
        pyramid.append(value)
    keep = min(keep, len(old))
    pyramid.truncate(keep)
    for value in new:
        pyramid.append(value)
    expected = old[:keep] + new
    assert len(pyramid) == len(expected)
    assert pyramid.extent(0, len(expected)) == finite_extent(expected)


def series(points: list[tuple[float, float]]) -> Series:
    made = Series("x")
    for step, value in points:
        made.add(step, value)
    return made


def test_a_resumed_run_takes_the_place_of_what_it_does_again() -> None:
    made = series([(s, 1.0) for s in range(10)] + [(s, 2.0) for s in range(6, 9)])
    assert made.steps.tolist() == list(range(9))
    assert [made.values.value(i) for i in range(9)] == [1.0] * 6 + [2.0] * 3


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=300, unique=True),
    st.integers(2, 160),
)
def test_columns_hold_every_point_once_where_it_belongs(steps: list[int], count: int) -> None:
    steps = sorted(steps)
    made = series([(step, float(step % 17)) for step in steps])
    columns = made.columns(steps[0], steps[-1], count)
    assert [i for c in columns for i in range(c.start, c.stop)] == list(range(len(steps)))
    assert len({c.x for c in columns}) == len(columns)
    if len(steps) == 1:
        return
    for column in columns:
        values = [made.values.value(i) for i in range(column.start, column.stop)]
        assert (column.low, column.high) == (min(values), max(values))
        for i in range(column.start, column.stop):
            place = (steps[i] - steps[0]) / (steps[-1] - steps[0]) * (count - 1)
            assert abs(place - column.x) <= 0.5 + 1e-6


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), max_size=80))
def test_smoothing_is_the_moving_average_from_the_first_value_on(values: list[float]) -> None:
    made = series(list(enumerate(values)))
    smooth = made.smooth(0.9)
    mean = math.nan
    for i, value in enumerate(values):
        if math.isnan(value):
            assert math.isnan(smooth.value(i))
            continue
        mean = value if math.isnan(mean) else 0.9 * mean + 0.1 * value
        assert smooth.value(i) == pytest.approx(mean)


def test_smoothing_goes_on_as_the_series_grows_and_after_a_resume() -> None:
    points = [(float(s), math.sin(s)) for s in range(100)]
    grown = series(points[:50])
    grown.smooth(0.6)
    for step, value in points[40:]:
        grown.add(step, value)
    whole = series(points).smooth(0.6)
    assert [grown.smooth(0.6).value(i) for i in range(100)] == pytest.approx(
        [whole.value(i) for i in range(100)]
    )


def test_the_newest_value_stays_as_it_came() -> None:
    assert math.isinf(series([(1, 2.0), (2, math.inf)]).last)


def test_two_threads_that_look_first_at_once_get_the_same_points() -> None:
    """The one that draws, and the one that writes an index."""
    loading, go_on = Event(), Event()
    loads: list[int] = []

    def load() -> tuple[array[float], Pyramid]:
        loads.append(1)
        loading.set()
        assert go_on.wait(30)
        values = Pyramid()
        values.append(5.0)
        return array("d", [1.0]), values

    series = Series("loss", Kept(1, 5.0, load))
    found: list[object] = []
    threads = [
        Thread(target=lambda: found.append(series.steps)),
        Thread(target=lambda: found.append(series.values)),
    ]
    threads[0].start()
    assert loading.wait(30)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert (len(loads), len(found)) == (1, 2)
    assert (series.steps.tolist(), series.values.extent(0, 1)) == ([1.0], (5.0, 5.0))
