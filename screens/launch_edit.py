"""Small windows of the launch screen: edit one value, and read what a launch decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from rlhf_tui.errors import UsageError
from rlhf_tui.screens.widgets.line import Line
from rlhf_tui.screens.widgets.text import clean

STYLE = """
    align: center middle;
    & > Vertical {
        width: 72; max-width: 94%; height: auto; padding: 1 2; background: $panel;
    }
    & Static { width: 1fr; height: auto; }
    & .title { text-style: bold; }
    & .quiet { color: $foreground 60%; }
    & .problem { color: $error; text-style: bold; min-height: 1; }
    & .warning { color: $warning; }
    & Input { border: none; height: 1; padding: 0 1; margin: 1 0; background: $background; }
    & Input:focus { border: none; }
"""


class Checked(ModalScreen[str | None]):
    """A window in which a text is typed that has to be possible; it shows what is wrong with it."""

    check: Callable[[str], str | None]
    """Raises UsageError for a text that is not possible; returns what it conflicts with."""

    def problem(self, text: str) -> str:
        """Show what is wrong with a text; returns why it cannot be taken."""
        problem, conflict = "", ""
        try:
            conflict = self.check(text) or ""
        except UsageError as error:
            problem = error.message
        self.query_one(".problem", Static).update(problem)
        self.query_one(".warning", Static).update(conflict)
        return problem

    def action_leave(self) -> None:
        self.dismiss(None)


class EditValue(Checked):
    """One value as text; returns it once it is possible, None when left as it was."""

    DEFAULT_CSS = "EditValue {" + STYLE + "}"
    CSS = "EditValue { background: $background 60%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,up,tab,shift+tab", "accept", "Take it"),
        ("escape,ctrl+c", "leave", "Leave as it was"),
    ]

    def __init__(
        self,
        title: str,
        meaning: str,
        takes: str,
        value: str,
        check: Callable[[str], str | None],
    ) -> None:
        """
        Args:
            check: raises UsageError for a text that is not possible; returns what it conflicts
                with, which another field may put right.
        """
        super().__init__()
        self.heading, self.meaning, self.takes, self.value = title, meaning, takes, value
        self.check = check

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self.heading, markup=False, classes="title")
            yield Static(f"{self.meaning} ({self.takes}).", markup=False, classes="quiet")
            yield Line(self._take, self.value, select_on_focus=True)
            yield Static(markup=False, classes="problem")
            yield Static(markup=False, classes="warning")
            yield Static("Enter takes it", markup=False, classes="quiet")

    def on_input_changed(self, event: Input.Changed) -> None:
        self.problem(event.value)

    def _take(self, text: str) -> None:
        self.action_accept()

    def action_accept(self) -> None:
        text = self.query_one(Input).value
        if not self.problem(text):
            self.dismiss(text)


class LaunchNotes(ModalScreen[bool]):
    """What the hub chose for a launched run; True: open the dashboard on it."""

    DEFAULT_CSS = "LaunchNotes {" + STYLE + "& .note { margin-top: 1; } }"
    CSS = "LaunchNotes { background: $background 60%; }"

    def __init__(self, run_id: str, state: str, notes: list[str]) -> None:
        super().__init__()
        self.run_id, self.state, self.notes = run_id, state, notes

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(f"{self.run_id} is {self.state}.", markup=False, classes="title")
            for note in self.notes:
                yield Static(note, markup=False, classes="note")
            yield Static("Enter opens the dashboard    q back to the form", markup=False,
                         classes="quiet note")  # fmt: skip

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss(event.key not in ("q", "n", "escape"))


class CommandShown(ModalScreen[None]):
    """The shell command of a form, whole, and that it was copied."""

    DEFAULT_CSS = "CommandShown {" + STYLE + "& .note { margin-top: 1; } }"
    CSS = "CommandShown { background: $background 60%; }"

    def __init__(self, command: str, copied: str) -> None:
        """
        Args:
            copied: where it went, as a sentence.
        """
        super().__init__()
        self.command, self.copied = command, copied

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("The same run from a shell", markup=False, classes="title")
            yield Static(clean(self.command).text, markup=False, classes="note")
            yield Static(self.copied, markup=False, classes="quiet note")
            yield Static("Any key goes back", markup=False, classes="quiet note")

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss()
