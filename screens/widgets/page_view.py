"""The widget that draws a page: only the lines that are visible, with the matches of a search."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from rich.text import Text as RichText
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget

from rlhf_tui.screens.widgets.page import Line, Page
from rlhf_tui.screens.widgets.search import Hit, find

FOUND = Style(underline=True, bold=True)
CURRENT = Style(reverse=True, bold=True)


@dataclass(frozen=True)
class Mark:
    """Characters of a line that stand out: `start` to `end`, counted in characters."""

    start: int
    end: int
    style: Style


def marked(line: Line, marks: list[Mark]) -> list[Segment]:
    """A line with its marks laid over its styles."""
    segments = [Segment(line)] if isinstance(line, str) else line
    drawn: list[Segment] = []
    at = 0
    for text, style, _ in segments:
        edges = {0, len(text)}
        for mark in marks:
            edges.update(edge - at for edge in (mark.start, mark.end) if 0 < edge - at < len(text))
        cuts = sorted(edges)
        for start, end in pairwise(cuts):
            over = style or Style.null()
            for mark in marks:
                if mark.start <= at + start < mark.end:
                    over += mark.style
            drawn.append(Segment(text[start:end], over))
        at += len(text)
    return drawn


class PageView(Widget):
    """Shows a page as high as it is; only the lines that are visible are drawn."""

    virtual_size = Reactive(Size(0, 0), repaint=False)
    """As a widget has it, but without the second layout: a page never scrolls by itself."""

    def __init__(
        self, *, indent: int = 0, id: str | None = None, classes: str | None = None
    ) -> None:
        """
        Args:
            indent: cells free at the left. A padding would be drawn apart: 30 bytes a line.
        """
        super().__init__(id=id, classes=classes)
        self.indent = indent
        self.page = Page(RichText(""))
        self.query_text = ""
        self._current = -1
        self._found: tuple[Page, int, str] | None = None
        self._hits: list[Hit] = []
        self._strips: dict[int, Strip] = {}
        """Lines as they were drawn last, by number; of what `_drawn` says."""
        self._drawn: Hashable = None

    def show(self, page: Page) -> None:
        """Put a page in the place of the one before, without a search in it."""
        self.look_for("")
        if page is not self.page:
            self.page = page
            self.clear_cached_dimensions()
            self.refresh(layout=True)

    def look_for(self, query: str, current: int = -1) -> None:
        """Mark what matches; `current` is the index of the match that the person is at."""
        if (query, current) != (self.query_text, self._current):
            self.query_text, self._current = query, current
            self.refresh()

    @property
    def hits(self) -> list[Hit]:
        """The matches, at the width that the view has now."""
        key = (self.page, self.width, self.query_text)
        if self._found != key:
            self._found = key
            lines = self.page.plain(self.width) if self.query_text else []
            self._hits = find(lines, self.width, self.query_text)
        return self._hits

    @property
    def width(self) -> int:
        """Cells of a line; 0 before the first layout."""
        return max(0, self.content_size.width - self.indent)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.page.lines(width - self.indent)) if width > self.indent else 0

    def marks(self, y: int) -> list[Mark]:
        """The matches of a line."""
        return [
            Mark(start, end, CURRENT if number == self._current else FOUND)
            for number, hit in enumerate(self.hits)
            for line, start, end in hit.spans
            if line == y
        ]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a region.

        A page has no border, padding or tint that Textual would have to lay over each line: going
        by that costs half of the time in which the next item is drawn.
        """
        style, width = self.visual_style.rich_style, self.content_size.width
        drawn = (self.page, width, style, self.query_text, self._current)
        if drawn != self._drawn:
            self._drawn = drawn
            self._strips.clear()
        lines, filters, background = self.page.lines(self.width), None, self.background_colors[1]
        strips = []
        for y in crop.line_range:
            strip = self._strips.get(y)
            if strip is None:
                strip = self._line(lines, y, style).adjust_cell_length(width, style)
                filters = self.get_line_filters() if filters is None else filters
                for one in filters:
                    strip = strip.apply_filter(one, background)
                self._strips[y] = strip
            whole = crop.x == 0 and crop.width == width
            strips.append(strip if whole else strip.crop(crop.x, crop.right))
        return strips

    def _line(self, lines: list[Line], y: int, style: Style) -> Strip:
        if not 0 <= y < len(lines):
            return Strip.blank(self.content_size.width, style)
        line, left = lines[y], " " * self.indent
        if self.query_text and (marks := self.marks(y)):
            return Strip([Segment(left), *marked(line, marks)]).apply_style(style)
        if isinstance(line, str):
            if line.isascii():
                # Filled up in the same style: one change of colour less on the wire.
                return Strip([Segment(left + line.ljust(self.width), style)])
            return Strip([Segment(left + line, style)])
        return Strip([Segment(left), *line]).apply_style(style)
