"""A widget that shows rows of styled text and repaints only the cells that changed."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Run = tuple[str, str]
"""Text and the name of its style: one of the view's component classes, or '' for plain."""
Row = list[Run]
_NARROW = ((0x20, 0x2FF), (0x2500, 0x25FF), (0x2800, 0x28FF))
NARROW = frozenset(chr(code) for first, last in _NARROW for code in range(first, last + 1))
"""Characters known to take one cell: Latin, frames and blocks, braille."""
_narrow = re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in _NARROW) + "]*").fullmatch
"""Whether a text has no others: in C, since each character would cost more than drawing it."""


class Sheet:
    """A rectangle of cells to draw on, read out as rows of runs.

    Its styles colour characters only: a space looks the same in all of them.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._text = [[" "] * width for _ in range(height)]
        self._style = [[""] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, style: str = "") -> None:
        """Write single-width text from (x, y) on; what lies outside is cut off."""
        begin, end = max(0, x), min(self.width, x + len(text))
        if 0 <= y < self.height and begin < end:
            self._text[y][begin:end] = text[begin - x : end - x]
            self._style[y][begin:end] = [style] * (end - begin)

    def set(self, x: int, y: int, character: str, style: str) -> None:
        """One character at a cell that is known to be inside."""
        self._text[y][x] = character
        self._style[y][x] = style

    def style(self, x: int, y: int) -> str:
        """The style of a cell that is known to be inside; empty where nothing was drawn."""
        return self._style[y][x]

    def clear_short(self, left: int, y: int, style: str, shortest: int) -> None:
        """Clear stretches of a style in a row that are shorter than `shortest`, from `left` on."""
        text, styles = self._text[y], self._style[y]
        start = left
        for x in range(left, self.width + 1):
            if x < self.width and styles[x] == style:
                continue
            if x - start < shortest:
                text[start:x] = " " * (x - start)
            start = x + 1

    def rows(self) -> list[Row]:
        return [_runs(text, style) for text, style in zip(self._text, self._style, strict=True)]


def _runs(text: list[str], style: list[str]) -> Row:
    """Merge cells into runs; spaces join their neighbours, since every run costs some 40 bytes."""
    row: Row = []
    start = 0
    current = ""
    for x, character in enumerate(text):
        if character == " " or style[x] == current:
            continue
        if current:
            row.append(("".join(text[start:x]), current))
            start = x
        current = style[x]
    row.append(("".join(text[start:]), current))
    return row


def changed_span(old: Row, new: Row) -> tuple[int, int] | None:
    """First and past-last cell in which two rows differ; None when they are the same."""
    if old == new:
        return None
    # Most of a row stays: only what lies between the first and the last change is measured.
    most = min(len(old), len(new))
    same = next((at for at in range(most) if old[at] != new[at]), most)
    most -= same
    alike = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
    left = _length(old[:same])
    before, after = old[same : len(old) - alike], new[same : len(new) - alike]
    length = _length(before)
    if length != _length(after):
        return 0, left + max(length, _length(after)) + _length(old[len(old) - alike :])
    start = _alike(before[0], after[0]) if before and after else 0
    stop = length
    if start < length:
        (last, style), (now, other) = before[-1], after[-1]
        stop -= _alike((last[::-1], style), (now[::-1], other))
    return (left + start, left + stop) if start < stop else None


def _length(row: Row) -> int:
    return sum(len(text) if _narrow(text) else cell_len(text) for text, _ in row)


def _alike(old: Run, new: Run) -> int:
    """Cells at the beginning that are the same in two runs.

    None in characters that may be wide, or combine with what stands before them.
    """
    if old[1] != new[1] or not (_narrow(old[0]) and _narrow(new[0])):
        return 0
    pairs = enumerate(zip(old[0], new[0], strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(old[0]), len(new[0])))


class CanvasView(Widget):
    """Shows rows; `show` repaints the cells in which they differ from the ones before."""

    DEFAULT_CSS = """
    CanvasView {
        height: 1fr;
        & > .canvas--dim { color: $foreground 60%; }
        & > .canvas--rule { color: $foreground 30%; }
        & > .canvas--strong { text-style: bold; }
        & > .canvas--good { color: $success; }
        & > .canvas--bad { color: $error; text-style: bold; }
        & > .canvas--warn { color: $warning; }
        & > .canvas--accent { color: $accent; text-style: bold; }
        & > .canvas--cursor { background: $primary 30%; text-style: bold; }
        & > .canvas--cursor-dim { background: $primary 30%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "canvas--dim",
        "canvas--rule",
        "canvas--strong",
        "canvas--good",
        "canvas--bad",
        "canvas--warn",
        "canvas--accent",
        "canvas--cursor",
        "canvas--cursor-dim",
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Row] = []
        self._style_of: dict[str, Style] = {}
        self._strips: dict[int, Strip] = {}
        """Rows as they were drawn last, by number; of `_width` cells each."""
        self._width = 0

    @property
    def rows(self) -> list[Row]:
        return self._rows

    @property
    def text(self) -> str:
        """What is shown, without styles."""
        return "\n".join("".join(text for text, _ in row).rstrip() for row in self._rows)

    def show(self, rows: list[Row]) -> None:
        """Show these rows from now on."""
        old, self._rows = self._rows, rows
        if not self.is_mounted:
            self._strips.clear()
            return
        regions = []
        for y in range(max(len(old), len(rows))):
            before = old[y] if y < len(old) else []
            after = rows[y] if y < len(rows) else []
            if span := changed_span(before, after):
                self._strips.pop(y, None)
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    def put(self, rows: list[Row]) -> None:
        """Have these rows from now on, where Textual is about to paint all of them anyway."""
        self._rows = rows
        self._strips.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a region: rows as they were drawn last, but for those that have changed.

        What Textual would lay over each line, a border, say, these views have not.
        """
        width = self.size.width
        if width != self._width:
            self._width = width
            self._strips.clear()
        if self.styles.gutter:
            return super().render_lines(crop)
        lines, strips = [], self._strips
        whole = crop.x == 0 and crop.width == width
        for y in crop.line_range:
            strip = strips.get(y)
            if strip is None:
                strip = strips[y] = self.render_line(y)
            lines.append(strip if whole else strip.crop(crop.x, crop.right))
        return lines

    def render_line(self, y: int) -> Strip:
        plain = self._rich("")
        if y >= len(self._rows):
            return Strip.blank(self._width, plain)
        row = self._rows[y]
        segments = [Segment(text, self._rich(style)) for text, style in row if text]
        return Strip(segments, _length(row)).adjust_cell_length(self._width, plain)

    def _rich(self, name: str) -> Style:
        style = self._style_of.get(name)
        if style is None:
            style = self._component(name) if name else self.rich_style
            # Here once for each style, instead of for each piece of each line.
            segments, background = [Segment(" ", style)], self.background_colors[1]
            for one in self.get_line_filters():
                segments = one.apply(segments, background)
            style = self._style_of[name] = segments[0].style or style
        return style

    def _component(self, name: str) -> Style:
        """A component class as a style; see-through colours are mixed with what is behind."""
        styles = self.get_component_styles(f"canvas--{name}")
        _, ground = self.background_colors
        if styles.has_rule("background"):
            ground += styles.background
        if styles.has_rule("color"):
            colour = styles.color
        else:
            # What a widget's own style says is white, also on a light ground.
            terminal = ground.ansi is not None
            colour = self.colors[3] if terminal else ground.get_contrast_text(1.0)
        if styles.has_rule("auto_color") and styles.auto_color:
            colour = ground.get_contrast_text(colour.a)
        return styles.text_style + Style.from_color((ground + colour).rich_color, ground.rich_color)

    def notify_style_update(self) -> None:
        self._style_of = {}
        self._strips.clear()
        super().notify_style_update()
