"""Lines of a log as rows: wrapped with an indent, troubles and places found told by signs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len

from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import NARROW, Row
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.tracking.log_tail import Line
from rlhf_tui.tracking.patterns import Pattern

MARGIN = 3
"""Cells before the text: whether the line was found, whether it tells of trouble, and a space."""
INDENT = 2
"""Cells by which the further rows of a long line stand in."""
LONGEST = 4000
"""Characters of a line that are shown: 50 rows at 80 columns."""
MOST_BACK = 200
"""Lines of a traceback that are looked back through for its head."""
TRACEBACK = "Traceback (most recent call last)"
_BAD = re.compile(
    r"(?:Error|Exception)\b(?![=\w])|\b(?:error|fatal|critical|panic|segfault)\b(?!=)"
    r"|out of memory|\bkilled\b|core dumped",
    re.IGNORECASE,
)
_WARN = re.compile(r"\bwarn(?:ing)?\b(?!=)|\wWarning\b", re.IGNORECASE)
STYLES = {"bad": "bad", "trace": "bad", "warn": "warn", "": ""}


def level(lines: Sequence[Line], index: int) -> str:
    """How grave a line is: `bad`, `trace` for the lines within a traceback, `warn` or ''."""
    # No further than is drawn: of a line of megabytes the search takes longer than a key may.
    text = lines[index].text[:LONGEST]
    if TRACEBACK in text:
        return "bad"
    at = index - 1
    while at > max(-1, index - MOST_BACK) and lines[at].text[:1] in (" ", "\t"):
        at -= 1
    within = at >= 0 and TRACEBACK in lines[at].text
    if within:
        # The first line that stands out again is what was raised.
        return "trace" if text[:1] in (" ", "\t") else "bad"
    if _BAD.search(text):
        return "bad"
    return "warn" if _WARN.search(text) else ""


def signs(glyphs: Glyphs) -> dict[str, str]:
    """What stands in the margin, by level."""
    if glyphs.encoding == "utf-8":
        return {"bad": "✗", "trace": "│", "warn": "!", "": " "}
    return {"bad": "x", "trace": "|", "warn": "!", "": " "}


def rows_of(
    text: str, grave: str, mark: str, sought: Pattern | None, width: int, glyphs: Glyphs
) -> list[Row]:
    """A line's rows, at least one.

    Args:
        grave: its level.
        mark: `here` for the place that was gone to, `found` for another one, else ''.
        sought: what is searched for, to be marked in it.
        width: in cells, the margin among them.
    """
    cut = len(text) > LONGEST
    shown = clean(text[:LONGEST], encoding=glyphs.encoding).text.replace("\n", " ")
    if cut:
        shown += f" {glyphs.more} {len(text) - LONGEST:,} more characters"
    spans = sought.spans(shown) if sought is not None else []
    margin = {"here": glyphs.marker, "found": ":"}.get(mark, " ")
    head: Row = [(margin, "cursor" if mark == "here" else "accent" if mark else "")]
    head.append((f"{signs(glyphs)[grave]} ", STYLES[grave]))
    rows: list[Row] = []
    for start, end in _pieces(shown, max(8, width - MARGIN)):
        row: Row = list(head) if not rows else [(" " * (MARGIN + INDENT), "")]
        row += _styled(shown, start, end, spans, STYLES[grave])
        rows.append(row)
    return rows


def _pieces(text: str, width: int) -> list[tuple[int, int]]:
    """Where the rows of a text begin and end: after a space where there is one near the end."""
    narrow = NARROW.issuperset(text)
    if narrow and len(text) <= width:
        return [(0, len(text))]
    pieces: list[tuple[int, int]] = []
    start, room = 0, width
    while start < len(text) or not pieces:
        end = start + room if narrow else _fitting(text, start, room)
        if end < len(text):
            space = text.rfind(" ", start + room // 2, end)
            end = space + 1 if space > 0 else end
        end = min(end, len(text))
        pieces.append((start, end))
        start, room = end, width - INDENT
    return pieces


def _fitting(text: str, start: int, room: int) -> int:
    """How far characters of any width fit; one at least."""
    end, used = start, 0
    while end < len(text) and (used := used + cell_len(text[end])) <= room:
        end += 1
    return max(end, start + 1)


def _styled(
    text: str, start: int, end: int, spans: list[tuple[int, int]], style: str
) -> list[tuple[str, str]]:
    runs = []
    at = start
    for first, last in spans:
        first, last = max(first, start), min(last, end)
        if first >= last:
            continue
        if first > at:
            runs.append((text[at:first], style))
        runs.append((text[first:last], "cursor"))
        at = last
    runs.append((text[at:end], style))
    return runs
