"""What the line mode writes: plain lines, one after the other, and long texts by pages.

Nothing moves the cursor and nothing is coloured. Untrusted texts are cleaned as on the screens,
and stand indented, so that no completion can look like a line of the program.
"""

from __future__ import annotations

import contextlib
from typing import TextIO

from rlhf_tui.records import Text
from rlhf_tui.screens.widgets.text import clean

PAGE = 1_500
"""Characters read at a time: about two minutes of a screen reader."""
INDENT = "  "


class Paper:
    """The output, which may go away while something is being written."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encoding = "utf-8" if "utf" in (out.encoding or "").lower() else "ascii"
        self._rest: tuple[str, str] = ("", "")

    def say(self, text: str = "") -> None:
        """Lines of the program; whatever stands in them, nothing acts on the terminal."""
        self._write(clean(text, encoding=self._encoding).text + "\n")

    def ask(self) -> None:
        """The sign that a line can be typed."""
        self._write("> ")

    def read(self, heading: str, text: Text, *, whole: bool = False) -> None:
        """A text that is not ours under its heading; the first page of it, unless `whole`."""
        parts = [(None, text)] if isinstance(text, str) else [(m.role, m.content) for m in text]
        lines: list[str] = []
        for role, content in parts:
            if role is not None:
                lines.append(f"{role}:")
            shown = clean(content, encoding=self._encoding)
            lines += [f"({mark})" for mark in shown.marks]
            body = shown.text.strip("\n")
            lines += body.split("\n") if body.strip() else ["(empty)"]
        self.say(heading)
        self._page(heading.rstrip(":"), "\n".join(INDENT + line for line in lines), whole=whole)

    def more(self) -> bool:
        """Go on with the text that was read last; False when nothing is left of it."""
        heading, rest = self._rest
        if not rest:
            return False
        self.say(f"{heading} goes on:")
        self._page(heading, rest, whole=False)
        return True

    def _page(self, heading: str, text: str, *, whole: bool) -> None:
        cut = len(text) if whole or len(text) <= PAGE * 5 // 4 else _cut(text)
        self._write(text[:cut].rstrip("\n") + "\n")
        rest = text[cut:].lstrip("\n")
        if rest and not rest.startswith(INDENT):
            rest = INDENT + rest.lstrip()
        self._rest = (heading, rest)
        if rest:
            self.say(f"({len(rest):,} more characters: 'more' goes on.)")

    def _write(self, text: str) -> None:
        # A terminal that was closed takes nothing; what is judged is put away all the same.
        with contextlib.suppress(OSError, ValueError):
            self._out.write(text)
            self._out.flush()


def _cut(text: str) -> int:
    """Where a page ends: behind a line, else behind a word, else anywhere."""
    for sign in ("\n", " "):
        at = text.rfind(sign, PAGE // 2, PAGE)
        if at > 0:
            return at + 1
    return PAGE
