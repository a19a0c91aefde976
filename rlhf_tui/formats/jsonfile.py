"""JSON Lines and JSON arrays, streamed."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from rlhf_tui.formats.source import (
    BROKEN_OFF,
    CHUNK,
    MAX_ROW,
    NOT_UTF8,
    TOO_LONG,
    Item,
    lines,
    open_bytes,
)

BLANKS = " \t\r\n"
REST = "the rest of the file was not read"


def parse(line: int, data: bytes) -> Item:
    """One JSON object."""
    try:
        row = msgspec.json.decode(data)
    except UnicodeDecodeError:
        return Item(line, problem=NOT_UTF8)
    except RecursionError:
        return Item(line, problem="broken JSON: nested too deeply")
    except msgspec.DecodeError as error:
        return Item(line, problem=f"broken JSON: {error}")
    if not isinstance(row, dict):
        return Item(line, problem="not a JSON object")
    return Item(line, row, size=len(data))


def json_lines(path: Path) -> Iterator[Item]:
    """The rows of a JSON Lines file; blank lines are passed over."""
    number = 0
    with open_bytes(path) as file:
        try:
            for number, line in lines(file):
                if line is None:
                    yield Item(number, problem=TOO_LONG)
                elif line.strip():
                    yield parse(number, line)
        except EOFError as error:
            yield Item(number + 1, problem=str(error))


class _Window:
    """The part of a long text that is in memory, and the place that reading has come to."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        # Bytes that are no UTF-8 come through as lone surrogates, and spoil their row only.
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self.text = ""
        self.place = 0
        self.done = False

    def more(self) -> None:
        """Read as much again as there is, so that a long element is tried a few times only."""
        rest = self.text[self.place :]
        data = self.file.read(max(CHUNK, len(rest)))
        self.done = not data
        self.text, self.place = rest + self.decoder.decode(data, final=self.done), 0

    def look(self) -> str:
        """The next character that is not blank; '' at the end."""
        while True:
            while self.place < len(self.text) and self.text[self.place] in BLANKS:
                self.place += 1
            if self.place < len(self.text) or self.done:
                return self.text[self.place : self.place + 1]
            self.more()


def json_array(path: Path) -> Iterator[Item]:
    """The objects of one large JSON array, numbered from 1.

    What follows a broken element cannot be found again: it ends the file with a rejected row.
    """
    row = 0
    with open_bytes(path) as file:
        window = _Window(file)
        try:
            follows = window.look()  # the opening bracket
            window.place += 1
            while (follows := window.look()) != "]":
                row += 1
                item, whole = _element(window, row)
                yield item
                if not whole:
                    return
                if (follows := window.look()) == ",":
                    window.place += 1
                elif follows != "]":
                    break
        except BROKEN_OFF as error:
            yield Item(row + 1, problem=f"the file is damaged from here on: {error}")
            return
    if follows != "]":
        yield Item(row + 1, problem=f"broken JSON: neither ',' nor ']' before it; {REST}")


def _element(window: _Window, row: int) -> tuple[Item, bool]:
    """The next element, and whether its end is known; the window is placed behind it."""
    decoder = json.JSONDecoder()
    while True:
        try:
            end = decoder.raw_decode(window.text, window.place)[1]
        except RecursionError:
            return Item(row, problem=f"broken JSON: nested too deeply; {REST}"), False
        except json.JSONDecodeError as error:
            # Cut off by the window, or broken: only the end of the file can tell.
            if window.done:
                return Item(row, problem=f"broken JSON: {error.msg}; {REST}"), False
            if len(window.text) - window.place > MAX_ROW:
                return Item(row, problem=f"broken JSON, or {TOO_LONG}; {REST}"), False
            window.more()
            continue
        data = window.text[window.place : end].encode("utf-8", "surrogateescape")
        window.place = end
        return parse(row, data), True
