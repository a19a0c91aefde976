"""The answers to one prompt as rows of text: columns side by side, or one below the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlhf_tui.runs.layout import SampleRow
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.diff import GONE, NEW, differences
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import beside, wrap
from rlhf_tui.tracking.sampled import Answers, Sampled, plain

LONGEST = 4000
"""Characters of one completion that are laid out."""
NARROWEST = 36
"""Cells of a column of text that reads well; with less room answers stand below each other."""


@dataclass(frozen=True)
class Column:
    """One answer."""

    name: str
    row: SampleRow
    before: SampleRow | None
    """The answer that it is compared with."""


def columns(answers: Answers, step: int, others: Sequence[tuple[str, Sampled]]) -> list[Column]:
    """The answers to a prompt at a step: the reference's, the run's own, other models' and runs'.

    Args:
        others: samples of the runs kept for comparison, by run id.
    """
    reference = answers.reference()
    own = answers.at(step)
    found: list[Column] = []
    if reference is not None and reference is not own:
        # Without a reference of its own it is the policy at its first step.
        found.append(Column(reference.by or f"step {reference.step}", reference, None))
    if own is not None:
        before = reference if reference is not own else None
        found.append(Column(f"step {own.step}", own, before))
    found += [
        Column(name, row, reference)
        for name, row in answers.beside.items()
        if row is not answers.reference()
    ]
    for run_id, sampled in others:
        there = sampled.prompts.get(plain(answers.prompt))
        row = there.at(step) if there else None
        if row is not None:
            found.append(Column(f"{run_id} step {row.step}", row, reference))
    return found


@dataclass(frozen=True)
class AnswersLayout:
    """How answers are laid out."""

    glyphs: Glyphs
    width: int
    """Cells."""
    sought: str = ""
    """Marked where it stands."""
    as_diff: bool = False
    """What differs from the reference, in place of the text."""

    def prompt(
        self, place: tuple[int, int], answers: Answers, shown: Sequence[Column], *, chosen: bool
    ) -> list[Row]:
        """A prompt and the answers to it.

        Args:
            place: its index, and how many prompts there are.
            chosen: it is under the cursor.
        """
        marker = self.glyphs.marker if chosen else " "
        number_of = f"{place[0] + 1}/{place[1]} "
        words = [(number_of, "strong" if chosen else "dim"), *self._clean(answers.prompt, "dim")]
        prompt = [[("  ", ""), *row] for row in wrap(words, self.width - 2)]
        prompt[0][0] = (f"{marker} ", "strong")
        fitting = max(1, min(len(shown), (self.width + 1) // (NARROWEST + 3)))
        if fitting == 1:
            stacked = [row for column in shown for row in self._column(column, self.width - 2)]
            return [*prompt, *([("  ", ""), *row] for row in stacked)]
        room = (self.width - 2 - 3 * (fitting - 1)) // fitting
        rule = "|" if self.glyphs.encoding != "utf-8" else "│"
        rows = []
        for start in range(0, len(shown), fitting):
            some = [self._column(column, room) for column in shown[start : start + fitting]]
            rows += beside(some, room, rule)
        return [*prompt, *([("  ", ""), *row] for row in rows)]

    def _column(self, column: Column, width: int) -> list[Row]:
        row, before = column.row, column.before
        facts = [clean(column.name, encoding=self.glyphs.encoding).text]
        if row.reward is not None:
            change = ""
            if before is not None and before.reward is not None:
                change = f" ({row.reward - before.reward:+.2g})"
            facts.append(f"reward {number(row.reward)}{change}")
        if row.kl is not None:
            facts.append(f"KL {number(row.kl)}")
        head = wrap([("  ".join(facts), "accent")], width)
        if self.as_diff and before is not None:
            return [*head, *wrap(self._difference(before.completion, row.completion), width)]
        return [*head, *wrap(self._clean(row.completion, ""), width)]

    def _clean(self, value: object, style: str) -> Row:
        """A text without what acts on a terminal; what is searched for is marked."""
        text = plain(value)
        cleaned = clean(text[:LONGEST], encoding=self.glyphs.encoding)
        row = self._marked(cleaned.text, style)
        marks = list(cleaned.marks) + ([f"{len(text):,} characters"] if len(text) > LONGEST else [])
        return [*row, *((f" [{mark}]", "warn") for mark in marks)]

    def _marked(self, text: str, style: str) -> Row:
        if not self.sought:
            return [(text, style)]
        row: Row = []
        start = 0
        for found in re.finditer(re.escape(self.sought), text, re.IGNORECASE):
            row += [(text[start : found.start()], style), (found.group(), "cursor")]
            start = found.end()
        return [*row, (text[start:], style)]

    def _difference(self, old: object, new: object) -> Row:
        encoding = self.glyphs.encoding
        texts = [clean(plain(one)[:LONGEST], encoding=encoding).text for one in (old, new)]
        signs = {"gone": (GONE, "dim"), "new": (NEW, "strong"), "same": (("", ""), "")}
        row: Row = []
        for change, text in differences(*texts):
            (begin, end), style = signs[change]
            row.append((f"{begin}{text}{end}", style))
        return row
