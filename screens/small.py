"""What a terminal says that is too small for any room."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

LEAST = (40, 10)
"""Columns and rows that every room fits into."""


def too_small(width: int, height: int) -> bool:
    return width < LEAST[0] or height < LEAST[1]


class TooSmall(ModalScreen[None]):
    """Covers the room until the terminal has grown; what was typed there is kept."""

    BINDINGS = [("q,ctrl+c", "leave", "Quit")]  # noqa: RUF012

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.words = Static(self.sentence(width, height), markup=False)

    def compose(self) -> ComposeResult:
        yield self.words

    @staticmethod
    def sentence(width: int, height: int) -> str:
        return (
            f"This terminal is {width}x{height}.\n"
            f"rlhf-tui needs {LEAST[0]}x{LEAST[1]}.\nMake it larger, or q quits."
        )

    def resized(self, width: int, height: int) -> None:
        self.words.update(self.sentence(width, height))

    async def action_leave(self) -> None:
        from rlhf_tui.app import RlhfApp

        if isinstance(self.app, RlhfApp):
            await self.app.shut_down()
