"""The machine while the run is on it."""

from __future__ import annotations

from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.log_view import PagedView


class MachinePane(PagedView, Pane):
    """The machine while the run is on it."""

    TITLE = "machine"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)

    def tell(self, seen: Seen) -> None:
        self.fill([[("Nothing yet.", "dim")]])

    def line(self, by: int) -> None:
        self.move(by)
