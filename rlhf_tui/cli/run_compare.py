"""`runs compare`: runs side by side."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.output import note, say, say_json, say_table
from rlhf_tui.cli.run_files import no_such_metric
from rlhf_tui.cli.run_places import RunsArgument, places, read_all

if TYPE_CHECKING:
    from rlhf_tui.tracking.comparison import Comparison, MetricRow
    from rlhf_tui.tracking.subjects import Subject

WIDTH = 24
"""Cells of a curve in a row."""
MOST_CURVES = 10
"""Metrics whose curves are drawn when none are asked for: the kind's first charts."""
WIDEST = 28
"""Characters of an argument's value in the table; --json has all of it."""


def compare(
    runs: RunsArgument,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGEX",
            help="Only metrics whose name holds this, or one of several; else those that the kinds'"
            " charts show.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Put runs side by side: arguments that differ, final metrics, curves."""
    from rlhf_tui.errors import UsageError
    from rlhf_tui.tracking.comparison import compare as made
    from rlhf_tui.tracking.comparison import metric_names
    from rlhf_tui.tracking.patterns import AnyOf, pattern

    if len(runs) < 2:
        raise UsageError("One run is named; to compare takes two.", hint="Name another one.")
    wanted = [pattern(query) for query in metrics or []]
    found = places(runs, workspace)
    subjects = read_all(found)
    for one in wanted:
        if not metric_names(subjects, one):
            raise no_such_metric(one.query, found)
    compared = made(subjects, AnyOf(wanted) if wanted else None)
    if json:
        say_json(_document(compared))
    else:
        _print(compared, chosen=bool(wanted))


def _print(found: Comparison, *, chosen: bool) -> None:
    """The tables; of metrics that were not chosen by name the first few curves."""
    from rlhf_tui.tracking.comparison import headings

    heads = headings(found.runs)
    facts = _facts(found)
    say_table(["RUN", *heads], facts)
    say()
    told = {row[0] for row in facts}
    rows = [[row.name, *map(_cut, row.values)] for row in found.arguments if row.name not in told]
    if rows:
        say_table(["DIFFERENT", *heads], rows)
    else:
        say("No argument differs.")
    if found.metrics:
        say()
        _print_metrics(found, heads)
        _print_curves(found, heads, None if chosen else MOST_CURVES)
    for sentence in found.notes:
        note(sentence)


def _facts(found: Comparison) -> list[list[str]]:
    """What the runs are, a row a fact that any of them has."""
    from rlhf_tui.tracking.comparison import ABSENT
    from rlhf_tui.tracking.manifest import short

    about = {
        "kind": [subject.kind for subject in found.runs],
        "state": [subject.state for subject in found.runs],
        "title": [_cut(subject.title) for subject in found.runs],
        "ran": [_time(subject.seconds) for subject in found.runs],
        "data": [short(s.manifest) if s.manifest else "" for s in found.runs],
    }
    return [
        [name, *(value or ABSENT for value in values)]
        for name, values in about.items()
        if any(values)
    ]


def _print_metrics(found: Comparison, heads: list[str]) -> None:
    """Final values, the best of each marked, and by how much the others differ from the first."""
    from rlhf_tui.screens.widgets.chart_axes import number
    from rlhf_tui.tracking.comparison import ABSENT

    def told(row: MetricRow) -> list[str]:
        finals = [
            (number(value) if present else ABSENT) + (" *" if best else "")
            for value, present, best in zip(row.values, row.present, row.best, strict=True)
        ]
        differences = [ABSENT if math.isnan(d) else _signed(d, number(d)) for d in row.differences]
        better = {"up": "higher", "down": "lower", "": ""}[row.better]
        return [row.name, *finals, *differences, better]

    differences = [f"{head} - {heads[0]}" for head in heads[1:]]
    say_table(["FINAL METRIC", *heads, *differences, "BETTER"], map(told, found.metrics))


def _print_curves(found: Comparison, heads: list[str], most: int | None) -> None:
    """A row of bars a metric and run, of the first `most` metrics that have more than a point."""
    from rlhf_tui.screens.widgets.canvas import unicode_terminal
    from rlhf_tui.tracking.comparison import (
        ASCII_BARS,
        UNICODE_BARS,
        columns_for,
        common_steps,
        curves,
    )

    runs = found.runs
    names = [
        row.name
        for row in found.metrics
        if any(len(subject.series.get(row.name, ())) > 1 for subject in runs)
    ][:most]
    if not names:
        return
    over = common_steps(runs, names)
    width = columns_for(runs, names, over, WIDTH)
    bars = UNICODE_BARS if unicode_terminal() else ASCII_BARS
    say()
    say_table(
        [f"STEPS {over[0]:g} TO {over[1]:g}", *heads],
        [[name, *curves(runs, name, width, bars=bars, over=over)] for name in names],
    )


def _time(seconds: float) -> str:
    """Hours, minutes and seconds; '' for none."""
    return str(timedelta(seconds=round(seconds))) if seconds else ""


def _cut(value: str) -> str:
    """A long path by its end, which tells more than its beginning; another text by that."""
    value = value.replace("\n", " ")
    if len(value) <= WIDEST:
        return value
    return f"...{value[3 - WIDEST :]}" if "/" in value else f"{value[: WIDEST - 3]}..."


def _signed(value: float, told: str) -> str:
    return f"+{told}" if value > 0 else told


def _document(found: Comparison) -> dict[str, Any]:
    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "runs": [_told(subject) for subject in found.runs],
        "arguments": {row.name: row.values for row in found.arguments},
        "metrics": [
            {
                "name": row.name,
                "values": [finite(value) for value in row.values],
                "differences": [finite(value) for value in row.differences],
                "better": {"up": "higher", "down": "lower", "": None}[row.better],
                "best": [
                    subject.run_id
                    for subject, best in zip(found.runs, row.best, strict=True)
                    if best
                ],
            }
            for row in found.metrics
        ],
        "notes": found.notes,
    }


def _told(subject: Subject) -> dict[str, Any]:
    return {
        "run_id": subject.run_id,
        "kind": subject.kind,
        "state": subject.state,
        "title": subject.title,
        "directory": str(subject.directory),
        "seconds": round(subject.seconds, 3),
        "rows": subject.manifest.rows if subject.manifest else {},
        "steps": max((one.steps[-1] for one in subject.series.values() if len(one)), default=0),
    }
