"""`runs compare`: runs side by side."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.output import note, say, say_json, say_table
from rlhf_tui.cli.run_places import RunsArgument, places, read_all

if TYPE_CHECKING:
    from rlhf_tui.tracking.comparison import Comparison
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
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Only metrics whose name holds this; else those that the kinds' charts show.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Put runs side by side: arguments that differ, final metrics, curves."""
    from rlhf_tui.errors import UsageError, nearest
    from rlhf_tui.tracking.comparison import compare as made
    from rlhf_tui.tracking.patterns import pattern

    if len(runs) < 2:
        raise UsageError("One run is named; to compare takes two.", hint="Name another one.")
    wanted = pattern(metrics) if metrics else None
    subjects = read_all(places(runs, workspace))
    found = made(subjects, wanted)
    if metrics and not found.metrics:
        names = sorted({name for subject in subjects for name in subject.series})
        raise UsageError(f"No metric's name holds {metrics!r}.", hint=nearest(metrics, names))
    if json:
        say_json(_document(found))
        return
    _print(found, chosen=wanted is not None)


def _print(found: Comparison, *, chosen: bool) -> None:
    """The tables; of metrics that were not chosen by name the first few curves."""
    from rlhf_tui.screens.widgets.canvas import unicode_terminal
    from rlhf_tui.screens.widgets.chart_axes import number
    from rlhf_tui.tracking.comparison import (
        ABSENT,
        ASCII_BARS,
        UNICODE_BARS,
        common_steps,
        curves,
        headings,
    )
    from rlhf_tui.tracking.manifest import short

    subjects, heads = found.runs, headings(found.runs)
    about = {
        "kind": [subject.kind for subject in subjects],
        "state": [subject.state for subject in subjects],
        "title": [_cut(subject.title) for subject in subjects],
        "ran": [_time(subject.seconds) for subject in subjects],
        "data": [short(s.manifest) if s.manifest else "" for s in subjects],
    }
    told = [
        [name, *(value or ABSENT for value in values)]
        for name, values in about.items()
        if any(values)
    ]
    say_table(["RUN", *heads], told)
    say()
    rows = [[row.name, *map(_cut, row.values)] for row in found.arguments if row.name not in about]
    if rows:
        say_table(["DIFFERENT", *heads], rows)
    else:
        say("No argument differs.")
    if found.metrics:
        say()
        differences = [f"{head} - {heads[0]}" for head in heads[1:]]
        say_table(
            ["FINAL METRIC", *heads, *differences, "BETTER"],
            [
                [
                    row.name,
                    *(
                        (number(value) if present else ABSENT) + (" *" if best else "")
                        for value, present, best in zip(
                            row.values, row.present, row.best, strict=True
                        )
                    ),
                    *(ABSENT if math.isnan(d) else _signed(d, number(d)) for d in row.differences),
                    {"up": "higher", "down": "lower", "": ""}[row.better],
                ]
                for row in found.metrics
            ],
        )
        bars = UNICODE_BARS if unicode_terminal() else ASCII_BARS
        drawn = [
            row.name
            for row in found.metrics
            if any(len(s.series.get(row.name, ())) > 1 for s in subjects)
        ][: None if chosen else MOST_CURVES]
        if drawn:
            say()
            over = common_steps(subjects, drawn)
            say_table(
                [f"STEPS {over[0]:g} TO {over[1]:g}", *heads],
                [[n, *curves(subjects, n, WIDTH, bars=bars, over=over)] for n in drawn],
            )
    for sentence in found.notes:
        note(sentence)


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
