"""Breaks styled text into rows of a width; columns of such rows side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from rlhf_tui.screens.widgets.canvas_view import Row


def wrap(runs: Iterable[tuple[str, str]], width: int) -> list[Row]:
    """Break styled text into rows of at most `width` cells, at spaces where there are some."""
    rows: list[Row] = [[]]
    used = 0
    for text, style in runs:
        for index, line in enumerate(text.expandtabs(4).split("\n")):
            if index:
                rows.append([])
                used = 0
            for word in _words(line):
                length = cell_len(word)
                if used and used + cell_len(word.rstrip()) > width:
                    rows.append([])
                    used = 0
                    word = word.lstrip(" ")
                    length = cell_len(word)
                while length > width:
                    part = _fitting(word, width)
                    rows[-1].append((part, style))
                    rows.append([])
                    word = word[len(part) :]
                    length = cell_len(word)
                rows[-1].append((word, style))
                used += length
    return [_joined(row) for row in rows]


def _words(line: str) -> list[str]:
    """Words, each with the spaces in front of it."""
    words: list[str] = []
    start = 0
    for index in range(1, len(line)):
        if line[index] == " " and line[index - 1] != " ":
            words.append(line[start:index])
            start = index
    if line:
        words.append(line[start:])
    return words


def _fitting(word: str, width: int) -> str:
    used = 0
    for index, character in enumerate(word):
        used += cell_len(character)
        if used > width:
            return word[: max(1, index)]
    return word


def beside(columns: Sequence[list[Row]], width: int, rule: str) -> list[Row]:
    """Columns of rows next to each other, each `width` cells wide, a rule between two of them."""
    rows: list[Row] = []
    for y in range(max((len(column) for column in columns), default=0)):
        row: Row = []
        for x, column in enumerate(columns):
            if x:
                row.append((f" {rule} ", "rule"))
            cells = column[y] if y < len(column) else []
            used = sum(cell_len(text) for text, _ in cells)
            last = x + 1 == len(columns)
            row += [*cells, *([] if last else [(" " * max(0, width - used), "")])]
        rows.append(row)
    return rows


def _joined(row: Row) -> Row:
    joined: Row = []
    for text, style in row:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined
