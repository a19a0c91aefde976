"""Runs side by side in columns: arguments that differ, final metrics, the best marked by a sign."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.tracking.comparison import ABSENT, Comparison, headings

NAMES = (22, 36)
"""Cells of a name, on a narrow pane and on a wide one; longer ones lose their beginning, as their
end tells them apart."""
WIDE = 90
"""Cells of a pane that is wide."""
COLUMN = 13
"""Cells of a run's column at least: a number, its sign, and a run's id."""
BEST = "*"
"""Stands behind the best value."""
Entry = tuple[str, list[Row]]
"""What a row is found by, and the row."""
Section = tuple[list[Row], list[Entry]]
"""A heading, and what stands below it by its name; what has no name is no argument."""


def columns_that_fit(width: int, runs: int) -> int:
    """How many runs stand side by side: one at least."""
    return max(1, min(runs, (width - names(width)) // COLUMN))


def names(width: int) -> int:
    """Cells of the column of names."""
    return NAMES[width >= WIDE]


def table(found: Comparison, first: int, width: int, glyphs: Glyphs) -> list[Section]:
    """The tables with their headings, the chosen run always in the first column.

    Args:
        first: of the other runs, the one that stands beside it.
    """
    total = len(found.runs)
    fit = columns_that_fit(width, total)
    places = [0, *range(first, min(total, first + fit - 1))]
    name_room = names(width)
    room = max(COLUMN, min(24, (width - name_room) // len(places)))
    heads = [headings(found.runs)[place] for place in places]
    hidden = total - len(places)
    more = f"   {glyphs.more} {hidden} more: left, right" if hidden else ""

    def row(name: str, cells: Sequence[str], style: str) -> list[Row]:
        told = [_fit(cell, room - 1, glyphs).ljust(room) for cell in cells]
        shown = _end(name, name_room - 3, glyphs)
        return [[(f"  {shown:<{name_room - 2}}", "dim"), ("".join(told), style)]]

    def heading(title: str) -> list[Row]:
        return [[(title, "accent")], *row("", heads, "strong")]

    entries: list[Entry] = [
        (one.name, row(one.name, [one.values[place] for place in places], ""))
        for one in found.arguments
    ]
    if not found.arguments:
        entries.append(("", [[("  No argument differs.", "dim")]]))
    metrics: list[Entry] = [
        (
            one.name,
            row(
                one.name,
                [
                    (number(one.values[place]) if one.present[place] else ABSENT)
                    + (f" {BEST}" if one.best[place] else "")
                    for place in places
                ],
                "",
            ),
        )
        for one in found.metrics
    ]
    if metrics:
        sign = f"   {BEST} the best" if any(any(one.best) for one in found.metrics) else ""
        metrics += [
            ("", [[(line, "dim")]])
            for sentence in found.notes
            for line in textwrap.wrap(sentence, width, initial_indent="  ", subsequent_indent="  ")
        ]
        return [
            (heading(f"what differs{more}"), entries),
            (heading(f"final metrics{sign}"), metrics),
        ]
    return [(heading(f"what differs{more}"), entries)]


def _fit(text: str, room: int, glyphs: Glyphs) -> str:
    """A value in so many cells; a long path by its end, another text by its beginning."""
    shown = clean(text, encoding=glyphs.encoding).text.replace("\n", " ")
    if len(shown) <= room or "/" in shown:
        return _end(shown, room, glyphs)
    return shown[: room - len(glyphs.more)] + glyphs.more


def _end(text: str, room: int, glyphs: Glyphs) -> str:
    if len(text) <= room:
        return text
    return glyphs.more + text[len(glyphs.more) - room :]
