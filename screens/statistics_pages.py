"""The pages of the statistics screen: what each of them tells of a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.content import Content

from rlhf_tui.evaluation import wording
from rlhf_tui.evaluation.report import AnnotatorStats, Figure, Report
from rlhf_tui.hub.messages import KindProgress
from rlhf_tui.screens.statistics_text import GAUGE_FROM, Lines
from rlhf_tui.screens.theme import Glyphs

MEANT_FOR = {
    "people": "others: raw agreement with everyone else. gold: with known answers. self: asked "
    "again. first, longer: how often the first shown, or the longer, of two wins.",
    "bias": "Sides are shuffled for each person, so the first shown should win half of the time. "
    "A longer text may be the better one: the figure says how far the two go together.",
    "drift": "One stretch of time after another: what changes here although the items are drawn "
    "alike is the people.",
}


@dataclass(frozen=True)
class Seen:
    """What a page is made of."""

    report: Report
    me: str
    """Who looks at it."""
    counts: KindProgress | None
    """The person's own counts, newer than the report; None before the hub has told them."""

    @property
    def mine(self) -> AnnotatorStats:
        found = [one for one in self.report.annotators if one.annotator == self.me]
        return found[0] if found else AnnotatorStats(self.me)

    @property
    def everyone(self) -> bool:
        """Whether the hub told more than one's own figures."""
        return bool(self.report.agreement)


def yours(seen: Seen, lines: Lines) -> None:
    mine, counts, report = seen.mine, seen.counts, seen.report
    word = wording.WORD[report.kind] + "s"
    lines.head(lines.cell(seen.me, min(40, lines.width)).rstrip())
    rows = []
    if counts is not None:
        rows.append(("today", f"{counts.mine_today:,} {word}"))
        rows.append(("in all", f"{counts.mine:,}, {counts.skipped:,} skipped"))
    if mine.median_active_ms:
        pace = f"{wording.seconds(mine.median_active_ms)} for one, as a median"
        if mine.per_hour is not None:
            pace += f"; {mine.per_hour:,.0f} an hour of work"
        rows.append(("pace", pace))
        spent = wording.duration(mine.active_ms / wording.HOUR_MS)
        wall = wording.duration(mine.wall_ms / wording.HOUR_MS)
        rows.append(("at work", f"{spent}; {wall} with what was idle"))
    if counts is not None and counts.open_for_me:
        left = f"{counts.open_for_me:,} open for you"
        if mine.median_active_ms:
            hours = counts.open_for_me * mine.median_active_ms / wording.HOUR_MS
            left += f", {wording.duration(hours)} at your pace"
        rows.append(("left", left))
    lines.facts(rows)
    figures = [figure for _, _, figure in wording.figures_of(mine) if figure.cases]
    if figures:
        lines.head("Your figures")
        lines.figures(figures)
    if mine.reliability is not None:
        lines.figures([Figure("right", mine.reliability, rule=wording.RELIABILITY[4:])])
    lines.head("Everyone")
    for line in wording.progress(report):
        lines.prose(line)


def people(seen: Seen, lines: Lines) -> None:
    rows = [wording.row(one) for one in seen.report.annotators]
    lines.table(wording.PEOPLE, rows, drop=("DS", "an hour", "longer", "first", "median"))
    lines.add()
    lines.prose(MEANT_FOR["people"], "$quiet")
    for rule in wording.column_rules(seen.report.annotators):
        lines.prose(rule, "$quiet", indent=2)


def agreement(seen: Seen, lines: Lines) -> None:
    bars = " Bars go from 0 to 1." if lines.width >= GAUGE_FROM else ""
    lines.prose(wording.INTERVALS + bars, "$quiet")
    lines.add()
    lines.figures(seen.report.agreement)


def bias(seen: Seen, lines: Lines) -> None:
    lines.prose(MEANT_FOR["bias"], "$quiet")
    lines.add()
    odds = [figure for figure in seen.report.bias if figure.name.startswith("log-odds")]
    lines.figures([figure for figure in seen.report.bias if figure not in odds])
    lines.figures(odds, gauges=False)


def drift(seen: Seen, lines: Lines) -> None:
    lines.prose(MEANT_FOR["drift"], "$quiet")
    lines.add()
    rows = [
        (
            wording.day(one.start_ms),
            f"{one.judgements:,}",
            wording.value(one.agreement),
            wording.value(one.first_shown),
            wording.value(one.longer),
            wording.seconds(one.median_active_ms),
        )
        for one in seen.report.periods
    ]
    lines.table(("from", "judged", "agree", "first", "longer", "median"), rows)
    lines.prose(wording.DRIFT_RULE, "$quiet", indent=2)


def more(seen: Seen, lines: Lines) -> None:
    curve = seen.report.curve
    lines.head("Do more labels still help?")
    if curve is None:
        lines.prose("No finished run tells it yet: rlhf-tui train rm --learning-curve", "$quiet")
    else:
        lines.prose(curve.verdict)
        lines.table(
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
        lines.prose(f"Reward models of run {curve.run_id}.", "$quiet", indent=2)
    lines.head("Informative items and the random control")
    if seen.report.selection:
        lines.figures(seen.report.selection)
    else:
        lines.prose(
            "Nothing was chosen as informative: [label] order in rlhf.toml says what comes next.",
            "$quiet",
        )


PAGES: dict[str, tuple[str, Callable[[Seen, Lines], None]]] = {
    "yours": ("You", yours),
    "people": ("People", people),
    "agreement": ("Agreement", agreement),
    "bias": ("Bias", bias),
    "drift": ("Drift", drift),
    "more": ("More labels?", more),
}
"""Name → heading and what fills it; annotators have the first one only."""
WITH_NOTES = ("people", "agreement", "bias", "more")


def page(name: str, seen: Seen, width: int, glyphs: Glyphs) -> Content:
    """A page for a width in cells."""
    lines = Lines(width, glyphs)
    report = seen.report
    if not wording.anything_judged(report) and name != "yours":
        lines.prose(f"There is no {wording.WORD[report.kind]} yet to tell anything of.")
        return lines.content
    PAGES[name][1](seen, lines)
    if name in WITH_NOTES and report.notes:
        lines.head("Notes")
        for note in report.notes:
            lines.prose(note, indent=2)
    return lines.content
