"""Runs side by side: arguments that differ, final metrics and which is better, curves in a row.

What `runs compare` prints and what the dashboard shows beside the chosen run is made here.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rlhf_tui.tracking.directions import Direction, comparable, direction
from rlhf_tui.tracking.manifest import short
from rlhf_tui.tracking.panels import NOT_METRICS, PANELS
from rlhf_tui.tracking.patterns import Wanted
from rlhf_tui.tracking.subjects import Subject, last

ABSENT = "-"
"""Stands where a run has no such argument, metric or figure."""
UNICODE_BARS = "▁▂▃▄▅▆▇█"
ASCII_BARS = "_.-=+*%#"
"""Eight heights, as far as letters can tell them."""
SAMPLED = 64
"""Points that a column's mean is made of, evenly drawn from those that lie there."""


@dataclass(frozen=True)
class ArgumentRow:
    """An argument, or another fact of a run, in which they differ."""

    name: str
    values: list[str]
    """One a run; `ABSENT` where it has none."""


@dataclass(frozen=True)
class MetricRow:
    """A metric's final values."""

    name: str
    values: list[float]
    """One a run; NaN where it logged none, or where NaN was logged last."""
    present: list[bool]
    """Whether the run has logged it at all."""
    better: Direction = ""
    best: list[bool] = field(default_factory=list)
    """Which runs have the best value; none where that is not known, or all have it."""

    @property
    def differences(self) -> list[float]:
        """Of each run but the first: its value less the first one's."""
        return [value - self.values[0] for value in self.values[1:]]


@dataclass(frozen=True)
class Comparison:
    """All of it."""

    runs: list[Subject]
    arguments: list[ArgumentRow]
    metrics: list[MetricRow]
    notes: list[str]
    """Sentences: what does not compare, and why."""


def compare(subjects: Sequence[Subject], wanted: Wanted | None = None) -> Comparison:
    """Put runs side by side.

    Args:
        wanted: metrics whose name it is found in; None: those that the kinds' charts show.
    """
    names = metric_names(subjects, wanted)
    rows = [metric_row(name, subjects) for name in names]
    notes = [
        sentence
        for row in rows
        if row.better and sum(row.present) > 1 and (sentence := comparable(row.name, subjects))
    ]
    return Comparison(list(subjects), differing(subjects), rows, list(dict.fromkeys(notes)))


def headings(subjects: Sequence[Subject]) -> list[str]:
    """Names of the runs for the heads of columns: their ids, or paths where two are the same."""
    ids = [subject.run_id for subject in subjects]
    return ids if len(set(ids)) == len(ids) else [str(subject.directory) for subject in subjects]


def differing(subjects: Sequence[Subject]) -> list[ArgumentRow]:
    """What is not the same in all runs: facts first, then arguments in the order of their kinds.

    Of runs of several kinds only the arguments that all of these have are put side by side.
    """
    columns = [_facts(subject) for subject in subjects]
    several = len({subject.kind for subject in subjects}) > 1
    options = [set(s.arguments.arguments) for s in subjects if s.arguments is not None]
    counted = Counter(name for names in options for name in names)
    only_some = {name for name, count in counted.items() if several and count < len(options)}
    rows = []
    for name in _in_order(columns):
        if name in only_some:
            continue
        values = [column.get(name, ABSENT) for column in columns]
        if len(set(values)) > 1:
            rows.append(ArgumentRow(name, values))
    return rows


def _facts(subject: Subject) -> dict[str, str]:
    facts = {"kind": subject.kind}
    given = subject.arguments
    if subject.manifest is not None:
        facts["data"] = short(subject.manifest)
        if subject.manifest.source is not None:
            facts["data from"] = subject.manifest.source.path
        else:
            facts["labels up to event"] = f"{subject.manifest.last_seq:,}"
    if given is None:
        return facts
    facts |= {"recipe": given.recipe or ABSENT, "device": given.device}
    # A model is told by the run that made it, where one did: shorter than its path, and surer.
    named = {name: plain(value) for name, value in given.arguments.items()}
    facts |= named | given.lineage
    return facts | {f"version of {name}": value for name, value in given.versions.items()}


def _in_order(columns: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for column in columns for name in column))


def plain(value: Any) -> str:
    """An argument's value as text."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text or '""'


def metric_names(subjects: Sequence[Subject], wanted: Wanted | None = None) -> list[str]:
    """Metrics of these runs, those of the kinds' charts first, in the charts' order."""
    present = dict.fromkeys(name for subject in subjects for name in subject.series)
    # Figures that are logged as metrics, too, stand there once.
    measured = [
        f"measured {name}"
        for subject in subjects
        for name in subject.measured
        if f"eval_{name}" not in present and name not in present
    ]
    charted = [
        name
        for subject in subjects
        for panel in PANELS.get(subject.kind, ())
        for name in panel.metrics
        if name in present
    ]
    known = [name for name in dict.fromkeys([*charted, *measured]) if name not in NOT_METRICS]
    if wanted is None:
        return known or list(present)
    others = sorted(set(present) - set(known) - NOT_METRICS)
    return wanted.among([*known, *others])


def metric_row(name: str, subjects: Sequence[Subject]) -> MetricRow:
    """A metric's last values, and which is best where that can be said."""
    figure = name.removeprefix("measured ")
    if figure != name:
        present = [figure in subject.measured for subject in subjects]
        values = [subject.measured.get(figure, math.nan) for subject in subjects]
    else:
        present = [bool(len(subject.series.get(name, ()))) for subject in subjects]
        values = [last(subject.series, name) for subject in subjects]
    better = direction(figure)
    best = [False] * len(values)
    finite = [value for value in values if math.isfinite(value)]
    if better and len(finite) > 1 and len(set(finite)) > 1 and not comparable(name, subjects):
        top = max(finite) if better == "up" else min(finite)
        best = [value == top for value in values]
    return MetricRow(name, values, present, better, best)


def common_steps(subjects: Sequence[Subject], names: Sequence[str]) -> tuple[float, float]:
    """The steps that all runs go over which log these metrics; without such, those of all."""
    spans = []
    for subject in subjects:
        found = [one for n in names if (one := subject.series.get(n)) is not None and len(one)]
        if found:
            spans.append((min(one.steps[0] for one in found), max(one.steps[-1] for one in found)))
    if not spans:
        return 0.0, 0.0
    first, last_step = max(start for start, _ in spans), min(end for _, end in spans)
    if last_step < first:
        return min(start for start, _ in spans), max(end for _, end in spans)
    return first, last_step


def columns_for(
    subjects: Sequence[Subject], names: Sequence[str], over: tuple[float, float], most: int
) -> int:
    """Cells in which curves are drawn: no more than the metric logged most often has points."""
    first, last_step = over
    found = [one for n in names for s in subjects if (one := s.series.get(n)) is not None]
    counts = [bisect_right(s.steps, last_step) - bisect_left(s.steps, first) for s in found]
    return max(1, min(most, max(counts, default=1)))


def curves(
    subjects: Sequence[Subject],
    name: str,
    width: int,
    *,
    bars: str,
    over: tuple[float, float] | None = None,
) -> list[str]:
    """A metric's curve in each run as a row of bars, on the same axes; '' where it has none.

    Equal places are equal steps, in whatever metric's row: a value stands until the next one comes,
    or the run ends. Before the first, and where it is not finite, there is a space.

    Args:
        width: in cells.
        over: the first and the last step; None: those that all of these runs go over.
    """
    first, last_step = over or common_steps(subjects, [name])
    columns = [_means(subject, name, first, last_step, width) for subject in subjects]
    finite = [value for column in columns for value in column if math.isfinite(value)]
    if not finite:
        return [" " * len(column) for column in columns]
    low, high = min(finite), max(finite)
    return ["".join(_bar(value, low, high, bars) for value in column) for column in columns]


def _means(subject: Subject, name: str, first: float, last_step: float, width: int) -> list[float]:
    """The mean of the points in each of `width` equal stretches; what lies between two is held."""
    series = subject.series.get(name)
    if series is None or not len(series):
        return []
    steps, span = series.steps, last_step - first
    end = max(one.steps[-1] for one in subject.series.values() if len(one))
    width = width if span > 0 else 1
    stop = bisect_left(steps, first)
    means, held = [], series.values.value(stop - 1) if stop else math.nan
    for column in range(width):
        start, begins = stop, first + span * column / width
        edge = first + span * (column + 1) / width
        stop = bisect_right(steps, last_step) if column == width - 1 else bisect_left(steps, edge)
        places = range(start, stop, 1 + (stop - start) // SAMPLED)
        values = [series.values.value(place) for place in places]
        finite = [value for value in values if math.isfinite(value)]
        # Logged more rarely than there are columns: the last value stands until the next one.
        held = sum(v / len(finite) for v in finite) if finite else math.nan if values else held
        means.append(held if begins <= end else math.nan)
    return means


def _bar(value: float, low: float, high: float, bars: str) -> str:
    if not math.isfinite(value):
        return " "
    if high <= low:
        return bars[len(bars) // 2]
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return bars[min(len(bars) - 1, int(share * len(bars)))]
