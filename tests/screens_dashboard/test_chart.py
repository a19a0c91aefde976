"""What the chart draws, dot by dot, against a reference in floats."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rlhf_tui.screens.widgets.canvas import GLYPHS, Canvas, unicode_terminal
from rlhf_tui.screens.widgets.chart_axes import (
    grown_end,
    linear_axis,
    log_axis,
    number,
    tick_label,
)
from rlhf_tui.screens.widgets.chart_data import Curve, Look
from rlhf_tui.screens.widgets.chart_lines import envelope
from rlhf_tui.screens.widgets.chart_plot import draw
from rlhf_tui.screens.widgets.chart_scale import Plot, fit
from rlhf_tui.tracking.series import Series


def series(values: list[float], name: str = "loss", first: int = 0) -> Series:
    made = Series(name)
    for step, value in enumerate(values, first):
        made.add(step, value)
    return made


def picture(made: list[Series], look: Look | None = None, size: tuple[int, int] = (60, 12)) -> str:
    rows = draw(*size, "loss", "nats", made, look or Look())
    assert all(sum(len(text) for text, _ in row) == size[0] for row in rows)
    assert len(rows) == size[1]
    return "\n".join("".join(text for text, _ in row) for row in rows)


def drawn(made: Series, width: int, height: int, *, log: bool = False) -> tuple[Canvas, Plot]:
    curve = Curve(made)
    plot = fit((width, height), 1, [curve], [], Look(log=log))
    assert plot is not None
    canvas = Canvas(plot.width, plot.height)
    columns = curve.columns(plot.first, plot.last, canvas.dots_wide)
    envelope(canvas, plot, curve, made.values, columns)
    return canvas, plot


def reference_row(plot: Plot, value: float) -> float:
    """The dot row of a value as a float."""
    scale = math.log10 if plot.y.log else float
    low, high = scale(plot.y.low), scale(plot.y.high)
    return (high - scale(value)) / (high - low) * (plot.y.dots - 1)


@pytest.mark.parametrize("log", [False, True])
@given(values=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=300))
def test_dots_are_the_envelope_and_the_joins_of_neighbours(values: list[float], log: bool) -> None:
    canvas, plot = drawn(series(values), 40, 10, log=log)
    columns: dict[int, list[float]] = {}
    for step, value in enumerate(values):
        x = math.floor(
            (step - plot.first) / (plot.last - plot.first) * (canvas.dots_wide - 1) + 0.5
        )
        columns.setdefault(x, []).append(value)
    places = sorted(columns)
    for place, x in enumerate(places):
        rows = [reference_row(plot, value) for value in columns[x]]
        lit = [y for y in range(canvas.dots_high) if canvas.get(x, y)]
        # No spike is hidden: highest and lowest value are lit, and all between.
        top, bottom = round(min(rows)), round(max(rows))
        assert min(abs(y - min(rows)) for y in lit) <= 0.51
        assert min(abs(y - max(rows)) for y in lit) <= 0.51
        assert set(range(top + 1, bottom)) <= set(lit)
        # Nothing is invented: what else is lit leads to a neighbour's nearest value.
        if place:
            rows.append(reference_row(plot, columns[places[place - 1]][-1]))
        if place + 1 < len(places):
            rows.append(reference_row(plot, columns[places[place + 1]][0]))
        assert min(lit) >= min(rows) - 0.51
        assert max(lit) <= max(rows) + 0.51


def test_one_spike_among_a_million_points_is_seen() -> None:
    made = Series("loss")
    for step in range(1_000_000):
        made.add(step, 100.0 if step == 777_777 else 1.0)
    canvas, plot = drawn(made, 60, 12)
    x = round(777_777 / 999_999 * (canvas.dots_wide - 1))
    assert canvas.get(x, plot.row(100.0))
    assert sum(canvas.get(column, plot.row(100.0)) for column in range(canvas.dots_wide)) == 1


def test_a_missing_value_is_a_gap() -> None:
    canvas, plot = drawn(series([1.0] * 10 + [math.nan] * 5 + [1.0] * 10), 60, 12)
    row = plot.row(1.0)
    lit = [canvas.get(x, row) for x in range(canvas.dots_wide)]
    hole = [x for x in range(plot.column(9) + 1, plot.column(15)) if lit[x]]
    assert not hole
    assert all(lit[: plot.column(9) + 1])
    assert all(lit[plot.column(15) :])


def test_a_hole_in_the_steps_is_a_gap_but_a_skipped_step_is_not() -> None:
    made = Series("loss")
    for step in [*range(10), *range(11, 20), *range(60, 80)]:
        made.add(step, 1.0)
    canvas, plot = drawn(made, 60, 12)
    row = plot.row(1.0)
    lit = [canvas.get(x, row) for x in range(canvas.dots_wide)]
    assert all(lit[: plot.column(19)])
    assert not any(lit[plot.column(19) + 1 : plot.column(60)])


def test_one_point_draws_from_the_first_step_on() -> None:
    text = picture([series([2.5], first=1)], Look(live=True, total_steps=100))
    assert "●" in text
    assert "2.5" in text


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 5,
        [3.0] * 5,
        [-1e-12, -1e-12],
        [math.inf, 1.0, -math.inf, 2.0, math.nan],
        [1e300, -1e300, 1e308],
        [1e300] * 3,
        [-1e308, -1e300],
        [5e-324, 0.0, 1e-310],
        [1e9, 1e9 + 1, 1e9 + 2],
        [-5.0, -4.0],
    ],
)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("size", [(60, 12), (20, 5), (13, 4), (5, 3), (200, 50)])
def test_difficult_series_draw(values: list[float], log: bool, size: tuple[int, int]) -> None:
    text = picture([series(values)], Look(log=log), size)
    if size == (60, 12):
        assert any(0x2800 < ord(character) < 0x2900 for character in text)


@given(values=st.lists(st.floats(), min_size=1, max_size=50), log=st.booleans())
def test_no_series_fails(values: list[float], log: bool) -> None:
    picture([series(values)], Look(log=log, smoothing=0.9))


@given(
    st.lists(st.floats(0, 1e-300), min_size=2, max_size=6, unique=True),
    st.booleans(),
    st.sampled_from([None, (0.0, 5e-324), (0.0, 1e-310)]),
)
def test_steps_closer_than_numbers_can_tell_apart_draw(
    steps: list[float], log: bool, window: tuple[float, float] | None
) -> None:
    made = Series("loss")
    for step in sorted(steps):
        made.add(step, step)
    picture([made], Look(log=log, window=window))


def test_nothing_finite_is_said() -> None:
    assert "no finite value yet" in picture([series([math.nan, math.inf])])
    assert "no values yet" in picture([])
    assert "inf" in picture([series([1.0, math.inf])]).splitlines()[0]


def test_log_axis_of_negative_values_says_so() -> None:
    assert "nothing above 0" in picture([series([-1.0, -2.0])], Look(log=True))


def test_smoothing_is_drawn_over_the_envelope() -> None:
    made = series([(-1.0) ** i for i in range(200)])
    rows = draw(60, 12, "loss", "", [made], Look(smoothing=0.9))
    styles = {style for row in rows for _, style in row}
    assert {"raw-0", "series-0"} <= styles
    middle = [style for row in rows[5:8] for text, style in row if text.strip()]
    assert "series-0" in middle


def test_two_series_are_told_apart_without_colour() -> None:
    evaluation = Series("eval_loss")
    for step in (25, 50, 75):
        evaluation.add(step, 1.5)
    text = picture([series([1.0 + i / 100 for i in range(80)]), evaluation])
    assert "train" in text
    assert "◆ eval" in text
    assert text.count("◆") == 4  # three points and the legend


def test_ascii_terminals_get_ascii() -> None:
    other = series([2.0] * 100, "eval_loss")
    look = Look(ascii_only=True, smoothing=0.6)
    text = picture([series([math.sin(i / 9) for i in range(100)]), other], look)
    assert text.isascii()
    assert set(GLYPHS[1]) <= set(" |:'._-")
    assert GLYPHS[1][0] == " "


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(2, 9))
def test_linear_axes_end_at_round_ticks_around_the_data(a: float, b: float, count: int) -> None:
    low, high = min(a, b), max(a, b)
    axis = linear_axis(low, high, 40, count)
    room = 1e-8 * max(high - low, abs(high), abs(low))
    assert axis.low <= low + room
    assert axis.high >= high - room
    assert 2 <= len(axis.ticks) <= max(count, 3)
    assert axis.dot(axis.low) == 0
    assert axis.dot(axis.high) == 39


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12), st.integers(2, 9))
def test_log_axes_hold_the_data(a: float, b: float, count: int) -> None:
    low, high = min(a, b), max(a, b)
    axis = log_axis(low, high, 40, count)
    assert axis.low <= low * (1 + 1e-6)
    assert axis.high >= high * (1 - 1e-6)
    assume(low * 10 < high)
    assert axis.dot(low) < axis.dot(high)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.05, "0.05"),
        (0.123456, "0.1235"),
        (12.3456, "12.35"),
        (5e-5, "5e-5"),
        (123456.7, "123457"),
        (1.5e7, "1.5e7"),
        (-2.0, "-2"),
        (math.nan, "NaN"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_are_never_longer_than_ten_characters(value: float) -> None:
    assert len(number(value)) <= 10


def test_ticks_have_the_decimals_of_their_step() -> None:
    assert [tick_label(value, 0.5, 2.0) for value in (0.0, 0.5, 2.0)] == ["0", "0.5", "2.0"]
    assert tick_label(1.00000005e9, 10.0, 1e9) == "1.00000005e9"


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_step_axis_holds_the_newest_step_and_rarely_moves(last: int, total: int) -> None:
    end = grown_end(last, total)
    assert end >= last
    assert end <= max(last, total) if total else end <= max(10, last * 1.5)


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({"LC_ALL": "C"}, False),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.utf8"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "", "LC_CTYPE": "C.UTF-8"}, True),
        ({}, True),
    ],
)
def test_utf8_is_read_from_the_locale(
    environment: dict[str, str], unicode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert unicode_terminal() is unicode
