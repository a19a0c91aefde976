"""What commands print: results on stdout, sentences on stderr, JSON for scripts."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

_CONTROLS = {
    code: "�"
    for code in (
        *range(0x20),
        0x7F,
        *range(0x80, 0xA0),
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
    if chr(code) not in "\n\t"
}


def printable(text: str) -> str:
    """Text that models or files gave, safe on a terminal: control and bidi characters replaced."""
    return text.translate(_CONTROLS)


def say(text: str = "") -> None:
    """A line of the result, on stdout."""
    sys.stdout.write(f"{printable(text)}\n")


def note(text: str) -> None:
    """A line about what is going on, on stderr, so that stdout can be piped."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """One JSON document on stdout; the tag that messages carry on the socket is left out."""
    plain = msgspec.to_builtins(value)
    if isinstance(value, msgspec.Struct):
        plain.pop("type", None)
    encoded = msgspec.json.format(msgspec.json.encode(plain), indent=2)
    # JSON is UTF-8, whatever the terminal's encoding is.
    sys.stdout.flush()
    sys.stdout.buffer.write(encoded + b"\n")


def say_error(message: str, hint: str = "") -> None:
    """`error: sentence`, and what to do next on a line of its own."""
    note(f"error: {message}")
    if hint:
        note(f"hint: {hint}")


def say_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, without frames: good for eyes, for `grep` and for `awk`."""
    lines = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *lines]) for i in range(len(head))]
    for row in [list(head), *lines]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def is_terminal() -> bool:
    """True when a person can both see and type; the screens are drawn on stderr."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agreed(question: str) -> bool:
    """Ask on stderr; anything but a y is a no. Needs somebody there (`is_terminal`)."""
    sys.stderr.write(printable(f"{question} [y/N] "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def use_what_the_terminal_can_write() -> None:
    """Write '?' for a character that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def drop_output() -> None:
    """Forget what is not written yet: nobody reads it, or it cannot be stored.

    Without this the interpreter tries once more at its end, and complains.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
