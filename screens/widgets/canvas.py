"""A canvas of dots, two by four in a character cell, read out as braille or as ASCII."""

from __future__ import annotations

import os

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Braille bits by column and row of a cell (Unicode 16, chapter 21.1)."""

_ROWS = tuple(left | right for left, right in zip(*DOTS, strict=True))

_SPANS = tuple(
    tuple(tuple(sum(dots[top : bottom + 1]) for bottom in range(4)) for top in range(4))
    for dots in DOTS
)
"""Bits of a stretch of dots by column of the cell, first row and last row."""


def unicode_terminal() -> bool:
    """Whether the locale's characters reach the terminal as UTF-8.

    Read from the environment, because Python in a C locale claims UTF-8 for its own streams
    (PEP 540), and puts LC_CTYPE=C.UTF-8 beside LANG=C (PEP 538).
    """
    everything, kind, language = (os.environ.get(n, "") for n in ("LC_ALL", "LC_CTYPE", "LANG"))
    if kind == "C.UTF-8" and language in ("C", "POSIX"):
        kind = ""
    name = (everything or kind or language or "C.UTF-8").lower()
    return "utf-8" in name or "utf8" in name


def ascii_cell(bits: int) -> str:
    """The ASCII character that looks most like a cell's dots."""
    rows = [bool(bits & row) for row in _ROWS]
    count = sum(rows)
    if not count:
        return " "
    if count >= 3:
        return "|"
    if rows[0] and (rows[2] or rows[3]):
        return ":"
    if rows[0]:
        return "'"
    if rows[3]:
        return "." if rows[2] or rows[1] else "_"
    return "-"


GLYPHS = (
    (" ", *(chr(0x2800 + bits) for bits in range(1, 256))),
    tuple(ascii_cell(bits) for bits in range(256)),
)
"""Characters by a cell's dots: in braille, and in ASCII."""


class Canvas:
    """Dots in a rectangle of cells; (0, 0) is the dot at the top left.

    Args:
        width, height: in character cells.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.dots_wide, self.dots_high = width * 2, height * 4
        self.cells = [bytearray(width) for _ in range(height)]

    def copy(self) -> Canvas:
        """The same dots, to draw more on."""
        made = Canvas(self.width, 0)
        made.height, made.dots_high = self.height, self.dots_high
        made.cells = [row[:] for row in self.cells]
        return made

    def set(self, x: int, y: int) -> None:
        """Set a dot; dots outside of the canvas are left out."""
        if 0 <= x < self.dots_wide and 0 <= y < self.dots_high:
            self.cells[y >> 2][x >> 1] |= DOTS[x & 1][y & 3]

    def get(self, x: int, y: int) -> bool:
        return bool(self.cells[y >> 2][x >> 1] & DOTS[x & 1][y & 3])

    def column(self, x: int, top: int, bottom: int) -> None:
        """Set the dots of column x from row `top` to row `bottom`, both included."""
        if not 0 <= x < self.dots_wide:
            return
        top, bottom = max(0, top), min(self.dots_high - 1, bottom)
        if top > bottom:
            return
        spans, cell, cells = _SPANS[x & 1], x >> 1, self.cells
        first, last = top >> 2, bottom >> 2
        if first == last:
            cells[first][cell] |= spans[top & 3][bottom & 3]
            return
        cells[first][cell] |= spans[top & 3][3]
        for y in range(first + 1, last):
            cells[y][cell] |= spans[0][3]
        cells[last][cell] |= spans[0][bottom & 3]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """A straight line, both ends included."""
        if x1 - x0 == 1:
            # Neighbouring columns, the usual case: each takes its half of the way.
            middle = (y0 + y1) // 2
            if y0 <= y1:
                self.column(x0, y0, middle)
                self.column(x1, min(middle + 1, y1), y1)
            else:
                self.column(x0, middle + 1, y0)
                self.column(x1, y1, middle)
            return
        steps = max(abs(x1 - x0), abs(y1 - y0))
        if not steps:
            self.set(x0, y0)
            return
        for i in range(steps + 1):
            self.set(x0 + round((x1 - x0) * i / steps), y0 + round((y1 - y0) * i / steps))

    def character(self, x: int, y: int, *, ascii_only: bool = False) -> str:
        """The character of the cell at (x, y)."""
        return GLYPHS[ascii_only][self.cells[y][x]]
