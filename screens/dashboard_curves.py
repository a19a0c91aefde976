"""From runs to charts: which curve of which run stands in which chart, by what name and colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rich.cells import cell_len

from rlhf_tui.screens.dashboard_pane import Watched
from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Level
from rlhf_tui.screens.widgets.chart_legend import labels_of
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.tracking.clock import X_AXES, Clock, XAxis
from rlhf_tui.tracking.panels import Panel, apart, counterpart, levels, panels_for

LONGEST_NAME = 40
"""Characters of a metric's or run's name that are shown: other programs name as they please."""
LONGEST_TITLE = 24


class Styles:
    """Colours and marks of compared runs: a run keeps its own while it is compared."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    @property
    def kept(self) -> dict[str, int]:
        """The style of each of the runs that were asked for last, by id."""
        return dict(self._of)

    def take(self, styles: Mapping[str, int]) -> None:
        """Give these runs, by id, the styles they had."""
        self._of = dict(styles)

    def of(self, runs: list[Watched]) -> list[int]:
        """The style of each of the runs; one that comes takes the first that is free."""
        ids = [run.info.run_id for run in runs]
        kept = {run_id: style for run_id, style in self._of.items() if run_id in ids}
        for run_id in reversed(ids):
            # Kept ones come first: the cursor's walk through the list leaves them their colours.
            if run_id not in kept:
                taken = set(kept.values())
                kept[run_id] = next(n for n in range(len(ids) + 1) if n not in taken)
        self._of = kept
        return [kept[run_id] for run_id in ids]


def panels_of(run: Watched, others: list[Watched]) -> list[Panel]:
    """The charts of a run; beside others one for each metric, also of those that only they have."""
    panels = panels_for(run.info.kind, run.follower.series)
    if not others:
        return panels
    panels = apart(panels)
    known: dict[str, object] = dict.fromkeys(m for panel in panels for m in panel.metrics)
    known |= dict.fromkeys(line.metric for panel in panels for line in panel.lines)
    for other in others:
        for panel in apart(panels_for(other.info.kind, other.follower.series)):
            if not counterpart(panel.metrics[0], known):
                known[panel.metrics[0]] = None
                panels.append(panel)
    return panels


def axes_of(runs: list[Watched]) -> list[XAxis]:
    """The x axes that there are for any of these runs."""
    return [
        axis
        for axis in X_AXES
        if axis == "step" or any(len(run.follower.clocks.get(axis, ())) > 1 for run in runs)
    ]


def drawing_of(
    panel: Panel,
    runs: list[Watched],
    styles: list[int],
    axis: XAxis,
    arguments: Mapping[str, Mapping[str, object]],
    encoding: str = "utf-8",
) -> Drawing:
    """A chart with its curves.

    Args:
        runs: the chosen one first.
        arguments: of runs by id, as far as they are known.
    """

    def shown(text: str, longest: int = LONGEST_NAME) -> str:
        line = clean(text, encoding=encoding).text.replace("\n", " ")[:longest]
        # A chart is drawn cell by cell.
        return "".join(c if cell_len(c) == 1 else "?" for c in line)

    first = runs[0]
    lines = levels(panel, first.follower.series, arguments.get(first.info.run_id, {}))
    own = Drawing(
        shown(panel.title),
        panel.unit,
        levels=tuple(Level(label, value) for label, value in lines),
        x=panel.x,
    )
    if len(runs) == 1:
        series = first.follower.series
        names = [name for name in panel.metrics if name in series]
        clock = _clock(first, axis, panel)
        if axis != "step" and clock is None and not panel.x:
            return own
        return replace(
            own,
            curves=tuple(
                Curve(series[name], shown(label), style, clock)
                for style, (name, label) in enumerate(
                    zip(names, labels_of(names, panel.title), strict=True)
                )
            ),
        )
    curves = []
    for run, style in zip(runs, styles, strict=True):
        name = counterpart(panel.metrics[0], run.follower.series)
        clock = _clock(run, axis, panel)
        if not name or (axis != "step" and clock is None and not panel.x):
            continue
        more = shown(run.info.title, LONGEST_TITLE)
        one = run.follower.series[name]
        curves.append(Curve(one, shown(run.info.run_id), style, clock, more, named=True))
    return replace(own, curves=tuple(curves))


def _clock(run: Watched, axis: XAxis, panel: Panel) -> Clock | None:
    return None if axis == "step" or panel.x else run.follower.clocks.get(axis)
