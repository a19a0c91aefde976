"""`runs compare`: runs side by side."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.output import note, say, say_json, say_table
from rlhf_tui.cli.run_places import RunsArgument, places

if TYPE_CHECKING:
    from rlhf_tui.tracking.comparison import Comparison
    from rlhf_tui.tracking.subjects import Subject

WIDTH = 24
"""Cells of a curve in a row."""
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
    from rlhf_tui.tracking.log_pieces import pattern
    from rlhf_tui.tracking.subjects import read_subject

    if len(runs) < 2:
        raise UsageError("One run is named; to compare takes two.", hint="Name another one.")
    wanted = pattern(metrics) if metrics else None
    subjects = [read_subject(place) for place in places(runs, workspace)]
    found = made(subjects, wanted)
    if metrics and not found.metrics:
        names = sorted({name for subject in subjects for name in subject.series})
        raise UsageError(f"No metric's name holds {metrics!r}.", hint=nearest(metrics, names))
    if json:
        say_json(_document(found))
        return
    _print(found)


def _print(found: Comparison) -> None:
    from rlhf_tui.screens.widgets.canvas import unicode_terminal
    from rlhf_tui.screens.widgets.chart_axes import number
    from rlhf_tui.tracking.comparison import ABSENT, ASCII_BARS, UNICODE_BARS, curves, headings

    subjects, heads = found.runs, headings(found.runs)
    rows = [
        ["state", *(subject.state for subject in subjects)],
        ["title", *(subject.title or ABSENT for subject in subjects)],
        ["ran", *(_time(subject.seconds) or ABSENT for subject in subjects)],
        *([row.name, *map(_cut, row.values)] for row in found.arguments),
    ]
    say_table(["DIFFERENT", *heads], rows)
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
            [row.name, *(curves(subjects, row.name, WIDTH, bars=bars))]
            for row in found.metrics
            if any(len(s.series.get(row.name, ())) > 1 for s in subjects)
        ]
        if drawn:
            say()
            say_table(["CURVE", *heads], drawn)
    for sentence in found.notes:
        note(sentence)


def _time(seconds: float) -> str:
    """Hours, minutes and seconds; '' for none."""
    return str(timedelta(seconds=round(seconds))) if seconds else ""


def _cut(value: str) -> str:
    """A long value by its end, which for paths tells more than the beginning."""
    value = value.replace("\n", " ")
    return value if len(value) <= WIDEST else f"...{value[3 - WIDEST :]}"


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
