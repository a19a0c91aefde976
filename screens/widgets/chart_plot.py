"""Draws a chart of curves over a shared x axis into rows of text: pure, no widget."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf_tui.screens.widgets.canvas import Canvas
from rlhf_tui.screens.widgets.canvas_view import Row, Sheet
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Level, Look
from rlhf_tui.screens.widgets.chart_dots import Dots
from rlhf_tui.screens.widgets.chart_legend import draw_legend, labels_of
from rlhf_tui.screens.widgets.chart_lines import (
    crosshair,
    level_label,
    level_line,
    marks,
    paint,
    to_the_edges,
)
from rlhf_tui.screens.widgets.chart_scale import GUTTER, Plot, fit, smoothed
from rlhf_tui.screens.widgets.chart_x_axis import draw_x
from rlhf_tui.tracking.series import Series

SHORTEST_RULE = 5
"""Cells of grid line between dots that are worth drawing: crumbs only confuse, and cost bytes."""


def draw(
    width: int,
    height: int,
    title: str,
    unit: str,
    series: Sequence[Series],
    look: Look,
    span: tuple[float, ...] = (),
) -> list[Row]:
    """The chart of one run's series over its steps; `width` and `height` in cells."""
    labels = labels_of([one.name for one in series], title)
    curves = tuple(Curve(one, labels[index], index) for index, one in enumerate(series))
    return render(width, height, Drawing(title, unit, curves, span=span), look)


def render(
    width: int, height: int, drawing: Drawing, look: Look, dots: Dots | None = None
) -> list[Row]:
    """The chart as rows of runs; `width` and `height` in cells.

    Args:
        dots: what was drawn before of the same chart; the rows are the same without it.
    """
    sheet = Sheet(width, height)
    look = drawing.own(look)
    curves = [one for one in drawing.curves if len(one.series.steps)]
    top = draw_legend(sheet, drawing, curves, look)
    if height - top < 3 or width < GUTTER + 6:
        return sheet.rows()
    held = (*drawing.levels, *(Level("", value) for value in drawing.span))
    plot = fit((width, height), top, curves, held, look) if curves else None
    if plot is None:
        _say_nothing(sheet, curves, look)
        return sheet.rows()
    _axes(sheet, plot, look)
    draw_x(sheet, plot, look.axis, drawing.x or look.axis)
    columns = [one.columns(plot.first, plot.last, plot.width * 2) for one in curves]
    dots = Dots() if dots is None else dots
    dots.forget(len(curves))
    raw: list[Canvas] = []
    smooth: list[Canvas | None] = []
    for index, one in enumerate(curves):
        canvas = dots.raw(index, plot, one, columns[index])
        if look.window is not None:
            to_the_edges(canvas, plot, one, one.series.values, columns[index])
        raw.append(canvas)
        mean: Canvas | None = None
        if look.smoothing and smoothed(one, curves):
            mean = dots.smooth(index, plot, one, columns[index], look.smoothing)
            if look.window is not None:
                means = one.series.smooth(look.smoothing)
                to_the_edges(mean, plot, one, means, columns[index])
        smooth.append(mean)
    paint(sheet, plot, curves, raw, smooth, look)
    for y in {plot.top + plot.row(value) // 4 for value, _ in plot.y.ticks}:
        sheet.clear_short(plot.left, y, "grid", SHORTEST_RULE)
    for index, one in enumerate(curves):
        marks(sheet, plot, one, columns[index], look)
    _levels(sheet, plot, drawing.levels, look)
    crosshair(sheet, plot, curves, look)
    return sheet.rows()


def _say_nothing(sheet: Sheet, curves: Sequence[Curve], look: Look) -> None:
    text = "no values yet"
    if curves:
        text = "no finite value yet" if look.window is None else "no value here"
    sheet.put((sheet.width - len(text)) // 2, sheet.height // 2, text, "dim")


def _axes(sheet: Sheet, plot: Plot, look: Look) -> None:
    bar, tick, grid = ("|", "+", " ") if look.ascii_only else ("│", "┤", "┈")
    for y in range(plot.height):
        sheet.put(plot.left - 1, plot.top + y, bar, "rule")
    for value, label in plot.y.ticks:
        y = plot.top + plot.row(value) // 4
        sheet.put(plot.left, y, grid * plot.width, "grid")
        sheet.put(plot.left - 1, y, tick, "rule")
        sheet.put(plot.left - 2 - len(label), y, " " + label, "dim")


def _levels(sheet: Sheet, plot: Plot, levels: Sequence[Level], look: Look) -> None:
    shown = [level for level in levels if plot.shows(level.value)]
    for level in shown:
        level_line(sheet, plot, level, look)
    for level in shown:
        text = f"{level.label} {number(level.value)}"
        if not level_label(sheet, plot, text, level.value):
            level_label(sheet, plot, level.label, level.value)
