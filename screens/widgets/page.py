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

from rich._wrap import divide_line
from rich.console import Console, Group, RenderableType
from rich.segment import Segment
from rich.text import Text as RichText
from rich.theme import Theme

Line = str | list[Segment]
"""A drawn line: text in the widget's own style, or styled segments."""
KEPT_WIDTHS = 2
"""Layouts that a page keeps: beside the others, and alone on the screen."""
KEPT_PAGES = 96
"""Pages kept: nine panes and a prompt, for the items fetched ahead and a few behind."""

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
