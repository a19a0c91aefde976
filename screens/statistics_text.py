"""Building blocks of the statistics screen: lines of styled text, gauges, tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from rlhf_tui.evaluation import wording
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.text import clean

GAUGE = 24
"""Cells of a gauge from 0 to 1."""
GAUGE_FROM = 100
"""Columns from which on there is room for gauges."""
CASES_FROM = 70
"""Columns from which on the number of cases stands beside its figure; else with the rule."""
NAME = 34
"""Cells of a figure's name in a narrow terminal, which cuts it; a wide one gives it more."""
LONGEST_LINE = 100
"""Cells of a line of prose: longer ones are hard to read."""

Part = tuple[str, str]
"""Text and style."""


class Lines:
    """Lines of a page for one width, put together from the top."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self.width = max(20, width)
        self.glyphs = glyphs
        self._parts: list[Part] = []

    @property
    def content(self) -> Content:
        return Content.assemble(*self._parts)

    def add(self, *parts: Part) -> None:
        self._parts += [*parts, ("\n", "")]

    def head(self, text: str) -> None:
        if self._parts:
            self.add()
        self.add((text, "bold"))

    def prose(self, text: str, style: str = "", indent: int = 0) -> None:
        pad = " " * indent
        safe = clean(text, encoding=self.glyphs.encoding).text
        width = min(self.width, LONGEST_LINE)
        for line in textwrap.wrap(safe, width, initial_indent=pad, subsequent_indent=pad):
            self.add((line, style))

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Words and what they come to."""
        for word, text in rows:
            self.add((f"{word:<10}", "$quiet"), (text, ""))

    def figures(self, figures: Sequence[Figure], *, gauges: bool = True) -> None:
        """Figures with their intervals and cases; the tie rule under those that share it."""
        wide = self.width >= GAUGE_FROM and gauges
        room = NAME if self.width < 80 else NAME + 10
        for rule, group in wording.by_rule(list(figures)):
            for figure in group:
                parts = [
                    (f"{self.cell(figure.name, room)} ", ""),
                    (f"{wording.of(figure):>5}  ", "bold"),
                ]
                if wide:
                    parts.append((f"{gauge(figure, self.glyphs)}  ", "$accent"))
                beside = f"{wording.interval(figure):<14}"
                if self.width >= CASES_FROM and (figure.cases or figure.value is None):
                    beside += f"  {figure.cases:,} cases"
                self.add(*parts, (beside.rstrip(), "$quiet"))
            if self.width < CASES_FROM:
                told = [f"{figure.cases:,}" for figure in group if figure.cases]
                rule = f"{', '.join(told)} cases. {rule}" if told else rule
            self.prose(rule, "$quiet", indent=2)

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], drop: Sequence[str] = ()
    ) -> None:
        """Columns, the first to the left and shortened, the others to the right.

        Args:
            drop: heads of columns that go where they do not fit, the first one first.
        """
        kept = list(range(len(head)))
        widths = [
            max(cell_len(head[i]), *(cell_len(row[i]) for row in rows)) if rows else len(head[i])
            for i in kept
        ]
        widths[0] = min(widths[0], 20)
        for name in drop:
            if sum(widths[i] + 2 for i in kept) - 2 <= self.width:
                break
            kept.remove(head.index(name))
        for number, cells in enumerate((head, *rows)):
            parts: list[Part] = []
            for i in kept:
                text = self.cell(cells[i], widths[i]) if i == 0 else cells[i].rjust(widths[i])
                style = "$quiet" if number == 0 else "bold" if i == 0 else ""
                parts.append((text + "  ", style))
            self.add(*parts)

    def cell(self, text: str, width: int) -> str:
        """A text as one line in so many cells, shortened where it is longer."""
        safe = clean(text, encoding=self.glyphs.encoding).text.replace("\n", " ")
        if cell_len(safe) <= width:
            return set_cell_size(safe, width)
        more = self.glyphs.more
        return set_cell_size(safe, width - len(more)) + more


def gauge(figure: Figure, glyphs: Glyphs) -> str:
    """Value and interval between 0 and 1; a value below 0 stands at the left end."""
    if figure.value is None:
        return " " * GAUGE
    cells = [glyphs.empty] * GAUGE
    if figure.low is not None and figure.high is not None:
        for at in range(_place(figure.low), _place(figure.high) + 1):
            cells[at] = glyphs.full
    cells[_place(figure.value)] = glyphs.on
    return "".join(cells)


def _place(value: float) -> int:
    return round(min(1.0, max(0.0, value)) * (GAUGE - 1))
