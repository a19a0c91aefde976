"""The keys of a room, from the one table, over the room itself."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from rlhf_tui.screens import keys
from rlhf_tui.screens.widgets.pane import Scroller


class HelpScreen(ModalScreen[None]):
    """Closes with the keys that opened it, and with those that leave."""

    CSS_PATH = Path(__file__).with_name("help.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        ("question_mark,q,enter,space", "dismiss", "Close"),
        ("j,down", "scroll(1)", "Down"),
        ("k,up", "scroll(-1)", "Up"),
        ("pagedown", "scroll(10)", "Page down"),
        ("pageup", "scroll(-10)", "Page up"),
    ]

    def __init__(self, name: str, *screens: str) -> None:
        super().__init__()
        self.room = name
        self.rows = keys.help_groups(*screens)

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static(self.heading(), markup=False, id="help-title")
            yield Scroller(Static(self.table(), markup=False), id="help-keys")

    def heading(self) -> Content:
        return Content.assemble(
            (f" Keys of {self.room} ", "bold"), ("  ? closes   j k scroll", "$quiet")
        )

    def table(self) -> Content:
        parts: list[tuple[str, str]] = []
        for group, rows in self.rows.items():
            parts.append((("\n" if parts else "") + group + "\n", "bold underline"))
            for key, description in rows:
                parts += [(f"  {key:<14}", "bold $accent"), (f" {description}\n", "")]
        return Content.assemble(*parts)

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-keys", Scroller).scroll_relative(y=lines, animate=False)
