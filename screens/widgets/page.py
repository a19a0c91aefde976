"""A text laid out in lines for one width, drawn a line at a time.

A `Static` lays out and draws all of a text to show the screenful of it that is visible, and does
so again for each item. A `Page` keeps its lines, so that what was prefetched is laid out before
it is needed, and it knows where a search hit or a turn of a conversation lies.
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from rich._wrap import divide_line
from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text as RichText
from rich.theme import Theme
from textual.geometry import Size
from textual.reactive import Reactive
from textual.strip import Strip
from textual.widget import Widget

from rlhf_tui.screens.widgets.search import Hit, find

Line = str | list[Segment]
"""A drawn line: text in the widget's own style, or styled segments."""
KEPT_WIDTHS = 2
"""Layouts that a page keeps: beside the others, and alone on the screen."""
KEPT_PAGES = 96
"""Pages kept: nine panes and a prompt, for the items fetched ahead and a few behind."""

FOUND = Style(underline=True, bold=True)
CURRENT = Style(reverse=True, bold=True)
_STYLES = Theme(
    {
        # Attributes only: they fit every theme, stand without colours, and cost few bytes.
        "markdown.code": "bold",
        "markdown.code_block": "none",
        "markdown.block_quote": "italic",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold underline",
        "markdown.h3": "bold",
        "markdown.h4": "bold italic",
        "markdown.h5": "italic",
        "markdown.h6": "italic",
        "markdown.hr": "dim",
        "markdown.item.bullet": "bold",
        "markdown.item.number": "bold",
        "markdown.link": "underline",
        "markdown.link_url": "italic",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
_console = Console(
    file=io.StringIO(),
    force_terminal=True,
    color_system="truecolor",
    legacy_windows=False,
    theme=_STYLES,
    highlight=False,
    width=80,
)


_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells; breaks between words, or between graphemes of a long one."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        if len(paragraph) <= width and paragraph.isascii():
            lines.append(paragraph.rstrip())
            continue
        start = 0
        for cut in _cuts(paragraph, max(2, width)):
            lines.append(paragraph[start:cut].rstrip())
            start = cut
        lines.append(paragraph[start:].rstrip())
    return lines


def _cuts(text: str, width: int) -> Iterator[int]:
    """Where a line is cut. A flag is two letters that the table of widths knows nothing of: it is
    laid out as the one wide character that it is on the screen."""
    flags = [match.start() for match in _FLAG.finditer(text)]
    cuts = divide_line(_FLAG.sub("\u4e00", text) if flags else text, width)
    if not flags:
        yield from cuts
        return
    before = 0
    for cut in cuts:
        while before < len(flags) and flags[before] - before < cut:
            before += 1
        yield cut + before


@dataclass
class _Layout:
    lines: list[Line] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """The first line of each part."""


class Page:
    """A text and its layouts."""

    def __init__(self, body: RenderableType) -> None:
        """
        Args:
            body: made by `text.renderable` or `conversation`; a Group's members are its parts.
        """
        self.parts = list(_flat(body))
        self._layouts: OrderedDict[int, _Layout] = OrderedDict()

    def lines(self, width: int) -> list[Line]:
        """The lines at a width in cells."""
        return self._layout(width).lines

    def has(self, width: int) -> bool:
        """Whether the page is laid out for this width already."""
        return width in self._layouts

    def starts(self, width: int) -> list[int]:
        """The number of the line with which each part begins."""
        return self._layout(width).starts

    def plain(self, width: int) -> list[str]:
        """The lines without styles, as they are read."""
        return [
            line if isinstance(line, str) else "".join(segment.text for segment in line)
            for line in self.lines(width)
        ]

    def _layout(self, width: int) -> _Layout:
        width = max(1, width)
        layout = self._layouts.get(width)
        if layout is None:
            layout = _Layout()
            for part in self.parts:
                layout.starts.append(len(layout.lines))
                layout.lines.extend(_laid_out(part, width))
            self._layouts[width] = layout
            while len(self._layouts) > KEPT_WIDTHS:
                self._layouts.popitem(last=False)
        return layout


def _flat(body: RenderableType) -> Iterator[RenderableType]:
    if isinstance(body, Group):
        for part in body.renderables:
            yield from _flat(part)
    else:
        yield body


def _laid_out(part: RenderableType, width: int) -> list[Line]:
    if isinstance(part, RichText) and not part.spans:
        wrapped = wrap(part.plain, width)
        if not part.style:
            return list(wrapped)
        style = _console.get_style(part.style)
        return [[Segment(line, style)] for line in wrapped]
    options = _console.options.update(width=width, max_width=width, height=None, highlight=False)
    drawn = _console.render_lines(part, options, pad=False)
    lines: list[Line] = [_bare(line) for line in drawn]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)  # rich puts an empty line before a list and around a table
    return lines


def _bare(line: list[Segment]) -> list[Segment]:
    """A line without the blanks at its end, which are drawn as the widget's own."""
    line = list(line)
    while line:
        text, style, _ = line[-1]
        left = text.rstrip(" ")
        if left == text or (style is not None and (style.bgcolor or style.underline)):
            break
        line.pop()
        if left:
            line.append(Segment(left, style))
            break
    return line


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

    def render_line(self, y: int) -> Strip:
        lines, style = self.page.lines(self.width), self.visual_style.rich_style
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


class Pages:
    """The pages of texts that were shown or will be, the least recently used dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Page] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], RenderableType]) -> Page:
        """The page of a text; `make` is asked for what it shows when it is not kept yet."""
        page = self._kept.get(key)
        if page is None:
            page = self._kept[key] = Page(make())
            while len(self._kept) > KEPT_PAGES:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return page
