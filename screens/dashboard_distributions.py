"""How rewards, lengths and KL are distributed, step by step."""

from __future__ import annotations

from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.log_view import PagedView


class DistributionsPane(PagedView, Pane):
    """How rewards, lengths and KL are distributed, step by step."""

    TITLE = "distributions"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)

    def tell(self, seen: Seen) -> None:
        self.fill([[("Nothing yet.", "dim")]])

    def line(self, by: int) -> None:
        self.move(by)
