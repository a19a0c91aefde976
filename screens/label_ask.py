"""What a labelling screen asks to be typed, in rows at the bottom: a line of text, a critique.

Panels give back what was chosen or typed, None when they are left, and change nothing themselves.
The texts that are judged stay in sight above them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from rlhf_tui.screens.widgets.line import Line, caught_up
from rlhf_tui.screens.widgets.text import FORBIDDEN

T = TypeVar("T")
LEAVE: list[BindingType] = [Binding("escape,ctrl+c", "leave", "Leave it", priority=True)]
LONGEST = 20_000
"""Characters of a critique or reason: more is a pasted file, and would not fit into a draft."""


def typed(text: str) -> str:
    """What was typed or pasted, without what no text should hold, and not without end."""
    return FORBIDDEN.sub("", text).strip()[:LONGEST]


class Panel(ModalScreen[T | None]):
    """Rows over the bottom of the room: a title, what is asked, and the keys."""

    CSS_PATH = Path(__file__).with_name("label_ask.tcss")
    ROOMS: ClassVar[tuple[str, ...]] = ()
    """Names of the key table's screens whose rows hold here."""

    def __init__(self, title: str, hint: str) -> None:
        super().__init__()
        self.head = Static(Content(f" {title}"), markup=False, id="ask-title")
        self.hint = Static(Content(f" {hint}"), markup=False, id="ask-hint")

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield self.head
            yield from self.body()
            yield self.hint

    def body(self) -> ComposeResult:
        """The rows between title and keys."""
        raise NotImplementedError

    def action_leave(self) -> None:
        self.dismiss(None)


class TextAsk(Panel[str]):
    """One line of text; empty counts as left."""

    BINDINGS: ClassVar[list[BindingType]] = LEAVE

    def __init__(self, title: str) -> None:
        super().__init__(title, "Enter takes it   empty: as it was")

    def body(self) -> ComposeResult:
        yield Line(self._take, compact=True, max_length=LONGEST)

    def _take(self, text: str) -> None:
        self.dismiss(typed(text) or None)


class CritiqueAsk(Panel[str]):
    """A text of several lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LEAVE,
        Binding("enter", "done", "Take it", priority=True),
        Binding("ctrl+j,shift+enter", "new_line", "A new line", priority=True),
    ]

    def __init__(self, text: str, keep: Callable[[str], None]) -> None:
        """
        Args:
            keep: called with the text at every change, so that a lost connection loses none.
        """
        super().__init__("Critique", "Enter takes it   Ctrl-J new line   Esc as it was")
        self.area = TextArea(text, soft_wrap=True, compact=True, show_line_numbers=False)
        self.area.cursor_blink = False
        self.keep = keep

    def body(self) -> ComposeResult:
        yield self.area

    def on_mount(self) -> None:
        self.area.move_cursor(self.area.document.end)

    def on_text_area_changed(self) -> None:
        if FORBIDDEN.search(self.area.text):  # pasted; it would act on the terminal
            self.area.text = FORBIDDEN.sub("", self.area.text)
            self.area.move_cursor(self.area.document.end)
        self.keep(typed(self.area.text))

    async def action_new_line(self) -> None:
        await caught_up(self.area)
        self.area.insert("\n")

    async def action_done(self) -> None:
        await caught_up(self.area)
        self.dismiss(typed(self.area.text))
