"""An example of a data set as rows of the screen: what is learnt stands out by marks and style."""

from __future__ import annotations

from rlhf_tui.runs.rendered import Example
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap

MARKS = {"utf-8": ("▸", "◂", "↵"), "ascii": ("[[", "]]", "\\n")}
"""Around what is learnt, and where a line of the text ends."""


def marks(glyphs: Glyphs) -> tuple[str, str, str]:
    return MARKS["utf-8" if glyphs.encoding == "utf-8" else "ascii"]


def heading(example: Example) -> str:
    """`row 3, chosen, 35 tokens, 12 more cut`."""
    cut = f", {example.cut:,} more cut" if example.cut else ""
    return f"row {example.row}, {example.title}, {example.tokens:,} tokens{cut}"


def example_rows(example: Example, width: int, glyphs: Glyphs) -> list[Row]:
    """Its heading, and its text with the marks."""
    begins, ends, line = marks(glyphs)
    runs: list[tuple[str, str]] = []
    inside = False
    for piece in example.pieces:
        if piece.learnt != inside:
            runs.append((begins if piece.learnt else ends, "accent"))
            inside = piece.learnt
        shown = clean(piece.text, encoding=glyphs.encoding)
        style = "warn" if piece.special else "accent" if piece.learnt else ""
        runs.append((shown.text.replace("\n", f"{line}\n"), style))
        runs.extend((f" [{mark}]", "warn") for mark in shown.marks)
    if inside:
        runs.append((ends, "accent"))
    return [[(heading(example), "dim")], *wrap(runs, width)]
