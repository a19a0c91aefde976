"""What the dashboard asks to be typed of a run: a line that is checked as it is typed, a note."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, TextArea

from rlhf_tui.errors import UsageError
from rlhf_tui.screens.label_ask import LEAVE, Panel
from rlhf_tui.screens.widgets.line import Line, caught_up
from rlhf_tui.screens.widgets.text import FORBIDDEN


class Checked(Panel[str]):
    """Takes a text once it is possible; the last row says what is wrong with it meanwhile."""

    CSS = "#ask-hint.-problem { color: $error; text-style: bold; }"

    def __init__(self, title: str, hint: str, check: Callable[[str], object]) -> None:
        """
        Args:
            check: raises UsageError for a text that is not possible.
        """
        super().__init__(title, hint)
        self.told, self.check = hint, check

    def look(self, text: str) -> bool:
        """Say what is wrong with a text; whether it is possible."""
        problem = ""
        try:
            self.check(text)
        except UsageError as error:
            problem = error.message
        self.hint.set_class(bool(problem), "-problem")
        self.hint.update(Content(f" {problem or self.told}"))
        return not problem


class LineAsk(Checked):
    """One line of text."""

    BINDINGS: ClassVar[list[BindingType]] = LEAVE

    def __init__(
        self, title: str, value: str, check: Callable[[str], object], hint: str = ""
    ) -> None:
        keys = "Enter takes it   Esc as it was"
        super().__init__(title, f"{hint}   {keys}" if hint else keys, check)
        # Not marked: the next letter would replace what is there.
        self.line = Line(self._take, value, compact=True, select_on_focus=False)

    def body(self) -> ComposeResult:
        yield self.line

    def on_input_changed(self, event: Input.Changed) -> None:
        self.look(event.value)

    def _take(self, text: str) -> None:
        if self.look(text):
            self.dismiss(text)


class NoteAsk(Checked):
    """A text of several lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LEAVE,
        Binding("enter", "done", "Take it", priority=True),
        Binding("ctrl+j,shift+enter", "new_line", "A new line", priority=True),
    ]

    def __init__(self, title: str, text: str, check: Callable[[str], object]) -> None:
        super().__init__(title, "Enter takes it   Ctrl-J new line   Esc as it was", check)
        self.area = TextArea(text, soft_wrap=True, compact=True, show_line_numbers=False)
        self.area.cursor_blink = False

    def body(self) -> ComposeResult:
        yield self.area

    def on_mount(self) -> None:
        self.area.move_cursor(self.area.document.end)

    def on_text_area_changed(self) -> None:
        if FORBIDDEN.search(self.area.text):  # pasted; it would act on the terminal
            self.area.text = FORBIDDEN.sub("", self.area.text)
            self.area.move_cursor(self.area.document.end)
        self.look(self.area.text)

    async def action_new_line(self) -> None:
        await caught_up(self.area)
        self.area.insert("\n")

    async def action_done(self) -> None:
        await caught_up(self.area)
        if self.look(self.area.text):
            self.dismiss(self.area.text)
