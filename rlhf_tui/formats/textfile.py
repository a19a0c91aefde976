"""Plain text: every line that is not blank is a prompt, kept exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf_tui.formats.source import NOT_UTF8, TOO_LONG, Item, lines, open_bytes


def text_rows(path: Path) -> Iterator[Item]:
    number = 0
    with open_bytes(path) as file:
        try:
            for number, line in lines(file):
                if line is None:
                    yield Item(number, problem=TOO_LONG)
                elif line.strip():
                    yield _row(number, line.rstrip(b"\r\n"))
        except EOFError as error:
            yield Item(number + 1, problem=str(error))


def _row(number: int, line: bytes) -> Item:
    try:
        return Item(number, {"prompt": line.decode()}, size=len(line))
    except UnicodeDecodeError:
        return Item(number, problem=NOT_UTF8)
