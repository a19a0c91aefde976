"""What a person searches for, asked in one row at the bottom."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.screen import ModalScreen

from rlhf_tui.screens.widgets.line import Line


class SearchAsk(ModalScreen[str | None]):
    """One row at the bottom; Enter gives what was typed, empty ends the search."""

    CSS_PATH = Path(__file__).with_name("search.tcss")
    BINDINGS = [("escape,ctrl+c", "dismiss", "Leave it")]  # noqa: RUF012

    def __init__(self, query: str, what: str = "") -> None:
        """
        Args:
            what: is looked for, where that is not clear.
        """
        super().__init__()
        self.before, self.what = query, what

    def compose(self) -> ComposeResult:
        yield Line(
            self.dismiss,
            self.before,
            placeholder=f"{self.what or 'Search'}; Enter finds, . and , go on, empty ends it",
            select_on_focus=True,
            compact=True,
        )
