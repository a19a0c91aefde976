"""Draws curves as dots: the envelope of their raw points, the smoothed line, marks, lines across.

The raw points are drawn as the envelope of their minimum and maximum in every dot column, so that
no spike is ever hidden; smoothing is drawn over it. Curves differ by mark as well as by colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlhf_tui.screens.widgets.canvas import DOTS, GLYPHS, Canvas
from rlhf_tui.screens.widgets.canvas_view import Sheet
from rlhf_tui.screens.widgets.chart_data import ASCII_MARKS, MARKS, STYLES, Curve, Level, Look
from rlhf_tui.screens.widgets.chart_scale import Plot, edges
from rlhf_tui.tracking.pyramid import Pyramid
from rlhf_tui.tracking.series import Column

MARK_EVERY = 10
"""Cells between the marks of a curve of many points."""
FREE = frozenset({"", "grid"})
"""Styles of cells that a line across may take: nothing is drawn there."""


def envelope(
    canvas: Canvas,
    plot: Plot,
    curve: Curve,
    values: Pyramid,
    columns: Sequence[Column],
    before: Column | None = None,
) -> None:
    """Draw minimum to maximum of every column, and join neighbours that belong together.

    Args:
        before: the column to go on from; None at the curve's beginning.
    """
    row, log = plot.row, plot.y.log
    for column in columns:
        low, high = column.low, column.high
        if low <= high and not (log and high <= 0):
            canvas.column(column.x, row(high), row(low))
            if before is not None:
                _join(canvas, plot, curve, values, before, column)
        before = column


def _join(
    canvas: Canvas, plot: Plot, curve: Curve, values: Pyramid, before: Column, after: Column
) -> None:
    left, right = values.value(after.start - 1), values.value(after.start)
    if not (plot.shows(left) and plot.shows(right)):
        return
    if after.x - before.x > 1 and not curve.joined(after.start):
        return
    top, bottom = plot.row(left), plot.row(right)
    # Dots of neighbouring columns that touch need nothing between them: the usual case.
    if after.x - before.x > 1 or abs(top - bottom) > 1:
        canvas.line(before.x, top, after.x, bottom)


def mean_line(
    canvas: Canvas,
    plot: Plot,
    curve: Curve,
    values: Pyramid,
    columns: Sequence[Column],
    before: Column | None = None,
) -> None:
    """Draw a smoothed series as a line through its newest value in each column.

    Args:
        before: the column to go on from; None at the curve's beginning.
    """
    steps = curve.series.steps
    reach = 3 * curve.series.stride()
    left = values.value(before.stop - 1) if before is not None else math.nan
    for column in columns:
        value = values.value(column.stop - 1)
        if plot.shows(value):
            x, y = column.x, plot.row(value)
            if (
                before is None
                or not plot.shows(left)
                or (x - before.x > 1 and steps[column.start] - steps[before.stop - 1] > reach)
            ):
                canvas.set(x, y)
            else:
                canvas.line(before.x, plot.row(left), x, y)
        before, left = column, value


def to_the_edges(
    canvas: Canvas, plot: Plot, curve: Curve, values: Pyramid, columns: Sequence[Column]
) -> None:
    """Draw the lines that come from points left of a window, and lead to those right of it."""
    enters, leaves = edges(curve, values, plot.first, plot.last, log=plot.y.log)
    right = canvas.dots_wide - 1
    if not columns:
        if math.isfinite(enters) and math.isfinite(leaves):
            canvas.line(0, plot.row(enters), right, plot.row(leaves))
        return
    first, last = values.value(columns[0].start), values.value(columns[-1].stop - 1)
    if math.isfinite(enters) and plot.shows(first) and columns[0].x > 0:
        canvas.line(0, plot.row(enters), columns[0].x, plot.row(first))
    if math.isfinite(leaves) and plot.shows(last) and columns[-1].x < right:
        canvas.line(columns[-1].x, plot.row(last), right, plot.row(leaves))


def paint(
    sheet: Sheet,
    plot: Plot,
    curves: Sequence[Curve],
    raw: Sequence[Canvas],
    smooth: Sequence[Canvas | None],
    look: Look,
) -> None:
    """Put the canvases on the sheet: the first curve on top, smoothed lines over raw dots."""
    kind = "raw" if look.smoothing else "series"
    glyphs = GLYPHS[look.ascii_only]
    styles = [curve.style % STYLES for curve in curves]
    for y in range(plot.height):
        under = bytearray(plot.width)
        for index in range(len(raw) - 1, -1, -1):
            style = f"{kind}-{styles[index]}"
            for x, bits in enumerate(raw[index].cells[y]):
                if bits:
                    under[x] |= bits
                    sheet.set(plot.left + x, plot.top + y, glyphs[under[x]], style)
        for index in range(len(smooth) - 1, -1, -1):
            line = smooth[index]
            if line is None:
                continue
            style = f"series-{styles[index]}"
            for x, bits in enumerate(line.cells[y]):
                if bits:
                    sheet.set(plot.left + x, plot.top + y, glyphs[bits], style)


def marks(sheet: Sheet, plot: Plot, curve: Curve, columns: Sequence[Column], look: Look) -> None:
    """Marks at a curve's points: what tells the second curve from the first without colour.

    Args:
        columns: its points by dot columns.
    """
    glyphs = ASCII_MARKS if look.ascii_only else MARKS
    style = curve.style % STYLES
    mark = glyphs[style]
    few = len(columns) <= plot.width // 4
    if style == 0:
        # A line without marks, but one point alone would hardly be seen.
        if len(curve.series) > 1:
            return
        mark = glyphs[4]
    # Curves in step would have their marks in one column, one over the other.
    every = 1 if few else MARK_EVERY
    taken = -every if few else style * MARK_EVERY // STYLES - every
    for column in columns:
        cell = column.x // 2
        value = curve.series.values.value(column.stop - 1)
        if cell - taken < every or not plot.shows(value):
            continue
        taken = cell
        sheet.put(plot.left + cell, plot.top + plot.row(value) // 4, mark, f"series-{style}")


def level_line(sheet: Sheet, plot: Plot, level: Level, look: Look) -> None:
    """Draw a dashed line across the plot, at its dot row, where no curve is."""
    row = plot.row(level.value)
    glyph = GLYPHS[look.ascii_only][DOTS[0][row % 4] | DOTS[1][row % 4]]
    y = plot.top + row // 4
    for x in range(plot.left, plot.left + plot.width, 2):
        if sheet.style(x, y) in FREE:
            sheet.set(x, y, glyph, "level")


def level_label(sheet: Sheet, plot: Plot, text: str, value: float) -> bool:
    """Write what a line is beside it, where no curve is; False where there is no room."""
    y = plot.top + plot.row(value) // 4
    rows = [row for row in (y, y - 1, y + 1) if plot.top <= row < plot.top + plot.height]
    text = f" {text} "
    for row in rows:
        # On another line it would be taken for that one's name.
        free = FREE | {"level"} if row == y else FREE
        for x in range(plot.left + plot.width - len(text), plot.left - 1, -1):
            if all(sheet.style(x + at, row) in free for at in range(len(text))):
                sheet.put(x, row, text, "label")
                return True
    return False


def crosshair(sheet: Sheet, plot: Plot, curves: Sequence[Curve], look: Look) -> None:
    """Draw the line down at the crosshair where no curve is, and marks on the curves' points."""
    x = look.cross
    if x is None or not plot.first <= x <= plot.last:
        return
    dots = DOTS[plot.column(x) % 2]
    glyph = ":" if look.ascii_only else GLYPHS[0][sum(dots)]
    cell = plot.left + plot.column(x) // 2
    for y in range(plot.top, plot.top + plot.height):
        if sheet.style(cell, y) in FREE or sheet.style(cell, y) == "level":
            sheet.set(cell, y, glyph, "cross")
    glyphs = ASCII_MARKS if look.ascii_only else MARKS
    for curve in reversed(curves):
        value = curve.value_at(x)
        index = curve.until(x) - 1
        if not plot.shows(value):
            continue
        place = plot.column(curve.at(curve.series.steps[index]))
        if 0 <= place < plot.width * 2:
            style = curve.style % STYLES
            mark = glyphs[style or 4]
            sheet.put(plot.left + place // 2, plot.top + plot.row(value) // 4, mark,
                      f"series-{style}")  # fmt: skip
