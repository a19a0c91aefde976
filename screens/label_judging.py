"""What ranking and thumbs say beside order and thumbs: aspects, critique, tags, flags, skips.

The panels that ask are in label_ask, label_choose and label_aspects; what they give back is kept
here, as marks of the current item or as events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual import work

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import History, HistoryAnswer
from rlhf_tui.screens.label_ask import CritiqueAsk, TextAsk
from rlhf_tui.screens.label_aspects import AspectsAsk
from rlhf_tui.screens.label_choose import ReasonAsk, TagsAsk
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_marks import Marks, event_fields
from rlhf_tui.screens.label_past import PastKeys
from rlhf_tui.screens.label_state import RankState
from rlhf_tui.screens.label_words import with_keys

MOST_SKIPS = 1000
"""Skips whose reasons are asked for: the most that the hub tells at once."""


class Judging(PastKeys):
    """The marks of the current item, and the keys that make and submit them."""

    def __init__(self) -> None:
        super().__init__()
        self.skip_reasons: dict[str, str] = {}
        """Task → why this person skipped it."""

    # --- marks ---------------------------------------------------------------------------------

    @property
    def state(self) -> RankState:
        """What the keys of the current item come to."""
        now = self.session.current
        return now.marks.state(now.shown) if now else RankState(0)

    def press(self, *tokens: str) -> str:
        """Take keys of the current item, and draw them.

        Returns:
            Why the last one was not taken; empty when it was.
        """
        now = self.session.current
        if now is None:
            return ""
        state, notice = self.state, ""
        for token in tokens:
            state, notice = state.press(token)
        notice = with_keys(notice, self.key)
        self.keep(now, replace(now.marks, keys=state.keys))
        self.tell(notice)
        return notice

    def keep(self, now: Work, marks: Marks) -> None:
        """Change the marks of an item; a draft of them is made once the fingers rest."""
        self.session.touch()
        if marks != now.marks:
            now.marks = marks
            self.session.draft()

    def submit(self, notice: str = "") -> None:
        """Submit the marks of the current item, and put the next one up.

        Behind guidelines that cover it nothing is judged unseen: they go first.
        """
        now = self.session.current
        if self.covered:
            self.action_guidelines()
            self.tell("The guidelines covered the item: the same key judges it now.")
        elif now is not None:
            self.session.judge(**event_fields(now.marks, now.shown))
            self.draw_item(notice)

    def undo_key(self) -> bool:
        now = self.session.current
        before = self.state.undo()
        if now is None or before is None:
            return False
        self.keep(now, replace(now.marks, keys=before.keys))
        self.tell("")
        return True

    def noted(self, *, short: bool) -> str:
        """What is marked beside order and thumbs, in words."""
        now = self.session.current
        if now is None:
            return ""
        marks, parts = now.marks, []
        points = sum(map(len, marks.aspects.values()))
        if points:
            wanted = len(self.program.settings.label.aspects) * len(now.shown)
            parts.append(f"aspects {points}/{wanted}")
        if marks.critique:
            parts.append("critique")
        if marks.tags:
            parts.append("1 tag" if len(marks.tags) == 1 else f"{len(marks.tags)} tags")
        return (" +" if short else ", ").join(parts)

    # --- aspects, critique, tags ---------------------------------------------------------------

    @work(exclusive=True, group="ask")
    async def action_aspects(self) -> None:
        now, settings = self.session.current, self.program.settings.label
        if now is None:
            return
        if not settings.aspects:
            self.tell("This workspace has no aspects ([label] aspects in rlhf.toml).")
            return
        target, before = self.target, now.marks
        panel = AspectsAsk(
            before,
            now.shown,
            settings.aspects,
            settings.scale,
            pane=self.chosen or 1,
            look=self.mark_target,
            page=self.action_page,
            keep=lambda marks: self.keep(now, marks),
        )
        marks = await self.app.push_screen_wait(panel)
        self.mark_target(target)
        self._panel_closed(now, before if marks is None else marks)

    @work(exclusive=True, group="ask")
    async def action_critique(self) -> None:
        now = self.session.current
        if now is None:
            return
        before = now.marks

        def keep(text: str) -> None:
            self.keep(now, replace(before, critique=text))

        text = await self.app.push_screen_wait(CritiqueAsk(before.critique, keep))
        self._panel_closed(now, before if text is None else replace(before, critique=text))

    @work(exclusive=True, group="ask")
    async def action_tags(self) -> None:
        now = self.session.current
        if now is None:
            return
        offered, marks = self.program.settings.label.tags, now.marks
        while True:
            chosen = await self.app.push_screen_wait(TagsAsk(offered, marks.tags))
            if chosen is None:
                break
            marks = replace(marks, tags=chosen.names)
            if not chosen.another:
                self._panel_closed(now, marks)
                return
            tag = await self.app.push_screen_wait(TextAsk("A tag of your own"))
            if tag and tag not in marks.tags:
                marks = replace(marks, tags=(*marks.tags, tag))
        self._panel_closed(now, now.marks)

    def _panel_closed(self, now: Work, marks: Marks) -> None:
        self.keep(now, marks)
        self.tell("")

    # --- flags and skips -----------------------------------------------------------------------

    async def _reason(self, title: str, reasons: Sequence[str]) -> str:
        """A reason of the list or one's own; empty when it was left."""
        chosen = await self.app.push_screen_wait(ReasonAsk(title, reasons))
        if chosen is None:
            return ""
        if not chosen.another:
            return chosen.names[0]
        return await self.app.push_screen_wait(TextAsk(title)) or ""

    @work(exclusive=True, group="ask")
    async def action_flag(self) -> None:
        """Tell those who run the labelling of something wrong with the item; it stays here."""
        now = self.session.current
        if now is None:
            return
        reason = await self._reason("Flag this item", self.program.settings.label.flag_reasons)
        self.session.touch()
        if reason and self.session.current is now:
            self.session.flag(reason)
            self.session.on_change()
            self.tell(f"Flagged: {reason}. It is still yours to judge.")

    def action_skip(self) -> None:
        self.skip("")

    @work(exclusive=True, group="ask")
    async def action_skip_reason(self) -> None:
        now = self.session.current
        if now is None:
            return
        reason = await self._reason("Skip this item", self.program.settings.label.skip_reasons)
        if reason and self.session.current is now:
            self.skip(reason)

    def skip(self, reason: str) -> None:
        """Skip the current item; empty: without a reason."""
        self.session.touch()
        now = self.session.current
        if now is None:
            return
        revised = now.revises is not None
        self.skip_reasons[now.task_id] = reason
        self.session.skip(reason)
        why = f" ({reason})" if reason else ""
        skipped, undo = self.key("label.skipped"), self.key("label.undo")
        told = f"Skipped{why}: {skipped} takes up skipped items, {undo} brings this one back."
        self.draw_item("Left as it was." if revised else told)

    def action_skipped(self) -> None:
        """Change between new items and those that were skipped."""
        session = self.session
        if not session.skipped and not session.counts.skipped:
            self.tell("You have skipped nothing.")
            return
        session.turn_to_skipped(not session.skipped)
        if session.skipped:
            self._fetch_skip_reasons()
        self.draw_item("Skipped items." if session.skipped else "New items.")

    def why_skipped(self, now: Work) -> str:
        """Why an item is here again, as a sentence; empty for a new one."""
        if not self.session.skipped:
            return ""
        reason = self.skip_reasons.get(now.task_id, "")
        return f"You skipped it: {reason}." if reason else "You skipped it."

    @work(exclusive=True, group="skips")
    async def _fetch_skip_reasons(self) -> None:
        asked = History(limit=MOST_SKIPS, kind=self.session.kind, states=["skipped"])
        try:
            answer = await self.link.call(asked, HistoryAnswer)
        except RlhfError:
            return  # an item can be judged without its reason
        known = {entry.event.task_id: entry.event.reason for entry in answer.entries}
        self.skip_reasons = {**known, **self.skip_reasons}
        now = self.session.current
        if now is not None:
            self.tell(self.why_skipped(now))
