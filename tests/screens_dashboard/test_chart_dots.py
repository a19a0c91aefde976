"""A chart that is drawn again: the same rows as afresh, and only what has changed is drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from rlhf_tui.screens.widgets import chart, chart_dots
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_dots import Dots
from rlhf_tui.screens.widgets.chart_grid import ChartGrid
from rlhf_tui.screens.widgets.chart_lines import envelope
from rlhf_tui.screens.widgets.chart_plot import render
from rlhf_tui.tracking.clock import Clock
from rlhf_tui.tracking.series import Column, Series

LOOKS = (
    Look(live=True),
    Look(live=True, total_steps=200),
    Look(live=True, log=True),
    Look(live=True, smoothing=0.6),
    Look(live=True, smoothing=0.9, log=True),
    Look(window=(5.0, 40.0)),
    Look(window=(5.0, 40.0), smoothing=0.6),
    Look(live=True, cross=7.0),
)
VALUES = st.one_of(
    st.floats(-5, 5), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1e300, 5e-324])
)


@st.composite
def growths(draw: st.DrawFn) -> list[tuple[int, list[float], int]]:
    """Rounds of a run: how far back it begins anew, what it then logs, and the look."""
    a_round = st.tuples(
        st.sampled_from([0, 0, 0, 1, 7]),
        st.lists(VALUES, max_size=12),
        st.integers(0, len(LOOKS) - 1),
    )
    return draw(st.lists(a_round, min_size=2, max_size=8))


@pytest.mark.parametrize("timed", [False, True])
@given(rounds=growths(), stride=st.sampled_from([1, 3]))
def test_a_chart_drawn_on_is_the_chart_drawn_afresh(
    timed: bool, rounds: list[tuple[int, list[float], int]], stride: int
) -> None:
    series, other, clock = Series("loss"), Series("eval_loss"), Clock()
    axis = clock if timed else None
    drawing = Drawing("loss", "", (Curve(series, "a", 0, axis), Curve(other, "b", 1, axis)))
    dots, step = Dots(), 0
    for back, values, look in rounds:
        step = max(0, step - back)
        for value in values:
            step += stride
            series.add(step, value)
            clock.add(step, step * 0.7)
            if step % 4 == 0:
                other.add(step, -value)
        chosen = replace(LOOKS[look], axis="time" if timed else "step")
        kept = render(50, 11, drawing, chosen, dots)
        assert kept == render(50, 11, drawing, chosen)
        # Nothing has come: the same again.
        assert kept == render(50, 11, drawing, chosen, dots)


def test_a_new_point_draws_its_column_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def counted(*given: object) -> None:
        drawn.append(len(given[4]))  # type: ignore[arg-type]
        envelope(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(chart_dots, "envelope", counted)
    series = Series("loss")
    for step in range(1000):
        series.add(step, math.sin(step))
    drawing, look, dots = Drawing("loss", "", (Curve(series),)), Look(live=True), Dots()
    render(60, 12, drawing, look, dots)
    assert sum(drawn) > 40
    drawn.clear()
    series.add(1000, 0.5)
    for changed in (look, replace(look, cross=500.0), replace(look, smoothing=0.6)):
        render(60, 12, drawing, changed, dots)
    # Of the three drawings each draws the newest column, and the first one finishes it.
    assert sum(drawn) <= 4


@given(
    parts=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    back=st.lists(st.integers(0, 20), min_size=6, max_size=6),
    plot=st.tuples(st.floats(-5, 30), st.floats(31, 200), st.integers(2, 90)),
)
def test_columns_asked_for_again_are_those_of_a_new_series(
    parts: list[int], back: list[int], plot: tuple[float, float, int]
) -> None:
    def fresh() -> list[Column]:
        made = Series("loss")
        made.extend(series.steps[:], series.values.levels[0][0][:])
        return made.columns(*plot)

    series, step = Series("loss"), 0
    for count, less in zip(parts, back, strict=False):
        step = max(0, step - less)
        for _ in range(count):
            step += 1
            series.add(step, math.cos(step * count))
        series.columns(0.0, 500.0, 60)
        assert series.columns(*plot) == fresh()


class Counting(CanvasView):
    """Counts the rows that it makes into strips."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[int] = []

    def render_line(self, y: int) -> Strip:
        self.made.append(y)
        return super().render_line(y)


async def test_only_changed_rows_are_made_anew() -> None:
    def rows(word: str) -> list[Row]:
        return [[("first", "dim")], [(word, "strong")], [("漢字", "")], []]

    view = Counting()

    class Program(App[None]):
        def compose(self) -> ComposeResult:
            yield view

    async with Program().run_test(size=(12, 5)) as pilot:
        view.show(rows("one"))
        await pilot.pause()
        whole = view.render_lines(Region(0, 0, 12, 5))
        assert [strip.text.rstrip() for strip in whole] == ["first", "one", "漢字", "", ""]
        assert all(strip.cell_length == 12 for strip in whole)
        view.made.clear()
        view.show(rows("two"))
        await pilot.pause()
        assert view.render_lines(Region(0, 0, 12, 5))[1].text.rstrip() == "two"
        assert view.made == [1]
        part = view.render_lines(Region(1, 1, 2, 2))
        assert [strip.cell_length for strip in part] == [2, 2]
        assert part[0].text == "wo"
        # Another theme, another width: nothing of before is shown.
        pilot.app.theme = "textual-light"
        await pilot.pause()
        light = view.render_lines(Region(0, 0, 12, 5))
        assert [one.style for one in light[1]] != [one.style for one in whole[1]]
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert all(s.cell_length == 20 for s in view.render_lines(Region(0, 0, 20, 5)))


async def test_a_chart_that_gets_another_size_is_drawn_at_that_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[str, int, int, bool]] = []

    def counted(width: int, height: int, drawing: Drawing, look: Look, dots: Dots) -> list[Row]:
        drawn.append((drawing.title, width, height, look.full))
        return render(width, height, drawing, look, dots)

    monkeypatch.setattr(chart, "render", counted)
    series = Series("loss")
    for step in range(20):
        series.add(step, step)
    grid = ChartGrid()

    class Program(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return {f"curve-{number}": "red" for number in range(6)}

        def compose(self) -> ComposeResult:
            yield grid

    async with Program().run_test(size=(100, 24)) as pilot:
        grid.show_drawings([Drawing(name, "", (Curve(series),)) for name in "abcd"], Look())
        await pilot.pause()
        drawn.clear()
        grid.toggle_full()
        await pilot.pause()
        assert drawn == [("a", 100, 24, True)]
        assert len(grid.charts[0].rows) == 24
        drawn.clear()
        grid.toggle_full()
        await pilot.pause()
        # The others are as they were.
        assert drawn == [("a", 49, 12, False)]
        assert all(
            one.text.startswith(name) for one, name in zip(grid.charts, "abcd", strict=False)
        )
        # The same number of charts, other ones: at once, for their sizes stay.
        drawn.clear()
        grid.show_drawings([Drawing(name, "", (Curve(series),)) for name in "efgh"], Look())
        assert [one[0] for one in drawn] == list("efgh")
