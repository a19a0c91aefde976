"""A paste stays a paste: its own escape sequences are never read as keys.

Terminals put what is pasted between two marks (bracketed paste, `CSI 200 ~` and `CSI 201 ~`).
Textual's parser leaves the paste at the first escape character in it and reads all that follows as
keys: of a coloured log that was copied in tmux, `s` would skip an item and Enter submit one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.message import Message

START, END = "\x1b[200~", "\x1b[201~"
_ACTING = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, movements
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links, the clipboard
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f]"  # all else of C0 but tab and the ends of lines
)


class PasteFilter:
    """Takes out of pastes what would act; what is typed passes as it came."""

    def __init__(self) -> None:
        self._last = ""
        """The end of what was typed: the mark may come in two pieces."""
        self._body: list[str] | None = None
        """What has come of a paste; None outside of one."""

    def passed(self, data: str) -> str:
        """What of the newest input goes on to the parser, a paste when it is whole.

        Args:
            data: as it was read; pieces end anywhere.
        """
        out = []
        while data:
            if self._body is None:
                seen = self._last + data
                at = seen.find(START)
                if at < 0:
                    self._last = seen[-(len(START) - 1) :]
                    out.append(data)
                    break
                begun = at + len(START) - len(self._last)
                out.append(data[:begun])
                data, self._last, self._body = data[begun:], "", []
                continue
            # The mark may lie across two pieces: the few characters before are looked at again.
            before = "".join(self._body[-len(END) :])[-len(END) :]
            at = (before + data).find(END)
            if at < 0:
                self._body.append(data)
                break
            cut = at + len(END) - len(before)
            whole = "".join([*self._body, data[:cut]])[: -len(END)]
            out.append(_ACTING.sub("", whole) + END)
            data, self._body = data[cut:], None
        return "".join(out)


class PasteSafeParser(XTermParser):
    """Textual's parser of the terminal's input, behind the filter."""

    def __init__(self, debug: bool = False) -> None:
        self._filter = PasteFilter()
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        if not data:  # the end of the input
            return super().feed(data)
        passed = self._filter.passed(data)
        # Nothing to the parser: an empty text would tell it that the input has ended.
        return super().feed(passed) if passed else ()


def guard_pastes() -> None:
    """Have Textual's driver of this terminal parse its input by the safe parser.

    The driver makes its parser itself, by this name, and offers no other place to put one in.
    """
    from textual.drivers import linux_driver

    linux_driver.XTermParser = PasteSafeParser  # type: ignore[attr-defined]
