"""Charts for papers: the curves of runs drawn by matplotlib, the same bytes for the same input.

Runs are told apart by colour (Okabe and Ito's, which people with every common colour blindness
tell apart), by the line's style and by a marker: also in print without colour.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, BinaryIO

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.clock import X_AXES, XAxis
from rlhf_tui.tracking.comparison import headings, metric_names
from rlhf_tui.tracking.panels import panels_for
from rlhf_tui.tracking.patterns import Pattern
from rlhf_tui.tracking.pyramid import Pyramid
from rlhf_tui.tracking.series import Series
from rlhf_tui.tracking.subjects import Subject

ENDINGS = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
MARKS = 8
"""Markers along a curve."""
DOTS_PER_INCH = 200
LETTERS = 11
"""Letters beside an inch of a chart's height, of which the axis takes two thirds."""
MOST_POINTS = 4000
"""Longer curves are drawn as the lowest and highest value of each of half as many stretches."""
MOST_PANELS = 12
MOST_NAME = 40


@dataclass(frozen=True)
class Look:
    """How it is drawn."""

    x: XAxis = "step"
    smooth: float = 0.0
    """Weight of the past in the moving average, in [0, 1); 0 draws the values alone."""
    log_y: bool = False
    size: tuple[float, float] = (6.0, 4.0)
    """Inches of one chart."""


def charted(subjects: Sequence[Subject], wanted: Sequence[Pattern]) -> list[str]:
    """The metrics that a figure shows, each once; [] where none is meant.

    They stand in the order of the expressions; of each, those of the kinds' charts first.

    Raises:
        UsageError: more than fit side by side.
        TooSlow: as of `Pattern.places`.
    """
    meant = dict.fromkeys(name for one in wanted for name in metric_names(subjects, one))
    names = [name for name in meant if any(name in subject.series for subject in subjects)]
    if len(names) > MOST_PANELS:
        raise UsageError(
            f"{len(names)} metrics are meant, and at most {MOST_PANELS} are drawn side by side.",
            hint=f"Name fewer: {', '.join(names[:6])} are among them.",
        )
    return names


def draw(
    subjects: Sequence[Subject], names: Sequence[str], look: Look, ending: str, file: BinaryIO
) -> list[str]:
    """Draw the metrics, a chart each, with the curves of all runs.

    Args:
        ending: of the file's name, one of `ENDINGS`.

    Returns:
        Sentences on what could not be drawn.

    Raises:
        UsageError: a run has nothing to tell by which its curve could stand over this x axis, or
            no value can stand on a logarithmic axis.
    """
    for subject in subjects:
        if look.x != "step" and not len(subject.clocks.get(look.x, ())):
            has = ["step", *(x for x in X_AXES if len(subject.clocks.get(x, ())))]
            raise UsageError(
                f"{subject.run_id} does not log {look.x}.",
                hint=f"It can be drawn by {' or '.join(has)}.",
            )
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        # What stands in a person's own settings would make other bytes.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "rlhf-tui",
                "pdf.fonttype": 42,
                "font.size": 9,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "legend.frameon": False,
            }
        )
        across = min(len(names), 1 if len(names) == 1 else 2 if len(names) <= 4 else 3)
        down = math.ceil(len(names) / across)
        size = (look.size[0] * across, look.size[1] * down)
        figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
        notes = []
        for place, name in enumerate(names):
            axes = figure.add_subplot(down, across, place + 1)
            notes += _chart(axes, subjects, name, look)
        no_date: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        form = ENDINGS[ending]
        figure.savefig(file, format=form, metadata=no_date.get(form, {"Software": None}))
    return notes


def _chart(axes: Any, subjects: Sequence[Subject], name: str, look: Look) -> list[str]:
    """Draw one metric; sentences on values that cannot stand on its axis."""
    notes = []
    unit_of_time, seconds = _time_unit(subjects) if look.x == "time" else ("", 1.0)
    drawn = 0
    for place, (subject, head) in enumerate(zip(subjects, headings(subjects), strict=True)):
        series = subject.series.get(name)
        if series is None or not len(series):
            continue
        label = head if not subject.title else f"{head}: {subject.title}"
        colour = COLOURS[place % len(COLOURS)]
        kept = [(series.values, 0.3 if look.smooth else 1.0)]
        if look.smooth:
            kept.append((series.smooth(look.smooth), 1.0))
        for averaged, (values, strength) in enumerate(kept):
            steps, ys = points(series, values)
            clock = subject.clocks.get(look.x)
            xs = steps if clock is None else [clock.at(step) / seconds for step in steps]
            if look.log_y:
                # All of them, also where only the ends of stretches are drawn.
                below = 0 if averaged else sum(1 for y in values.levels[0][0] if y <= 0)
                if below:
                    notes.append(
                        f"{name} of {head} has points that are not above 0, {below:,} of"
                        f" {len(series):,}: gaps on the logarithmic axis."
                    )
                ys = [y if y > 0 else math.nan for y in ys]
            drawn += any(map(math.isfinite, ys))
            main = strength == 1.0
            axes.plot(
                xs,
                ys,
                color=colour,
                alpha=strength,
                linestyle=STYLES[place % len(STYLES)] if main else "-",
                linewidth=1.4 if main else 0.8,
                marker=MARKERS[place % len(MARKERS)] if main else None,
                markevery=max(1, len(xs) // MARKS),
                markersize=4,
                label=_plain(label) if main else None,
            )
    if look.log_y:
        if not drawn:
            raise UsageError(
                f"No value of {name} is above 0: it cannot stand on a logarithmic axis.",
                hint="Draw it without --log-y.",
            )
        axes.set_yscale("log")
    axes.set_xlabel(f"time ({unit_of_time})" if unit_of_time else look.x)
    unit = next((p.unit for s in subjects for p in panels_for(s.kind, [name]) if p.unit), "")
    told = f"{name} ({unit})" if unit else name
    told = _plain(f"{told}, smoothed {look.smooth:g}" if look.smooth else told)
    # No longer than the axis that it stands beside: the chart above begins there.
    axes.set_ylabel(fill(told, max(8, int(look.size[1] * LETTERS))))
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.legend()
    return notes


def points(series: Series, values: Pyramid) -> tuple[list[float], list[float]]:
    """What is drawn of a curve: all its points, or of a long one the ends of each stretch."""
    steps = series.steps
    if len(steps) <= MOST_POINTS:
        return list(steps), [values.value(place) for place in range(len(steps))]
    xs, ys = [], []
    for _, start, stop, _, _ in series.columns(steps[0], steps[-1], MOST_POINTS // 2):
        low, high = values.extent(start, stop)
        finite = low <= high
        middle = steps[(start + stop) // 2]
        xs += [middle, middle]
        ys += [low, high] if finite else [math.nan, math.nan]
    return xs, ys


def _time_unit(subjects: Sequence[Subject]) -> tuple[str, float]:
    """The unit in which the longest run is told, and its length in seconds."""
    longest = max((max(s.clocks["time"].values, default=0.0) for s in subjects), default=0.0)
    units = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("days", 86400.0))
    bounds = [120.0, 7200.0, 172800.0]
    return units[bisect_left(bounds, longest)]


def _plain(text: str) -> str:
    """A text as it is written: no formula, nothing that cannot be drawn."""
    shown = "".join(c for c in text if c.isprintable())
    cut = shown if len(shown) <= MOST_NAME * 2 else f"{shown[: MOST_NAME * 2]}…"
    return cut.replace("$", r"\$")


def ending_of(path: Path) -> str:
    """The ending of a chart's file.

    Raises:
        UsageError: another one.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"{path} does not end like a picture's name.", hint="Use .svg, .png or .pdf."
        )
    return ending
