"""Lists to choose from, in rows at the bottom of a labelling screen: a reason, or tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.screens import keys
from rlhf_tui.screens.label_ask import Panel
from rlhf_tui.screens.widgets.text import clean

ROWS_LEFT = 8
"""Rows of the terminal that a list leaves to the texts above it and to the panel's own."""


@dataclass(frozen=True)
class Chosen:
    """What was chosen of a list."""

    names: tuple[str, ...]
    another: bool = False
    """The person wants to write one that is not in the list."""


class ListAsk(Panel[Chosen]):
    """Lines to choose from, by their digit or by moving to them."""

    ROOMS = ("ask",)
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings("ask"),
        *keys.borrowed({"leave": "leave", "quit": "leave"}),
    ]

    def __init__(self, title: str, hint: str, names: Sequence[str]) -> None:
        super().__init__(title, hint)
        self.names = list(names)
        self.at = 0
        self.list = Static(markup=False, id="ask-list")

    def body(self) -> ComposeResult:
        yield self.list

    def on_mount(self) -> None:
        self.draw_list()

    def on_resize(self) -> None:
        self.draw_list()

    # --- what subclasses say -------------------------------------------------------------------

    def sign(self, name: str) -> str:
        """What stands before a name."""
        return ""

    def take(self, name: str) -> None:
        """A name was chosen."""
        raise NotImplementedError

    # --- drawing and keys ----------------------------------------------------------------------

    def draw_list(self) -> None:
        rows = max(3, self.app.size.height - ROWS_LEFT)
        top = max(0, min(self.at - rows // 2, len(self.names) - rows))
        lines = [self.line(index) for index in range(top, min(top + rows, len(self.names)))]
        none = Content.styled("   None is set here: o writes one.", "$quiet")
        self.list.update(Content("\n").join(lines) if lines else none)

    def line(self, index: int) -> Content:
        """The digit that chooses a name, and the name; the one moved to by a sign too."""
        name, here = self.names[index], index == self.at
        digit = index + 1 if index < 9 else " "
        text = f" {'>' if here else ' '} {digit}  {self.sign(name)}{clean(name).text} "
        return Content.styled(text, "bold" if here else "")

    def action_move(self, step: int) -> None:
        if self.names:
            self.at = (self.at + step) % len(self.names)
            self.draw_list()

    def action_choose(self, digit: int) -> None:
        if digit <= len(self.names):
            self.at = digit - 1
            self.take(self.names[self.at])

    def action_take(self) -> None:
        if self.names:
            self.take(self.names[self.at])


class PickAsk(ListAsk):
    """One name: the first one chosen is taken."""

    def take(self, name: str) -> None:
        self.dismiss(Chosen((name,)))

    def action_done(self) -> None:
        self.action_take()

    def action_another(self) -> None:
        self.dismiss(Chosen((), another=True))


class ReasonAsk(PickAsk):
    """One reason."""

    def __init__(self, title: str, reasons: Sequence[str]) -> None:
        super().__init__(title, "1-9 or Enter takes it   o another   q leaves it", reasons)


class TagsAsk(ListAsk):
    """Any number of tags."""

    def __init__(self, offered: Sequence[str], given: Sequence[str]) -> None:
        """
        Args:
            given: the item's tags so far; those that are not offered stand behind the others.
        """
        hint = "1-9 or Space gives and takes   o another   Enter done   q as before"
        super().__init__("Tags", hint, list(dict.fromkeys((*offered, *given))))
        self.given = list(given)

    def sign(self, name: str) -> str:
        return "[x] " if name in self.given else "[ ] "

    def take(self, name: str) -> None:
        if name in self.given:
            self.given.remove(name)
        else:
            self.given.append(name)
        self.draw_list()

    def action_done(self) -> None:
        self.dismiss(Chosen(tuple(self.given)))

    def action_another(self) -> None:
        self.dismiss(Chosen(tuple(self.given), another=True))
