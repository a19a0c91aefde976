"""Draws a chart of series over steps into rows of text: pure, no widget.

The raw points are drawn as the envelope of their minimum and maximum in every dot column, so that
no spike is ever hidden; smoothing is drawn over it. Series differ by mark as well as by colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlhf_tui.screens.widgets.canvas import GLYPHS, Canvas
from rlhf_tui.screens.widgets.canvas_view import Row, Sheet
from rlhf_tui.screens.widgets.chart_axes import (
    Axis,
    grown_end,
    linear_axis,
    log_axis,
    nice_step,
    number,
    tick_label,
)
from rlhf_tui.tracking.series import Column, Pyramid, Series

COLOURS = 4
"""Series styles there are: more series than these share colours, never marks and names."""
MARKS = "━◆▲■●○"
ASCII_MARKS = "-x+#o*"
HOLE = 3.0
"""Points further apart than so many usual steps are not joined: the line would be invention."""
GUTTER = 6
"""Cells for the y labels at least, so that charts in one column of a grid line up."""

SHORTEST_RULE = 5
"""Cells of grid line between dots that are worth drawing: crumbs only confuse, and cost bytes."""


@dataclass(frozen=True)
class Look:
    """How a chart is drawn."""

    log: bool = False
    smoothing: float = 0.0
    """Weight of the past in the moving average; 0 draws none."""
    ascii_only: bool = False
    total_steps: float = 0.0
    """Where the step axis may end for a live run; 0: unknown."""
    live: bool = False


@dataclass(frozen=True)
class Plot:
    """The plotted rectangle: where it stands on the sheet, and its two axes."""

    left: int
    top: int
    width: int
    height: int
    first: float
    last: float
    """Steps at its edges."""
    y: Axis

    def row(self, value: float) -> int:
        """The dot row of a value, counted from the top."""
        return self.y.dots - 1 - self.y.dot(value)

    def column(self, step: float) -> int:
        """The dot column of a step."""
        if self.last <= self.first:
            return 0
        return round((step - self.first) / (self.last - self.first) * (self.width * 2 - 1))


def draw(
    width: int, height: int, title: str, unit: str, series: list[Series], look: Look
) -> list[Row]:
    """The chart as rows of runs; `width` and `height` in cells."""
    sheet = Sheet(width, height)
    filled = [one for one in series if len(one)]
    _title(sheet, title, unit, filled, look)
    if height < 4 or width < GUTTER + 6:
        return sheet.rows()
    extents = [one.values.extent(0, len(one)) for one in filled]
    low = min((extent[0] for extent in extents), default=math.inf)
    high = max((extent[1] for extent in extents), default=-math.inf)
    if low > high:
        text = "no finite value yet" if filled else "no values yet"
        sheet.put((width - len(text)) // 2, height // 2, text, "dim")
        return sheet.rows()
    plot = layout(width, height, filled, low, high, look)
    _axes(sheet, plot, look)
    raw = [Canvas(plot.width, plot.height) for _ in filled]
    smooth = [Canvas(plot.width, plot.height) for _ in filled]
    for index, one in enumerate(filled):
        columns = one.columns(plot.first, plot.last, plot.width * 2)
        envelope(raw[index], plot, one, one.values, columns)
        if look.smoothing and smoothed(one, filled):
            _mean_line(smooth[index], plot, one, one.smooth(look.smoothing), columns)
    _paint(sheet, plot, raw, smooth, look)
    for index, one in enumerate(filled):
        _marks(sheet, plot, one, index, look)
    return sheet.rows()


def smoothed(series: Series, together: list[Series]) -> bool:
    """Whether smoothing helps: not on evaluations, that are few and far between."""
    return len(series) > 2 and len(series) * 3 >= max(len(one) for one in together)


def layout(
    width: int, height: int, series: list[Series], low: float, high: float, look: Look
) -> Plot:
    """Fit the axes: values from `low` to `high` (finite), steps of all series."""
    rows = height - 2
    ticks = max(2, (rows + 1) // 2)
    if look.log and high > 0:
        axis = log_axis(_lowest_positive(series, low, high, width * 2), high, rows * 4, ticks)
    else:
        axis = linear_axis(low, high, rows * 4, ticks)
    longest = max(len(label) + 1 for _, label in axis.ticks)
    gutter = max(GUTTER, min(longest, width // 2))
    first, last = min(one.steps[0] for one in series), max(one.steps[-1] for one in series)
    if look.live:
        last = grown_end(last, look.total_steps)
    if first <= 0.1 * last:
        first = min(0.0, first)
    return Plot(gutter + 1, 1, max(1, width - gutter - 1), rows, first, last, axis)


def _lowest_positive(series: list[Series], low: float, high: float, count: int) -> float:
    """Where a logarithmic axis begins: the lowest positive value that the columns show."""
    if low > 0:
        return low
    lows = [
        column.low
        for one in series
        for column in one.columns(one.steps[0], one.steps[-1], count)
        if 0 < column.low <= column.high
    ]
    return min(lows, default=high / 1000)


def envelope(
    canvas: Canvas, plot: Plot, series: Series, values: Pyramid, columns: list[Column]
) -> None:
    """Draw minimum to maximum of every column, and join neighbours that belong together."""
    before: Column | None = None
    for column in columns:
        low, high = column.low, column.high
        if low <= high and not (plot.y.log and high <= 0):
            canvas.column(column.x, plot.row(high), plot.row(low))
            if before is not None:
                _join(canvas, plot, series, values, before, column)
        before = column


def _join(
    canvas: Canvas, plot: Plot, series: Series, values: Pyramid, before: Column, after: Column
) -> None:
    left, right = values.value(after.start - 1), values.value(after.start)
    if not (math.isfinite(left) and math.isfinite(right)):
        return
    if plot.y.log and min(left, right) <= 0:
        return
    distance = series.steps[after.start] - series.steps[after.start - 1]
    if after.x - before.x > 1 and distance > HOLE * series.stride():
        return
    top, bottom = plot.row(left), plot.row(right)
    # Dots of neighbouring columns that touch need nothing between them: the usual case.
    if after.x - before.x > 1 or abs(top - bottom) > 1:
        canvas.line(before.x, top, after.x, bottom)


def _mean_line(
    canvas: Canvas, plot: Plot, series: Series, values: Pyramid, columns: list[Column]
) -> None:
    """Draw a smoothed series as a line through its newest value in each column."""
    before: tuple[int, int, int] | None = None
    for column in columns:
        value = values.value(column.stop - 1)
        if not math.isfinite(value) or (plot.y.log and value <= 0):
            before = None
            continue
        x, y = column.x, plot.row(value)
        hole = (
            before is None
            or series.steps[column.start] - series.steps[before[2]] > HOLE * series.stride()
        )
        if before is None or (hole and x - before[0] > 1):
            canvas.set(x, y)
        else:
            canvas.line(before[0], before[1], x, y)
        before = x, y, column.stop - 1


def _title(sheet: Sheet, title: str, unit: str, series: list[Series], look: Look) -> None:
    """Name and unit at the left, newest values at the right."""
    parts: list[tuple[str, str]] = []
    for index, one in enumerate(series):
        if len(series) > 1:
            mark = (ASCII_MARKS if look.ascii_only else MARKS)[index % len(MARKS)]
            parts.append((f"  {mark} {_short(one.name, title)} ", f"series-{index % COLOURS}"))
        parts.append((number(one.last), "strong" if math.isfinite(one.last) else "bad"))
        if look.smoothing and math.isfinite(one.last) and smoothed(one, series):
            mean = one.smooth(look.smoothing).value(len(one) - 1)
            parts.append((f" ~{number(mean)}", "dim"))
    free = sheet.width - len(title) - 1
    while parts and sum(len(text) for text, _ in parts) > free:
        parts.pop()
    sheet.put(0, 0, title, "strong")
    length = sum(len(text) for text, _ in parts)
    axis = "log" if look.log else ""
    if look.log and all(one.values.extent(0, len(one))[1] <= 0 for one in series):
        axis = "no log: nothing above 0"
    note = ", ".join(text for text in (unit, axis) if text)
    if len(title) + 1 + len(note) + 1 + length <= sheet.width:
        sheet.put(len(title) + 1, 0, note, "dim")
    x = sheet.width - length
    for text, style in parts:
        sheet.put(x, 0, text, style)
        x += len(text)


def _short(name: str, title: str) -> str:
    """A series' name in a legend: `eval` for eval_loss in the chart of loss."""
    if name.startswith(("eval_", "eval/")):
        return "eval"
    last = name.rsplit("/", 1)[-1]
    stem = title.rsplit("/", 1)[-1]
    for rest in (last.removesuffix(f"_{stem}"), last.removeprefix(f"{stem}_")):
        if rest != last:
            return rest
    return "train" if last == stem else last


def _axes(sheet: Sheet, plot: Plot, look: Look) -> None:
    bar, tick, grid = ("|", "+", " ") if look.ascii_only else ("│", "┤", "┈")
    for y in range(plot.height):
        sheet.put(plot.left - 1, plot.top + y, bar, "rule")
    for value, label in plot.y.ticks:
        y = plot.top + plot.row(value) // 4
        sheet.put(plot.left, y, grid * plot.width, "grid")
        sheet.put(plot.left - 1, y, tick, "rule")
        sheet.put(plot.left - 2 - len(label), y, " " + label, "dim")
    bottom = plot.top + plot.height
    sheet.put(max(0, plot.left - 6), bottom, "step", "rule")
    if plot.last <= plot.first:
        sheet.put(plot.left, bottom, number(plot.first), "dim")
        return
    step = max(nice_step(plot.last - plot.first, max(1, plot.width // 8)), 1e-9)
    taken = -1
    for index in range(
        math.ceil(plot.first / step - 1e-9), math.floor(plot.last / step + 1e-9) + 1
    ):
        label = tick_label(index * step, step, max(abs(plot.first), abs(plot.last)))
        label = f"{index * step:.0f}" if step >= 1 and plot.last < 1e7 else label
        x = plot.left + plot.column(index * step) // 2 - len(label) // 2
        x = max(plot.left, min(sheet.width - len(label), x))
        if x > taken:
            sheet.put(x, bottom, label, "dim")
            taken = x + len(label)


def _paint(sheet: Sheet, plot: Plot, raw: list[Canvas], smooth: list[Canvas], look: Look) -> None:
    """Put the canvases on the sheet: the first series on top, smoothed lines over raw dots."""
    kind = "raw" if look.smoothing else "series"
    glyphs = GLYPHS[look.ascii_only]
    for y in range(plot.height):
        under = bytearray(plot.width)
        for index in range(len(raw) - 1, -1, -1):
            style = f"{kind}-{index % COLOURS}"
            for x, bits in enumerate(raw[index].cells[y]):
                if bits:
                    under[x] |= bits
                    sheet.set(plot.left + x, plot.top + y, glyphs[under[x]], style)
        for index in range(len(smooth) - 1, -1, -1):
            style = f"series-{index % COLOURS}"
            for x, bits in enumerate(smooth[index].cells[y]):
                if bits:
                    sheet.set(plot.left + x, plot.top + y, glyphs[bits], style)
        sheet.clear_short(plot.left, plot.top + y, "grid", SHORTEST_RULE)


def _marks(sheet: Sheet, plot: Plot, series: Series, index: int, look: Look) -> None:
    """Marks at a series' points: what tells the second series from the first without colour."""
    marks = ASCII_MARKS if look.ascii_only else MARKS
    if len(series) == 1:
        mark = marks[4] if index == 0 else marks[index % len(marks)]
    elif index:
        mark = marks[index % len(marks)]
    else:
        return
    every = 1 if len(series) <= plot.width // 4 else 10
    taken = -every
    for column in series.columns(plot.first, plot.last, plot.width):
        value = series.values.value(column.stop - 1)
        if column.x - taken < every or not math.isfinite(value) or (plot.y.log and value <= 0):
            continue
        taken = column.x
        x = plot.left + plot.column(series.steps[column.stop - 1]) // 2
        sheet.put(x, plot.top + plot.row(value) // 4, mark, f"series-{index % COLOURS}")
