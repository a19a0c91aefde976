"""The thumbs screen: one completion at a time, one key for good and one for bad."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.content import Content

from rlhf_tui.records import MAX_COMPLETIONS
from rlhf_tui.screens import keys
from rlhf_tui.screens.label import LabelScreen
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_state import tokens
from rlhf_tui.screens.label_words import thumb_word
from rlhf_tui.screens.widgets.badge import ordinal


class ThumbsScreen(LabelScreen):
    """A completion, good or bad; the next one comes by itself."""

    KIND = "thumbs"
    PANES = MAX_COMPLETIONS
    NAME = "Thumbs"
    ROOMS: ClassVar[tuple[str, ...]] = ("thumbs", "label")
    BINDINGS = keys.bindings("thumbs", "label")

    def draw_judgement(self) -> None:
        now, state = self.session.current, self.state
        if now is None:
            self.line.put(Content())
            return
        panes = self.panes.shown
        for pane in panes:
            thumb = thumb_word(state.thumbs.get(pane.number))
            tier = state.tier(pane.number)
            if len(panes) == 1:
                pane.head.badge.name_it("Completion", thumb)
            else:
                pane.head.badge.say(ordinal(tier) if tier else "", picked=bool(tier), thumb=thumb)
        noted = self.noted(short=False)
        rest = self.notice or f"Is this a good answer?  {self.ways}"
        said = f"with {noted}   " if noted else ""
        self.line.put(Content.assemble(f" {said}", (rest, "$quiet")))

    @property
    def ways(self) -> str:
        """What can be answered."""
        return f"{self.key('thumbs.up')} good   {self.key('thumbs.down')} bad"

    def action_thumb(self, good: int) -> None:
        now = self.session.current
        if now is None:
            return
        self.put_thumb_away(now)
        # Before what may have been written: undo takes that back first.
        rest, now.marks = tokens(now.marks.keys), replace(now.marks, keys="")
        self.press("y1" if good else "n1", *rest)
        word = "good" if good else "bad"
        undo = self.key("label.undo")
        self.submit(f"The last one: {word}.  {undo} takes it back   {self.ways}")

    def undo_key(self) -> bool:
        now = self.session.current
        if now is not None:
            self.put_thumb_away(now)
        return super().undo_key()

    def put_thumb_away(self, now: Work) -> None:
        """The thumb of a judgement that came back: one key says it anew, or goes further back."""
        rest = [token for token in tokens(now.marks.keys) if token not in ("y1", "n1")]
        now.marks = replace(now.marks, keys="".join(rest))
