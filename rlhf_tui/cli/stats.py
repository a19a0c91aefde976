"""`stats`: pace, agreement, bias and what is left, for whoever runs the labelling and for each."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption, connect
from rlhf_tui.cli.output import printable, say, say_json
from rlhf_tui.errors import NothingToDo, UsageError, nearest

if TYPE_CHECKING:
    from rlhf_tui.evaluation.report import AnnotatorStats, Figure, LearningCurve, Period, Report

WIDEST = 100
"""Columns: longer lines of prose are not read."""
NOTHING = {
    "rank": ("Nobody has ranked anything yet.", "Rank completions with: rlhf-tui label"),
    "thumbs": (
        "Nobody has given a thumb yet.",
        "Rate completions with: rlhf-tui label --mode thumbs",
    ),
}


def register(app: typer.Typer) -> None:
    app.command("stats", cls=pages.Command, rich_help_panel="Label")(stats)


def stats(
    kind: Annotated[
        Literal["rank", "thumbs"], typer.Option(help="Statistics of rankings, or of thumbs.")
    ] = "rank",
    annotator: Annotated[
        str | None,
        typer.Option("--annotator", metavar="NAME", help="Only this person's.", show_default=False),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell how the labelling goes: pace, agreement, bias, and what is left to do.

    Annotators are told their own figures; reviewers and the owner are told everyone's.
    """
    from rlhf_tui.evaluation.wording import anything_judged
    from rlhf_tui.hub.messages import Stats, StatsAnswer

    with connect(workspace) as client:
        report = client.call(Stats(kind=kind, max_age_s=0), StatsAnswer).report
    if annotator is not None:
        one = find(report, annotator)
        if json:
            say_json(one)
        else:
            say_person(one)
        return
    if json:
        say_json(report)
        return
    if not anything_judged(report):
        sentence, hint = NOTHING[kind]
        raise NothingToDo(sentence, hint=hint)
    say_report(report)


def find(report: Report, name: str) -> AnnotatorStats:
    """The figures of one person.

    Raises:
        UsageError: nobody of this name has judged, or the person may not see it.
    """
    for one in report.annotators:
        if one.annotator == name:
            return one
    known = [one.annotator for one in report.annotators]
    raise UsageError(
        f"There are no figures of {name!r} to show.",
        hint=nearest(name, known) if known else "Nobody whose figures you may see has judged yet.",
    )


def say_report(report: Report) -> None:
    """Everything, under headings."""
    from rlhf_tui.evaluation.wording import INTERVALS, PEOPLE, clock, column_rules, progress, row

    for line in progress(report):
        say_wrapped(line)
    say(f"As of {clock(report.computed_ms)}.")
    say_wrapped(INTERVALS)
    if report.annotators and not report.agreement:
        # An annotator's report: their own figures and no one else's.
        for one in report.annotators:
            say()
            say_person(one)
        for note in report.notes:
            say_wrapped(note)
        return
    if report.annotators:
        heading("People")
        say_columns(PEOPLE, [row(one) for one in report.annotators])
        for rule in column_rules(report.annotators):
            say_wrapped(rule, indent="  ")
    for title, figures in (
        ("Agreement", report.agreement),
        ("Bias", report.bias),
        ("Informative items and the random control", report.selection),
    ):
        if figures:
            heading(title)
            say_figures(figures)
    if len(report.periods) > 1:
        heading("Drift")
        say_periods(report.periods)
    if report.curve is not None:
        heading("Do more labels still help?")
        say_curve(report.curve)
    if report.notes:
        heading("Notes")
        for note in report.notes:
            say_wrapped(note, indent="  ")


def say_person(one: AnnotatorStats) -> None:
    from rlhf_tui.evaluation.wording import HOUR_MS, duration, figures_of, of, seconds, value

    say(one.annotator if one.kind == "human" else f"{one.annotator} (AI)")
    say_columns(
        ("judged", "skipped", "flagged", "median", "an hour", "at work"),
        [
            (
                f"{one.judgements:,}",
                f"{one.skipped:,}",
                f"{one.flagged:,}",
                seconds(one.median_active_ms),
                "-" if one.per_hour is None else f"{one.per_hour:,.0f}",
                duration(one.active_ms / HOUR_MS),
            )
        ],
    )
    for _, words, figure in figures_of(one):
        say(f"{words:<32}{of(figure):>6}  {beside(figure)}".rstrip())
        say_wrapped(figure.rule, indent="  ")
    if one.reliability is not None:
        say(f"{'right by Dawid and Skene':<32}{value(one.reliability):>6}")


def say_figures(figures: list[Figure]) -> None:
    from rlhf_tui.evaluation.wording import by_rule, of

    for rule, group in by_rule(figures):
        for figure in group:
            name = textwrap.shorten(printable(figure.name), 44, placeholder=" ...")
            say(f"{name:<44}{of(figure):>6}  {beside(figure)}".rstrip())
        say_wrapped(rule, indent="  ")


def beside(figure: Figure) -> str:
    """Interval and number of cases."""
    from rlhf_tui.evaluation.wording import interval

    cases = f"{figure.cases:,} case{'' if figure.cases == 1 else 's'}"
    return f"{interval(figure):<14}  {cases}"


def say_periods(periods: list[Period]) -> None:
    from rlhf_tui.evaluation.wording import DRIFT_RULE, day, seconds, value

    say_columns(
        ("from", "judged", "agree", "first", "longer", "median"),
        [
            (
                day(one.start_ms),
                f"{one.judgements:,}",
                value(one.agreement),
                value(one.first_shown),
                value(one.longer),
                seconds(one.median_active_ms),
            )
            for one in periods
        ],
    )
    say_wrapped(DRIFT_RULE, indent="  ")


def say_curve(curve: LearningCurve) -> None:
    say_wrapped(f"{curve.verdict} (Run {curve.run_id}.)")
    say_columns(
        ("pairs", "prompts", "accuracy", "95 % interval"),
        [
            (
                f"{point.pairs:,}",
                f"{point.prompts:,}",
                f"{point.accuracy:.3f}",
                f"{point.low:.3f} to {point.high:.3f}",
            )
            for point in curve.points
        ],
    )


def heading(text: str) -> None:
    say()
    say(text.upper())


def say_columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table whose first column gives way, the others to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for number, name in enumerate(head):
        table.add_column(
            name,
            justify="left" if number == 0 else "right",
            no_wrap=True,
            overflow="ellipsis" if number == 0 else "fold",
            header_style="",
            min_width=4 if number == 0 else len(name),
        )
    for cells in rows:
        table.add_row(*(Text(printable(cell)) for cell in cells))
    # Nothing of it is markup, and a pipe gets no colours.
    console = Console(width=width(), color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        say(line.rstrip())


def say_wrapped(text: str, indent: str = "") -> None:
    for line in textwrap.wrap(
        printable(text), width(), initial_indent=indent, subsequent_indent=indent
    ):
        say(line)


def width() -> int:
    """Columns to write in; 80 where there is no terminal."""
    return max(40, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))
