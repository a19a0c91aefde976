"""CSV with a header line, streamed; a quoted value may go over several lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rlhf_tui.errors import InputError
from rlhf_tui.formats.source import MAX_ROW, NOT_UTF8, TOO_LONG, Item, lines, open_bytes


class _Lines:
    """The file's lines as text for the csv module, and those that could not be given to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.number = 0
        self.too_long: list[int] = []
        self.damage = ""
        self._lines = self._texts(file)

    def _texts(self, file: IO[bytes]) -> Iterator[str]:
        try:
            for number, line in lines(file):
                self.number = number
                if line is None:
                    self.too_long.append(number)
                else:
                    yield line.decode("utf-8", "surrogateescape")
        except EOFError as error:
            self.damage = str(error)

    def __iter__(self) -> Iterator[str]:
        return self._lines


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[Item]:
    """The rows below the header; blank lines are passed over.

    Raises:
        InputError: the header names a column twice, or none.
    """
    csv.field_size_limit(MAX_ROW)
    with open_bytes(path) as file:
        source = _Lines(file)
        reader = csv.reader(source, delimiter=delimiter)
        header = _header(path, reader)
        while True:
            start = source.number + 1
            try:
                values = next(reader, None)
            except csv.Error as error:
                values = []
                yield Item(start, problem=f"broken CSV: {error}")
            for number in source.too_long:
                yield Item(number, problem=TOO_LONG)
            source.too_long.clear()
            if values is None:
                break
            if values:
                yield _row(start, header, values)
        if source.damage:
            yield Item(source.number + 1, problem=source.damage)


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next((row for row in reader if row), [])
    except csv.Error as error:
        raise InputError(f"{path} is not CSV: {error}.") from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if not any(header) or twice:
        problem = f"names {twice[0]!r} twice" if twice else "has no header line"
        raise InputError(f"{path} {problem}.", hint="Its first line must name the columns.")
    return header


def _row(line: int, header: list[str], values: list[str]) -> Item:
    if len(values) != len(header):
        problem = f"{len(values)} values for {len(header)} columns"
        return Item(line, problem=problem)
    try:
        size = sum(len(value.encode()) for value in values)
    except UnicodeEncodeError:
        return Item(line, problem=NOT_UTF8)
    if size > MAX_ROW:
        return Item(line, problem=TOO_LONG)
    return Item(line, dict(zip(header, values, strict=True)), size=size)
