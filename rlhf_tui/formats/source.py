"""Rows out of files of every container, one at a time, with their numbers; bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from rlhf_tui.errors import InputError
from rlhf_tui.formats.base import Row

MAX_ROW = 16 * 1024 * 1024
"""Bytes of the longest row taken: with its quotes and escapes it still fits a frame of the
socket, and one row in memory is no danger to anyone."""
CHUNK = 1024 * 1024
TOO_LONG = f"longer than {MAX_ROW // 2**20} MiB"
NOT_UTF8 = "not valid UTF-8"
BROKEN_OFF = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a damaged .gz raises."""


@dataclass(slots=True)
class Item:
    """A row of a file, or the reason why there is none."""

    line: int
    """The line it begins on; in Parquet and JSON arrays the row's number. From 1."""
    row: Row | None = None
    problem: str = ""
    size: int = 0
    """Bytes, about."""


def check_file(path: Path) -> None:
    """
    Raises:
        InputError: missing, a directory, not readable, or empty.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory.", hint="Name the files in it.")
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: you may not open it.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if empty:
        raise InputError(f"{path} is empty.")


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked if it is a .gz."""
    if path.suffix.lower() == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def check_is_text(path: Path) -> bytes:
    """The beginning of a text file.

    Raises:
        InputError: it is binary, in another encoding, or a .gz that is none.
    """
    try:
        with open_bytes(path) as file:
            head = file.read(4096)
    except BROKEN_OFF as error:
        raise InputError(f"{path} is not a whole .gz file.") from error
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is in UTF-16.", hint="Save it as UTF-8.")
    if b"\0" in head:
        raise InputError(
            f"{path} is a binary file.",
            hint="Known are JSON Lines (.jsonl, also .gz), JSON, CSV, Parquet and .txt.",
        )
    if not head:
        raise InputError(f"{path} is empty.")
    return head


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """The lines with their numbers and ends, without a byte-order mark; None: too long.

    Raises:
        EOFError: the rest of a .gz is damaged; the text says so.
    """
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MAX_ROW + 2)
            whole = line.endswith(b"\n") or len(line) <= MAX_ROW
            rest = line
            while not whole and rest and not rest.endswith(b"\n"):
                rest = file.readline(CHUNK)
        except BROKEN_OFF as error:
            raise EOFError(f"the file is damaged from here on: {error}") from error
        if not line:
            return
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield number, line if whole else None
