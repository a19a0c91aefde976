"""The newest figures of a machine and of a run's speed, a row each: label, bar, words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rlhf_tui.runs.layout import GpuRow, MachineRow
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.tracking.clock import XAxis
from rlhf_tui.tracking.series import Series

LABEL = 9
BAR = (8, 30)
"""Cells of a bar, at least and at most."""
NARROW = 30
"""Cells that the words beside a bar are given first."""
PHASE = "time/"
"""Metrics of seconds that a step spent in a phase begin so."""
APART = "time/evaluate"
"""Not of every step."""
MEAN_OF = 10
"""Newest values that a phase's time is the mean of."""
FULL = 0.95
"""Share of a memory or disk from which it is a matter of concern."""
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: float) -> str:
    """Bytes for people: `61.2 GiB`."""
    index = min(len(_SIZES) - 1, int(math.log(max(count, 1), 1024)))
    value = count / 1024**index
    return f"{value:.3g} {_SIZES[index]}" if value < 999.5 else f"{value:.0f} {_SIZES[index]}"


def machine_rows(row: MachineRow, width: int, glyphs: Glyphs) -> list[Row]:
    """The machine at a moment, GPUs first."""
    rows: list[Row] = []
    for gpu in row.gpus:
        rows += _gpu(gpu, width, glyphs)
    run = f", run {row.run_cpu:.0f}% of one core"
    rows.append(_row("CPU", row.cpu / 100, f"{row.cpu:.0f}%{run}", width, glyphs))
    held = f", run {size(row.run_ram)}" if row.run_ram else ""
    rows.append(_share("RAM", row.ram, row.ram_total, held, width, glyphs))
    if row.disk_total:
        used = row.disk_total - row.disk_free
        text = f"{size(row.disk_free)} of {size(row.disk_total)} free"
        rows.append(_row("disk", used / row.disk_total, text, width, glyphs, alarming=True))
    rates = f"run reads {size(row.read)}/s, writes {size(row.written)}/s"
    rows.append(_words("", rates))
    return rows


def _gpu(gpu: GpuRow, width: int, glyphs: Glyphs) -> list[Row]:
    name = clean(gpu.name, encoding=glyphs.encoding).text.replace("\n", " ")
    label = f"GPU {gpu.index}"
    facts = []
    if gpu.use is not None:
        facts.append(f"{gpu.use:.0f}%")
    if gpu.temperature is not None:
        facts.append(f"{gpu.temperature:.0f} {'C' if glyphs.encoding != 'utf-8' else '°C'}")
    if gpu.power is not None:
        limit = f" of {gpu.power_limit:.0f}" if gpu.power_limit else ""
        facts.append(f"{gpu.power:.0f}{limit} W")
    text = ", ".join(facts) or "tells no figures"
    if LABEL + BAR[0] + 2 + len(text) + len(name) <= width:
        text = f"{text} {name}".rstrip()
    rows = [_words(label, text)]
    if gpu.use is not None:
        rows = [_row(label, gpu.use / 100, text, width, glyphs)]
    if gpu.memory is not None:
        rows.append(_share("memory", gpu.memory, gpu.memory_total or 0.0, "", width, glyphs))
    return rows


def _share(label: str, part: float, whole: float, more: str, width: int, glyphs: Glyphs) -> Row:
    if not whole:
        return _words(label, f"{size(part)}{more}")
    text = f"{size(part)} of {size(whole)}{more}"
    return _row(label, part / whole, text, width, glyphs, alarming=True)


def _row(
    label: str, share: float, text: str, width: int, glyphs: Glyphs, *, alarming: bool = False
) -> Row:
    share = min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    length = max(BAR[0], min(BAR[1], width - LABEL - max(len(text), NARROW) - 1))
    full = round(length * share)
    alarm = alarming and share >= FULL
    return [
        (label.ljust(LABEL), "dim"),
        (glyphs.full * full, "bad" if alarm else "accent"),
        (glyphs.empty * (length - full), "rule"),
        (f" {text}", "bad" if alarm else ""),
    ]


def _words(label: str, text: str) -> Row:
    return [(label.ljust(LABEL), "dim"), (text, "")]


def speed_rows(
    rates: Mapping[XAxis, float],
    series: Mapping[str, Series],
    left: str,
    width: int,
    glyphs: Glyphs,
) -> list[Row]:
    """How fast the run is, where its time goes, and when it ends.

    Args:
        rates: steps, tokens and samples a second.
        left: words for what is left; empty: that is not known, or it has ended.
    """
    rows = []
    words = {"step": "steps", "tokens": "tokens", "samples": "samples"}
    told = [f"{number(rate)} {words[axis]}/s" for axis, rate in rates.items() if axis in words]
    if told:
        if 0 < rates.get("step", 1.0) < 0.5:
            told[0] = f"{number(1 / rates['step'])} s a step"
        text = ", ".join(told)
        if LABEL + len(text) > width and len(told) > 1:
            # The steps' rate alone; tokens and samples below it.
            rows.append(_words("speed", told[0]))
            rows.append(_words("", ", ".join(told[1:])))
        else:
            rows.append(_words("speed", text))
    spent = {
        name: mean
        for name, one in series.items()
        if name.startswith(PHASE) and (mean := _recent(one)) is not None
    }
    apart = spent.pop(APART, None)
    whole = sum(spent.values())
    if whole > 0:
        parts = sorted(spent, key=lambda name: -spent[name])
        named = [
            f"{clean(name.removeprefix(PHASE), encoding=glyphs.encoding).text} "
            f"{spent[name] / whole:.0%}"
            for name in parts
        ]
        rows.append(_words("a step", f"{number(whole)} s: {', '.join(named)}"))
    if apart is not None:
        text = f"{number(apart)} s an evaluation"
        if whole > 0 and sum(len(part) for part, _ in rows[-1]) + len(text) + 2 <= width:
            rows[-1].append((f"; {text}", ""))
        else:
            rows.append(_words("", text))
    if left:
        rows.append(_words("left", left))
    return rows


def _recent(series: Series) -> float | None:
    """The mean of the newest finite values, none of them negative; None without any."""
    count = len(series)
    values = [series.values.value(i) for i in range(max(0, count - MEAN_OF), count)]
    finite = [value for value in values if math.isfinite(value) and value >= 0]
    return sum(finite) / len(finite) if finite else None
