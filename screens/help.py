"""The keys of a room, from the one table, over the room itself."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from rlhf_tui.screens import keys
from rlhf_tui.screens.widgets.pane import Scroller

if TYPE_CHECKING:
    from rlhf_tui.app import RlhfApp


WIDTH = 76
"""As the style has it."""


class HelpScreen(ModalScreen[None]):
    """Closes with the keys that opened it, and with those that leave."""

    CSS_PATH = Path(__file__).with_name("help.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.borrowed(
            {
                "help": "dismiss",
                "leave": "dismiss",
                "quit": "leave_program",
                "label.down": "scroll(1)",
                "label.up": "scroll(-1)",
                "label.page-down": "scroll(10)",
                "label.page-up": "scroll(-10)",
            }
        ),
        ("enter,escape", "dismiss", "Close"),
    ]

    def __init__(self, name: str, *screens: str, table: keys.Table = keys.KEYS) -> None:
        super().__init__()
        self.room = name
        self.rows = keys.help_groups(*screens, table=table)
        ways = {row.id: keys.shown(row, first=True) for row in table}
        self.ways = f"  {ways['help']} closes   {ways['label.down']} {ways['label.up']} scroll"

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static(self.heading(), markup=False, id="help-title")
            yield Scroller(Static(self.table(), markup=False), id="help-keys")

    @property
    def room_for_words(self) -> int:
        """Cells beside the keys, within the frame's padding and its scrollbar."""
        return max(20, min(WIDTH, self.app.size.width) - 4 - 17)

    def heading(self) -> Content:
        return Content.assemble((f" Keys of {self.room} ", "bold"), (self.ways, "$quiet"))

    def table(self) -> Content:
        parts: list[tuple[str, str]] = []
        for group, rows in self.rows.items():
            parts.append((("\n" if parts else "") + group + "\n", "bold underline"))
            for key, description in rows:
                lines = textwrap.wrap(description, self.room_for_words) or [""]
                parts += [(f"  {key:<14}", "bold $accent"), (f" {lines[0]}\n", "")]
                parts += [(f"{'':<17}{line}\n", "") for line in lines[1:]]
        return Content.assemble(*parts)

    async def action_leave_program(self) -> None:
        await cast("RlhfApp", self.app).shut_down()

    def action_scroll(self, lines: int) -> None:
        self.query_one("#help-keys", Scroller).scroll_relative(y=lines, animate=False)
