"""A widget that shows rows of styled text and repaints only the cells that changed."""

from __future__ import annotations

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
NARROW = frozenset(map(chr, (*range(32, 0x300), *range(0x2500, 0x2600), *range(0x2800, 0x2900))))
"""Characters known to take one cell: Latin, frames and blocks, braille."""


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
        if not 0 <= y < self.height:
            return
        for offset, character in enumerate(text):
            if 0 <= x + offset < self.width:
                self._text[y][x + offset] = character
                self._style[y][x + offset] = style

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
    before, after = _cells(old), _cells(new)
    length = len(before)
    if length != len(after):
        return 0, max(length, len(after))
    start = next((i for i in range(length) if before[i] != after[i]), length)
    stop = next((i for i in range(length, start, -1) if before[i - 1] != after[i - 1]), start)
    return (start, stop) if start < stop else None


def _cells(row: Row) -> list[tuple[str, str]]:
    """What stands in each cell; the second cell of a wide character is empty."""
    if all(not text or NARROW.issuperset(text) for text, _ in row):
        return [(character, style) for text, style in row for character in text]
    cells = []
    for text, style in row:
        for character in text:
            cells.append((character, style))
            cells.extend([("", style)] * (cell_len(character) - 1))
    return cells


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
            return
        regions = []
        for y in range(max(len(old), len(rows))):
            before = old[y] if y < len(old) else []
            after = rows[y] if y < len(rows) else []
            if span := changed_span(before, after):
                regions.append(Region(span[0], y, span[1] - span[0], 1))
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        plain = self._rich("")
        if y >= len(self._rows):
            return Strip.blank(width, plain)
        segments = [Segment(text, self._rich(style)) for text, style in self._rows[y] if text]
        return Strip(segments).adjust_cell_length(width, plain)

    def _rich(self, name: str) -> Style:
        style = self._style_of.get(name)
        if style is None:
            style = self._style_of[name] = self._component(name) if name else self.rich_style
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
        super().notify_style_update()
