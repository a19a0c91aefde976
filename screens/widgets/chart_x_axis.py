"""The x axis of a chart: round places, written in steps, time, tokens or samples."""

from __future__ import annotations

import math

from rlhf_tui.screens.widgets.canvas_view import Sheet
from rlhf_tui.screens.widgets.chart_axes import nice_step, number, tick_label
from rlhf_tui.screens.widgets.chart_scale import Plot
from rlhf_tui.tracking.clock import XAxis

LABEL = 8
"""Cells between two labels at least."""
_TIMES = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * n for n in (1, 2, 3, 6, 12)),
)
"""Seconds that people count in; from a day on, days."""
_SIZES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def place(x: float, axis: XAxis) -> str:
    """A place on the axis for people: `83`, `1h20m`, `1.24M`."""
    if axis == "time":
        return elapsed(x)
    if axis == "step":
        return f"{x:.0f}" if abs(x) < 1e7 and float(x).is_integer() else number(x)
    for size, letter in _SIZES:
        if abs(x) >= size:
            return f"{x / size:.3g}{letter}" if abs(x) < 1e3 * size else f"{x / size:.0f}{letter}"
    return f"{x:.0f}"


def elapsed(seconds: float) -> str:
    """A length of time in its two largest units: `45s`, `1m30s`, `1h20m`, `2d3h`."""
    if abs(seconds) < 60:
        return f"{seconds:.3g}s"
    whole = round(seconds)
    for size, unit, part, smaller in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if abs(whole) >= size:
            rest = whole % size // part
            return f"{whole // size}{unit}" + (f"{rest}{smaller}" if rest else "")
    return f"{whole}s"


def interval(span: float, count: int, axis: XAxis) -> float:
    """The least round distance that makes at most `count` intervals of a span."""
    if axis == "time" and span > count:
        wanted = span / count
        found = next((step for step in _TIMES if step >= wanted * (1 - 1e-9)), None)
        return found if found is not None else 86400 * max(1.0, nice_step(span / 86400, count))
    step = nice_step(span, count)
    # There is no half token.
    return step if axis in ("step", "time") else max(1.0, step)


def written(x: float, step: float, axis: XAxis, largest: float) -> str:
    """A tick's label, with as many figures as its axis asks for."""
    if abs(x) < step * 1e-6:
        return "0"
    if axis == "time":
        return elapsed(x)
    if axis == "step":
        plain = step >= 1 and largest < 1e7
        return f"{x:.0f}" if plain else tick_label(x, step, largest)
    size, letter = next(((s, c) for s, c in _SIZES if abs(x) >= s), (1.0, ""))
    decimals = max(0, min(6, -math.floor(math.log10(step / size) + 1e-9)))
    text = f"{x / size:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + letter


def draw_x(sheet: Sheet, plot: Plot, axis: XAxis, name: str) -> None:
    """Write the axis's name and labels into the row below the plot."""
    y = plot.top + plot.height
    begin = max(0, plot.left - 2 - len(name))
    sheet.put(begin, y, name, "rule")
    if plot.last <= plot.first:
        sheet.put(max(plot.left, begin + len(name) + 1), y, place(plot.first, axis), "dim")
        return
    step = max(interval(plot.last - plot.first, max(1, plot.width // LABEL), axis), 1e-9)
    largest = max(abs(plot.first), abs(plot.last))
    taken = begin + len(name)
    first, last = math.ceil(plot.first / step - 1e-9), math.floor(plot.last / step + 1e-9)
    for index in range(first, last + 1):
        label = written(index * step, step, axis, largest)
        x = plot.left + plot.column(index * step) // 2 - len(label) // 2
        x = max(plot.left, min(sheet.width - len(label), x))
        if x > taken:
            sheet.put(x, y, label, "dim")
            taken = x + len(label)
