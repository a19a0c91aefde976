"""A question with yes or no: y is yes, every other key is no."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

LONGEST = 70
"""Cells of a line of the question."""


class Ask(ModalScreen[bool]):
    """Returns True for yes."""

    DEFAULT_CSS = """
    Ask {
        align: center middle;
        & > Vertical {
            width: auto; max-width: 90%; height: auto; padding: 1 3;
            background: $panel;
        }
        & Static { width: auto; }
        & #answers { color: $text-muted; margin-top: 1; }
    }
    """

    CSS = "Ask { background: $background 60%; }"

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            question = Static(self.question, markup=False)
            # Wrapped where the window ends: its own width is not known to what stands in it.
            question.styles.max_width = max(10, min(LONGEST, self.app.size.width * 9 // 10 - 6))
            yield question
            yield Static("y yes    n no", markup=False, id="answers")

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss(event.key in ("y", "Y"))
