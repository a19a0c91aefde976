"""The one-row head of a pane: its number, its rank in words, and a rule that says what scrolls.

A pick redraws the badge alone, about 200 bytes; a class on the pane would redraw the whole pane.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.row import Row


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th … as far as a ranking goes."""
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"


WORDED = 24
"""Cells of a line that has room for words beside its signs."""
NUMBER = "bold reverse"
"""Reverse video: readable on every theme, and without colours."""


class Badge(Row):
    """A pane's number, its rank and its thumb."""

    def __init__(self, pane: int) -> None:
        super().__init__(classes="badge")
        self.pane = pane
        self._said: tuple[object, ...] = ()

    def say(self, rank: str, *, picked: bool, thumb: str = "") -> None:
        """Show a rank and a thumb in words; `picked` makes the rank stand out."""
        if self._said != (rank, picked, thumb):
            self._said = (rank, picked, thumb)
            style = "bold $picked-text on $picked" if picked else "$quiet"
            self._draw(str(self.pane), (f" {rank} " if rank else "", style), thumb)

    def name_it(self, title: str, thumb: str = "") -> None:
        """A title in the place of number and rank, for a pane that has no others beside it."""
        if self._said != (title, thumb):
            self._said = (title, thumb)
            self._draw(title, ("", ""), thumb)

    def _draw(self, title: str, rank: tuple[str, str], thumb: str) -> None:
        sign = (f" {thumb}" if thumb else "", "bold")
        self.put(Content.assemble((f" {title} ", NUMBER), rank, sign))


class Rule(Static):
    """The line behind the badge: which pane scrolls, how much lies below, and a note."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(markup=False, classes="rule")
        self.glyphs = glyphs
        self._note = ""
        self._active = False
        self._more: Callable[[Glyphs, int], str] = lambda _glyphs, _room: ""
        self._told = ""
        self._expected = False

    def expect(self) -> None:
        """Another text was put below: the line is drawn with it, once that is laid out."""
        self._expected = True
        self.refresh()

    def say(self, note: str) -> None:
        """Show a note on the line, where there is room for it."""
        if self._note != note:
            self._note = note
            self.refresh()

    def say_more(self, more: Callable[[Glyphs, int], str]) -> None:
        """Show how much lies below: `more` gives it for the glyphs and the cells there are."""
        self._more = more
        told = more(self.glyphs, 80)
        if self._told != told:
            self._told = told
            if not self._expected:
                self.refresh()

    def activate(self, active: bool) -> None:
        """Show whether this pane is the one that scrolls."""
        if self._active != active:
            self._active = active
            self.refresh()

    def render(self) -> Content:
        self._expected = False
        glyphs, room = self.glyphs, self.size.width
        start = f"{glyphs.marker} " if self._active else ""
        if start and room >= WORDED:
            start += "scrolls "
        more = self._more(glyphs, max(0, room - len(start) - 2))
        end = f" {more}" if more else ""
        note = f" {self._note}" if self._note else ""
        if len(start) + len(note) + len(end) > room:
            note = ""
        fill = glyphs.rule * max(0, room - len(start) - len(note) - len(end))
        return Content.assemble(
            (start, "bold $accent"), (fill, "$quiet"), (note, "$quiet"), (end, "bold")
        )


class Head(Horizontal):
    """Badge and rule of one pane."""

    def __init__(self, pane: int, glyphs: Glyphs) -> None:
        super().__init__(classes="head")
        self.badge = Badge(pane)
        self.rule = Rule(glyphs)

    def compose(self) -> ComposeResult:
        yield self.badge
        yield self.rule
