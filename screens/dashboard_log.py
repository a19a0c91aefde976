"""The end of the log."""

from __future__ import annotations

from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.log_view import LogView


class LogPane(LogView, Pane):
    """The end of the log."""

    TITLE = "log"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)

    def tell(self, seen: Seen) -> None:
        if seen.run and (seen.batch is None or seen.batch.log):
            self.lines(seen.run.follower.log.shown)

    def line(self, by: int) -> None:
        self.move(by)
