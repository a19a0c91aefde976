"""The newest completions that a generate run wrote, read from the end of its file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.tail import open_plain

PIECE = 256 * 1024
"""Bytes of the file's end that are looked at: a few milliseconds."""
MOST = 24
"""Completions that are shown: the newest tell whether the run does what it should."""


class Written(msgspec.Struct):
    """What is shown of a completion."""

    prompt_id: str = ""
    completion: Any = ""
    tokens: int | None = None
    finish_reason: Literal["eos", "length"] | None = None


def newest(directory: Path) -> list[Written]:
    """The last completions of a run, oldest first, none before there are any.

    A line that is cut off or is no completion is passed over.

    Raises:
        OSError: the file is there and cannot be read.
    """
    try:
        file = open_plain(directory / layout.COMPLETIONS)
    except FileNotFoundError:
        return []
    with file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - PIECE))
        lines = file.read(PIECE).splitlines()
    found: list[Written] = []
    # Of a piece from the middle of a file the first line is a part.
    for line in lines[1 if start else 0 :][-MOST:]:
        try:
            found.append(msgspec.json.decode(line, type=Written))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue
    return found
