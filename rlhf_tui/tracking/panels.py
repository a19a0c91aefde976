"""Which charts a run gets, in which order: by its kind, by its metrics, and by a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from rlhf_tui.tracking.metric_names import parts, place, same, unit_of
from rlhf_tui.tracking.panel_tables import PANELS, Line, Panel
from rlhf_tui.tracking.series import Series

__all__ = [
    "NOT_METRICS",
    "PANELS",
    "Line",
    "Panel",
    "apart",
    "counterpart",
    "levels",
    "only",
    "panels_for",
]
NOT_METRICS = frozenset({"step", "time", "epoch", "total_steps", "total"})
"""Numbers of a metrics line that say where it stands, not how the run goes."""


def panels_for(kind: str, names: Iterable[str]) -> list[Panel]:
    """The charts for the metrics that a run has: its kind's first, then one for any other.

    An evaluation's metric (`eval_x`, `eval/x`) joins the chart of x. Of a kind without a table,
    as what other programs wrote (`log`), the names alone tell what belongs together.
    """
    present = set(names) - NOT_METRICS
    wanted = PANELS.get(kind, ())
    if not present:
        return list(wanted[:4])
    panels = []
    taken: set[str] = set()
    for panel in wanted:
        metrics = tuple(name for name in panel.metrics if name in present - taken)
        if metrics:
            taken.update(metrics)
            taken.update(line.metric for line in panel.lines)
            panels.append(replace(panel, metrics=metrics))
    return panels + _by_name(present - taken)


def _by_name(names: set[str]) -> list[Panel]:
    """One chart for what is measured on several splits, and for every other metric."""
    trained = {parts(name)[0] for name in names if parts(name)[1] in ("", "train")}
    panels: dict[str, list[str]] = {}
    for name in sorted(names, key=place):
        stem, split = parts(name)
        # A name like val/ratio is no validation where nothing trains by the name of ratio.
        together = stem if split in ("", "train") or stem in trained else name
        panels.setdefault(together, []).append(name)
    return [Panel(found[0], unit_of(found[0]), tuple(found)) for found in panels.values()]


def only(panels: list[Panel], wanted: Callable[[str], bool]) -> list[Panel]:
    """The charts of the metrics that are wanted, cut down to these."""
    found = []
    for panel in panels:
        metrics = tuple(name for name in panel.metrics if wanted(name))
        if metrics:
            title = metrics[0] if len(metrics) == 1 else panel.title
            found.append(replace(panel, title=title, metrics=metrics))
    return found


def apart(panels: list[Panel]) -> list[Panel]:
    """A chart for every metric, as runs are compared."""
    return [
        replace(panel, title=name, metrics=(name,)) for panel in panels for name in panel.metrics
    ]


def counterpart(name: str, names: Mapping[str, object]) -> str:
    """The name by which another run logs a metric; empty where it has none."""
    if name in names:
        return name
    return next((other for other in names if same(other) == same(name)), "")


def levels(
    panel: Panel, series: Mapping[str, Series], arguments: Mapping[str, object]
) -> list[tuple[str, float]]:
    """The reference lines of a chart that this run has: labels and values."""
    found = []
    for line in panel.lines:
        if line.metric:
            one = series.get(line.metric)
            value: object = one.last if one is not None and len(one) else None
        elif not line.when or arguments.get(line.when):
            value = arguments.get(line.argument)
        else:
            value = None
        if isinstance(value, int | float) and math.isfinite(value):
            found.append((line.label, float(value)))
    return found
