"""Zooming, panning and the crosshair, and how places on the x axis are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.screens.widgets.chart_data import Curve
from rlhf_tui.screens.widgets.chart_window import Window, next_point
from rlhf_tui.screens.widgets.chart_x_axis import elapsed, interval, place, written
from rlhf_tui.tracking.clock import X_AXES, Clock, XAxis
from rlhf_tui.tracking.series import Series

WHOLE = (0.0, 1000.0)


def curve(steps: list[float], clock: Clock | None = None) -> Curve:
    series = Series("loss")
    for step in steps:
        series.add(step, step)
    return Curve(series, clock=clock)


@given(
    keys=st.lists(st.sampled_from(["+", "-", "[", "]", "0", "left", "right", "cross"])),
    cross=st.floats(0, 1000),
)
def test_whatever_is_pressed_the_window_lies_within_the_run(keys: list[str], cross: float) -> None:
    window = Window()
    curves = [curve([float(step) for step in range(0, 1001, 7)])]
    for key in keys:
        if key in "+-0":
            window.zoom({"+": 1, "-": -1, "0": 0}[key], WHOLE, 143)
        elif key in "[]":
            window.pan(1 if key == "]" else -1, WHOLE)
        elif key == "cross":
            window.cross = cross if window.seen is None else sum(window.seen) / 2
        else:
            window.move(1 if key == "right" else -1, WHOLE, 90, curves)
        if window.seen is not None:
            first, last = window.seen
            assert -1e-6 <= first < last <= 1000 + 1e-6
            assert last - first >= 1000 * 4 / 143 - 1e-6
            if window.cross is not None:
                assert first - 1e-6 <= window.cross <= last + 1e-6


def test_zooming_keeps_the_newest_end_or_the_crosshair_in_place() -> None:
    window = Window()
    window.zoom(1, WHOLE, 1000)
    assert window.seen == (500.0, 1000.0)
    assert window.follows
    window.zoom(-1, WHOLE, 1000)
    assert window.seen is None
    window.cross = 250.0
    window.zoom(1, WHOLE, 1000)
    window.zoom(1, WHOLE, 1000)
    assert window.seen == (187.5, 437.5)
    assert not window.follows
    window.zoom(0, WHOLE, 1000)
    assert window.seen is None
    assert window.cross == 250.0


def test_zooming_in_ends_where_points_run_out() -> None:
    window = Window()
    for _ in range(50):
        window.zoom(1, WHOLE, 1000)
    assert window.seen is not None
    assert 4 <= window.seen[1] - window.seen[0] < 8
    few = Window()
    few.zoom(1, WHOLE, 3)
    assert few.seen is None


def test_a_window_at_the_end_follows_a_live_run_in_leaps() -> None:
    window = Window()
    window.zoom(1, WHOLE, 1000)
    leaps = 0
    for newest in range(1001, 1500):
        before = window.seen
        window.follow((0.0, float(newest)))
        assert window.seen is not None
        assert window.seen[0] < newest <= window.seen[1]
        assert window.seen[1] - window.seen[0] == 500.0
        leaps += window.seen != before
    assert leaps <= 5
    window.pan(-1, (0.0, 1499.0))
    stays = window.seen
    window.follow((0.0, 5000.0))
    assert window.seen == stays


def test_a_window_on_nothing_of_a_run_is_told() -> None:
    window = Window()
    assert window.fits((0.0, 1.0))
    window.seen = (500.0, 600.0)
    assert window.fits((0.0, 550.0))
    assert not window.fits((0.0, 400.0))
    assert not window.fits((700.0, 800.0))


@given(
    steps=st.lists(st.integers(0, 5000), min_size=1, max_size=60, unique=True),
    at=st.floats(0, 5000),
    way=st.floats(0.1, 100),
)
def test_the_crosshair_goes_from_point_to_point(steps: list[int], at: float, way: float) -> None:
    places = sorted(float(step) for step in steps)
    curves = [curve(places[::2]), curve(places[1::2])]
    later = [x for x in places if x >= at + way]
    assert next_point(curves, at, way) == (later[0] if later else places[-1])
    earlier = [x for x in places if x <= at - way]
    assert next_point(curves, at, -way) == (earlier[-1] if earlier else places[0])


def test_the_crosshair_pans_a_window_that_it_leaves() -> None:
    window = Window()
    curves = [curve([float(step) for step in range(1001)])]
    window.seen, window.cross = (500.0, 600.0), 501.0
    window.move(-10, WHOLE, 100, curves)
    assert window.cross is not None
    assert window.cross < 500
    assert window.seen == (window.cross, window.cross + 100)


def test_values_at_a_place() -> None:
    one = curve([0, 10, 20, 30, 90, 100])
    assert math.isnan(one.value_at(-1))
    assert [one.value_at(x) for x in (0, 9.9, 10, 29)] == [0, 0, 10, 20]
    # In a hole, as after the end, a value holds as long as points are usually apart.
    assert one.value_at(60) == 30
    assert math.isnan(one.value_at(61))
    assert one.value_at(130) == 100
    assert math.isnan(one.value_at(131))
    one.series.add(110, math.nan)
    assert math.isnan(one.value_at(115))


@given(
    steps=st.lists(st.integers(0, 300), min_size=2, max_size=60, unique=True),
    known=st.lists(st.tuples(st.integers(0, 300), st.floats(0, 50)), min_size=1, max_size=20),
    x=st.floats(-10, 1100),
)
def test_counting_points_on_a_clock(
    steps: list[int], known: list[tuple[int, float]], x: float
) -> None:
    clock = Clock()
    at = 0.0
    for step, way in sorted(dict(known).items()):
        at += way
        clock.add(step, at)
    one = curve([float(step) for step in sorted(steps)], clock)
    places = [clock.at(step) for step in sorted(steps)]
    assert one.before(x) == sum(place < x for place in places)
    assert one.until(x) == sum(place <= x for place in places)
    for exact in places:
        assert one.before(exact) == sum(place < exact for place in places)
        assert one.until(exact) == sum(place <= exact for place in places)


@pytest.mark.parametrize(
    ("x", "axis", "text"),
    [
        (83.0, "step", "83"),
        (45.0, "time", "45s"),
        (4800.0, "time", "1h20m"),
        (90.0, "time", "1m30s"),
        (183600.0, "time", "2d3h"),
        (1_240_000.0, "tokens", "1.24M"),
        (999.0, "tokens", "999"),
        (64_000.0, "samples", "64k"),
        (3.2e9, "tokens", "3.2B"),
    ],
)
def test_places_for_people(x: float, axis: XAxis, text: str) -> None:
    assert place(x, axis) == text


@given(st.floats(1e-3, 1e12), st.integers(1, 20), st.sampled_from(X_AXES))
def test_ticks_are_no_more_than_wanted_and_differ(span: float, count: int, axis: XAxis) -> None:
    step = interval(span, count, axis)
    assert step > 0
    assert span / step <= count * (1 + 1e-6) or step == 1.0
    labels = [written(n * step, step, axis, span) for n in range(min(count, int(span / step)) + 1)]
    assert len(set(labels)) == len(labels)
    assert all(len(label) <= 12 for label in labels)


def test_lengths_of_time() -> None:
    assert [elapsed(s) for s in (0, 0.25, 59, 59.6, 3599, 86400)] == [
        "0s",
        "0.25s",
        "59s",
        "59.6s",
        "59m59s",
        "1d",
    ]
