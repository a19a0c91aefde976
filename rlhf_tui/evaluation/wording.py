"""How figures are written, on the screen and in the shell alike; light to import."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime

from rlhf_tui.counting import count
from rlhf_tui.evaluation.report import AnnotatorStats, Figure, Report

NONE = "-"
"""A figure that cannot be computed; never 0."""
WORD = {"rank": "ranking", "thumbs": "thumb"}
INTERVALS = "Intervals are at 95 %; cases of one item are not taken for independent ones."
DRIFT_RULE = (
    "agree: raw agreement, in the stretch of the later judgement; first and longer: as under bias; "
    "ties, unranked and unsure are left out."
)
HOUR_MS = 3_600_000


def value(number: float | None) -> str:
    return NONE if number is None else f"{number:.2f}"


def interval(figure: Figure) -> str:
    """The 95 % interval; empty without one."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.2f} to {figure.high:.2f}"


def of(figure: Figure | None) -> str:
    """The value alone."""
    return value(figure.value if figure else None)


def seconds(milliseconds: int) -> str:
    """A person's time for one item."""
    if not milliseconds:
        return NONE
    told = milliseconds / 1000
    return f"{told:.0f} s" if told >= 10 else f"{told:.1f} s"


def duration(hours: float | None) -> str:
    """A stretch of work: minutes below an hour and a half, hours beyond."""
    if hours is None:
        return NONE
    if hours < 1.5:
        minutes = round(hours * 60)
        if not minutes and hours > 0:
            return "less than a minute"
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{hours:.1f} hours" if hours < 10 else f"{hours:.0f} hours"


def day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d")


def clock(milliseconds: int) -> str:
    """A moment, to the second."""
    moment = datetime.fromtimestamp(milliseconds / 1000).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def anything_judged(report: Report) -> bool:
    """Whether there is anything to tell figures of, if only of known answers."""
    return any(one.judgements for one in report.annotators)


def progress(report: Report) -> list[str]:
    """How far the work has come and what is left, a sentence a line."""
    word = WORD[report.kind]
    lines = [
        f"{count(report.judgements, word)}; "
        f"{report.wanted:,} wanted on {count(report.tasks, 'item')}, "
        f"{report.remaining:,} still to do."
    ]
    if report.remaining and report.remaining_hours is not None:
        whole = duration(report.remaining_hours)
        about = whole.capitalize() if whole.startswith("less") else f"About {whole}"
        left = f"{about} of work at the median pace"
        if report.labelling_lately > 1:
            each = duration(report.remaining_hours / report.labelling_lately)
            left += f"; {each} for each of the {report.labelling_lately} who judged lately"
        lines.append(f"{left}.")
    return lines


def by_rule(figures: list[Figure]) -> Iterator[tuple[str, list[Figure]]]:
    """The figures in their order, those in a row that share a tie rule together."""
    for rule, group in itertools.groupby(figures, key=lambda figure: figure.rule):
        yield rule, list(group)


PEOPLE = (
    "person",
    "judged",
    "median",
    "an hour",
    "others",
    "gold",
    "self",
    "first",
    "longer",
    "DS",
)
"""Heads of the table of people."""


def row(one: AnnotatorStats) -> tuple[str, ...]:
    """A person's line in the table of people."""
    return (
        one.annotator if one.kind == "human" else f"{one.annotator} (AI)",
        f"{one.judgements:,}",
        seconds(one.median_active_ms),
        NONE if one.per_hour is None else f"{one.per_hour:,.0f}",
        of(one.others),
        of(one.gold),
        of(one.self_consistency),
        of(one.first_shown),
        of(one.longer),
        value(one.reliability),
    )


def figures_of(one: AnnotatorStats) -> list[tuple[str, str, Figure]]:
    """A person's figures: head in the table, what it says, the figure."""
    named = (
        ("others", "agrees with others", one.others),
        ("gold", "agrees with known answers", one.gold),
        ("self", "says the same when asked again", one.self_consistency),
        ("first", "first shown wins", one.first_shown),
        ("longer", "longer wins", one.longer),
    )
    return [(head, words, figure) for head, words, figure in named if figure is not None]


RELIABILITY = (
    "DS: probability of a right answer by Dawid and Skene (1979), over what two or more people "
    "decided; ties and unsure are left out."
)
"""The rule of the column without an interval."""


def column_rules(people: list[AnnotatorStats]) -> list[str]:
    """What the columns of the table of people count, a sentence each."""
    rules = {head: figure.rule for one in people for head, _, figure in figures_of(one)}
    told = [f"{head}: {rule}" for head, rule in rules.items()]
    return [*told, RELIABILITY] if any(one.reliability is not None for one in people) else told
