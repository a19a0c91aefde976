"""Comma-, semicolon- or tab-separated tables of numbers: names in the first row.

Quoted fields as RFC 4180 has them; the delimiter is the one that splits the first row into most
fields. Columns without a number are left out.
"""

from __future__ import annotations

import csv
from pathlib import Path

from rlhf_tui.tracking.foreign.json_lines import total_in
from rlhf_tui.tracking.foreign.lines import LONGEST, LineTail
from rlhf_tui.tracking.foreign.reader import Piece, Telling
from rlhf_tui.tracking.foreign.values import MOST_NAMES, STEPS, TIMES, Places, number_in

DELIMITERS = ",;\t|"


def text_of(line: bytes) -> str:
    """A line as text: UTF-8, with or without its mark at the beginning, else Latin-1."""
    try:
        return line.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def delimiter_of(line: str) -> str:
    """The delimiter of a first row; empty where nothing delimits it."""
    counts = {d: len(fields(line, d)) for d in DELIMITERS}
    best = max(DELIMITERS, key=lambda d: counts[d])
    return best if counts[best] > 1 else ""


def fields(line: str, delimiter: str) -> list[str]:
    """The fields of one row; [] where it is none."""
    rows = _parse([line], delimiter)
    return rows[0] if rows else []


def _parse(lines: list[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    while True:
        try:
            rows.append(next(reader))
        except StopIteration:
            return rows
        except csv.Error:
            # A field of more than 128 KiB, or a zero byte.
            rows.append([])


class CsvReader(Telling):
    """A table that may grow."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._tail = LineTail(path)
        self._begin()

    def _begin(self) -> None:
        self._names: list[tuple[int, str]] = []
        self._delimiter = ","
        self._places = Places()
        self._open: list[bytes] = []
        self._columns = 0

    def read(self, limit: int) -> Piece:
        lines = self._tail.read(limit)
        piece = Piece([], self._tail.restarted, self._tail.more)
        if piece.restarted:
            self._begin()
        whole = [text_of(line.rstrip(b"\r")) for line in self._whole(lines)]
        if whole and not self._names:
            self._take_names(whole.pop(0))
        for values in _parse(whole, self._delimiter):
            count = len(values)
            flat = {name: values[at] for at, name in self._names if at < count and values[at]}
            if flat:
                self.total = total_in(flat) or self.total
                piece.rows.append(self._places.row(flat))
        self.problem = ""
        if self._tail.too_long:
            self.problem = "Lines of more than 4 MiB are passed over."
        elif self._columns > MOST_NAMES:
            self.problem = f"It has {self._columns} columns: the first {MOST_NAMES} are read."
        return piece

    def _whole(self, lines: list[bytes]) -> list[bytes]:
        """Lines up to the last one outside of quotes; the rest waits for its end."""
        lines = self._open + lines
        end, odd = 0, False
        for at, line in enumerate(lines):
            odd ^= bool(line.count(b'"') % 2)
            end = end if odd else at + 1
        if sum(map(len, lines[end:])) > LONGEST:
            # A quote that nobody closes: not waited for any longer.
            end = len(lines)
        self._open = lines[end:]
        return lines[:end]

    def _take_names(self, line: str) -> None:
        self._delimiter = delimiter_of(line) or ","
        names = [name.strip() for name in fields(line, self._delimiter)]
        self._columns = len(names)
        first = list(enumerate(names))[:MOST_NAMES]
        # What says where a row stands is looked for among all.
        first += [
            (at, name)
            for at, name in list(enumerate(names))[MOST_NAMES:]
            if name in STEPS or name in TIMES
        ][:MOST_NAMES]
        self._names = [(at, name) for at, name in first if name]


def looks_like_table(first: str, second: str | None) -> bool:
    """Whether a first row names columns of numbers: texts all, over a row with a number.

    Args:
        second: None where there is no second row yet.
    """
    delimiter = delimiter_of(first)
    if not delimiter:
        return False
    names = [name.strip() for name in fields(first, delimiter)]
    named = [name for name in names if name]
    if len(named) * 2 < len(names) or any(number_in(name) is not None for name in named):
        return False
    if second is None:
        return any(name in STEPS for name in named)
    values = fields(second, delimiter)
    return len(values) <= len(names) and any(number_in(value) is not None for value in values)
