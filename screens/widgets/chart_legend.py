"""The words over a chart: its name and unit, and which curve is which and where it stands.

Few curves stand beside the name; more get a row of their own, as far as the chart is high enough;
a chart with all the room tells each curve's extremes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlhf_tui.screens.widgets.canvas_view import Run, Sheet
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.chart_data import ASCII_MARKS, MARKS, STYLES, Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_scale import logarithmic, smoothed

VALUE = 6
"""Cells that a value is given when a legend is laid out, so that it does not move with values."""
LONG_VALUE = 9
"""The same for values with more characters, such as -0.004748."""
SHORT_LABEL = 7
LOWEST = 8
"""Rows of a chart that can spare one for a legend."""
ROOMY = 10
"""Rows of a chart that can spare one, so that the unit stays beside the name."""
LOWEST_TABLE = 14
"""Rows of a chart that can spare one for every curve."""


def draw_legend(sheet: Sheet, drawing: Drawing, curves: Sequence[Curve], look: Look) -> int:
    """Write name, unit and legend; returns how many rows they take."""
    if not curves:
        _name(sheet, drawing, curves, look, sheet.width)
        return 1
    if look.full and sheet.height >= LOWEST_TABLE + len(curves):
        _name(sheet, drawing, curves, look, sheet.width)
        _table(sheet, curves, look)
        return 1 + len(curves)
    rows, shortness = _layout(sheet, drawing, curves, look)
    if rows:
        _name(sheet, drawing, curves, look, sheet.width)
        _flow(sheet, curves, shortness, rows, look)
        return 1 + rows
    parts = [part for one in curves for part in _entry(one, curves, shortness, look)]
    while parts and sum(len(text) for text, _ in parts) > sheet.width - len(drawing.title) - 1:
        parts.pop()
    length = sum(len(text) for text, _ in parts)
    _name(sheet, drawing, curves, look, sheet.width - length - 1)
    _write(sheet, sheet.width - length, 0, parts)
    return 1


def _layout(sheet: Sheet, drawing: Drawing, curves: Sequence[Curve], look: Look) -> tuple[int, int]:
    """How many rows of its own a legend gets, and how short its words are."""
    widths = [[_nominal(one, curves, n, look) for one in curves] for n in range(5)]
    free = sheet.width - len(drawing.title) - 2
    unit = len(drawing.unit) + 2 if sheet.height >= ROOMY else 0
    beside = next((n for n in (1, 2) if sum(widths[n]) <= free - unit), None)
    if beside is not None or not _named(curves) or sheet.height < LOWEST:
        return 0, beside if beside is not None else 4
    for most in range(1, max(1, (sheet.height - 6) // 4) + 1):
        for shortness in range(0 if most == 1 else 1, 3):
            fits = max(widths[shortness]) <= sheet.width
            if fits and (rows := _rows(widths[shortness], sheet.width)) <= most:
                return rows, shortness
    if _rows(widths[3], sheet.width) == 1:
        return 1, 3
    return 1, 4


def _rows(widths: Sequence[int], width: int) -> int:
    """How many rows entries of these widths take."""
    rows, x = 1, 0
    for one in widths:
        if x and x + one > width:
            rows, x = rows + 1, 0
        x += one
    return rows


def _flow(sheet: Sheet, curves: Sequence[Curve], shortness: int, rows: int, look: Look) -> None:
    """Write a legend into rows below the name, each entry whole."""
    x, y = 0, 1
    for one in curves:
        width = _nominal(one, curves, shortness, look)
        if x and x + width > sheet.width and y < rows:
            x, y = 0, y + 1
        x += max(width, _write(sheet, x, y, _entry(one, curves, shortness, look)[1:]) + 2)


def _write(sheet: Sheet, x: int, y: int, parts: Sequence[Run]) -> int:
    length = 0
    for text, style in parts:
        sheet.put(x + length, y, text, style)
        length += len(text)
    return length


def _name(sheet: Sheet, drawing: Drawing, curves: Sequence[Curve], look: Look, room: int) -> None:
    """The name, and what of unit and kind of axis fits behind it."""
    sheet.put(0, 0, drawing.title, "strong")
    axis = "log" if look.log else ""
    if axis and curves and not logarithmic(curves, look):
        axis = "no log: nothing above 0"
    note = ", ".join(text for text in (drawing.unit, axis) if text)
    for text in (note, axis):
        if text and len(drawing.title) + 1 + len(text) <= room:
            sheet.put(len(drawing.title) + 1, 0, text, "dim")
            return


def mark_of(curve: Curve, look: Look) -> str:
    """The sign of a curve."""
    return (ASCII_MARKS if look.ascii_only else MARKS)[curve.style % STYLES]


def _named(curves: Sequence[Curve]) -> bool:
    """Whether a legend says which curve is which."""
    return len(curves) > 1 or curves[0].named


def _label(curve: Curve, curves: Sequence[Curve], shortness: int) -> str:
    """What a curve is called: with all that tells it apart, by its name, shortened, or by none."""
    if shortness == 0 and curve.more:
        return f"{curve.label} {curve.more}"
    if shortness < 3:
        return curve.label
    return _differing(curve.label, curves)[:SHORT_LABEL] if shortness == 3 else ""


def _differing(label: str, curves: Sequence[Curve]) -> str:
    """The part of a label in which it differs from the others: 0011 of ppo-0011 and ppo-0012."""
    # What the first and the last one of all have in common, all have.
    low, high = min(one.label for one in curves), max(one.label for one in curves)
    same = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    cut = max(low[:same].rfind(sign) for sign in "-_/ .") + 1
    return label[cut:] or label


def _nominal(curve: Curve, curves: Sequence[Curve], shortness: int, look: Look) -> int:
    """Cells of an entry, at the usual length of values."""
    value = VALUE if len(value_text(curve, look)[0]) <= VALUE else LONG_VALUE
    mean = value + 2 if _has_mean(curve, curves, shortness, look) else 0
    label = _label(curve, curves, shortness)
    return value + mean + (4 + len(label) + bool(label) if _named(curves) else 0)


def _has_mean(curve: Curve, curves: Sequence[Curve], shortness: int, look: Look) -> bool:
    return bool(
        look.smoothing and smoothed(curve, curves) and (shortness < 2 or not _named(curves))
    )


def _entry(curve: Curve, curves: Sequence[Curve], shortness: int, look: Look) -> list[Run]:
    """A curve in a legend: a gap, its mark and name, and where it stands."""
    parts: list[Run] = []
    if _named(curves):
        label = _label(curve, curves, shortness)
        text = f"{mark_of(curve, look)} {label}{' ' if label else ''}"
        parts = [("" if curve is curves[0] else "  ", ""), (text, f"series-{curve.style % STYLES}")]
    parts.append(value_text(curve, look))
    mean = _mean(curve, look) if _has_mean(curve, curves, shortness, look) else math.nan
    if math.isfinite(mean):
        parts.append((f" ~{number(mean)}", "dim"))
    return parts


def value_text(curve: Curve, look: Look) -> Run:
    """The newest value, or the one at the crosshair."""
    if look.cross is None:
        return number(curve.series.last), "strong" if math.isfinite(curve.series.last) else "bad"
    value = curve.value_at(look.cross)
    return (number(value), "strong") if math.isfinite(value) else ("-", "dim")


def _mean(curve: Curve, look: Look) -> float:
    """The moving average at the newest point, or at the crosshair; NaN in a gap."""
    means = curve.series.smooth(look.smoothing)
    if look.cross is None:
        return means.value(len(curve.series) - 1)
    if not math.isfinite(curve.value_at(look.cross)):
        return math.nan
    return means.value(curve.until(look.cross) - 1)


def _table(sheet: Sheet, curves: Sequence[Curve], look: Look) -> None:
    """A row for each curve: what it is, where it stands, and its extremes in what is seen."""
    labels = [_label(one, curves, 0) for one in curves] if _named(curves) else [""]
    width = max(map(len, labels))
    if width + 44 > sheet.width:
        labels = [_label(one, curves, 1) for one in curves] if _named(curves) else [""]
        width = max(map(len, labels))
    told = [_facts(one, curves, look) for one in curves]
    wide = [
        max(VALUE, *(len(facts[at][1]) for facts in told if at < len(facts)))
        for at in range(max(map(len, told)))
    ]
    for y, (one, label, facts) in enumerate(zip(curves, labels, told, strict=True), 1):
        x = 0
        if label:
            style = f"series-{one.style % STYLES}"
            sheet.put(0, y, f"{mark_of(one, look)} {label.ljust(width)}", style)
            x = width + 4
        for (word, value), room in zip(facts, wide, strict=False):
            if x + len(word) + 1 + len(value) > sheet.width:
                break
            sheet.put(x, y, word, "dim")
            sheet.put(x + len(word) + 1, y, value, "strong")
            x += len(word) + room + 3


def _facts(curve: Curve, curves: Sequence[Curve], look: Look) -> list[tuple[str, str]]:
    """Where a curve stands, and its extremes in what is seen."""
    told = [("last" if look.cross is None else "at", value_text(curve, look)[0])]
    if look.smoothing:
        mean = _mean(curve, look) if smoothed(curve, curves) else math.nan
        told.append(("ema", number(mean) if math.isfinite(mean) else "-"))
    start, stop = 0, len(curve.series)
    if look.window is not None:
        start, stop = curve.before(look.window[0]), curve.until(look.window[1])
    low, high = curve.series.values.extent(start, stop) if stop > start else (1.0, 0.0)
    for word, value in (("min", low), ("max", high)):
        told.append((word, number(value) if low <= high else "-"))
    if look.cross is not None:
        told.append(("last", number(curve.series.last)))
    return told


def labels_of(names: Sequence[str], title: str) -> list[str]:
    """Metrics' names in the legend of one run's chart: `eval` for eval_loss in that of loss."""
    short = [_short(name, title) for name in names]
    return [
        word if short.count(word) == 1 else _longer(word, name, title)
        for word, name in zip(short, names, strict=True)
    ]


def _longer(word: str, name: str, title: str) -> str:
    """What tells a name apart from one that is shortened to the same word."""
    group = name.rpartition("/")[0]
    if word == "train" and group:
        # Of the same figure for two parts of a model: policy/clipfrac_avg, val/clipfrac_avg.
        return {"val": "value"}.get(group, group)
    return f"{word} {_short(_base(name), title)}"


def _base(name: str) -> str:
    return name[5:] if name.startswith(("eval_", "eval/")) else name


def _short(name: str, title: str) -> str:
    if _base(name) != name:
        return "eval"
    last = name.rsplit("/", 1)[-1]
    stem = title.rsplit("/", 1)[-1]
    for word in (stem, *stem.split()):
        for rest in (last.removesuffix(f"_{word}"), last.removeprefix(f"{word}_")):
            if rest != last:
                return rest
    return "train" if last == stem else last
