"""The thumbs screen: one completion at a time, one key for good and one for bad."""

from __future__ import annotations

from textual.content import Content

from rlhf_tui.screens import keys
from rlhf_tui.screens.label import LabelScreen


class ThumbsScreen(LabelScreen):
    """A completion, good or bad; the next one comes by itself."""

    KIND = "thumbs"
    PANES = 1
    NAME = "Thumbs"
    ROOMS = ("thumbs", "label")
    BINDINGS = keys.bindings("thumbs", "label")

    def on_mount(self) -> None:
        self.panes.panes[0].head.badge.name_it("Completion")

    def draw_judgement(self) -> None:
        if self.session.current is None:
            self.line.update("", layout=False)
            return
        rest = self.notice or "Is this a good answer?  y good   n bad"
        self.line.update(Content.assemble((f" {rest}", "$quiet")), layout=False)

    def action_thumb(self, good: int) -> None:
        if self.session.current is None:
            return
        self.session.touch()
        self.session.judge(thumbs=[bool(good)])
        word = "good" if good else "bad"
        self.draw_item(f"The last one: {word}.  u takes it back   y good   n bad")
