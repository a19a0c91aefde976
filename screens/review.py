"""The review screens: what people disagree on, with their votes, and the keys that settle it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import Done, MarkGold
from rlhf_tui.records import Event
from rlhf_tui.screens import keys
from rlhf_tui.screens.history_text import judged, plain_row
from rlhf_tui.screens.label import LabelScreen
from rlhf_tui.screens.rank import RankScreen
from rlhf_tui.screens.review_session import ReviewSession
from rlhf_tui.screens.review_votes import VotesPanel
from rlhf_tui.screens.thumbs import ThumbsScreen

if TYPE_CHECKING:
    from rlhf_tui.hub.messages import Dispute

    Base = LabelScreen
else:
    Base = object

LATER = "Later: it stands behind the others now."


class Reviewing(Base):
    """A labelling screen whose items have been judged by several people, not alike."""

    session: ReviewSession
    DONE = "settled"
    OTHER: ClassVar[str]
    """The room of the other kind of task."""

    def make_session(self) -> ReviewSession:
        return ReviewSession(
            self.link, self.KIND, self.program.settings.label.prefetch, self.session_changed
        )

    def compose(self) -> ComposeResult:
        self.votes = Static(markup=False, id="votes")
        for widget in super().compose():
            if widget is self.line:
                yield self.votes
            yield widget

    def nothing(self) -> Content:
        session = self.session
        if not session.asked:
            return Content(session.problem or f"Looking for disagreements{self.glyphs.more}")
        kind = "rankings" if self.KIND == "rank" else "thumbs"
        return Content.assemble(
            (f"There is nothing to settle among the {kind}.", "bold"),
            "\n\nItems appear here once two people have judged them, and not alike.",
            "\n\n([label] overlap in rlhf.toml says how many people judge each.)",
            "\n\nK  the other kind    u  open again what was settled last    q  back",
        )

    def draw_judgement(self) -> None:
        super().draw_judgement()
        dispute = self.session.dispute
        self.votes.update(self.told(dispute) if dispute else "", layout=False)

    def told(self, dispute: Dispute) -> Content:
        """Who said what, in one row; `v` shows all of it."""
        now = self.session.current
        shown = now.shown if now else []
        said = f"  {self.glyphs.dot}  ".join(
            f"{plain_row(vote.annotator, self.glyphs)}: {judged(vote, self.glyphs, shown)}"
            for vote in dispute.votes
        )
        return Content.assemble(
            (f" {dispute.agreement:.0%} agree ", "bold"), (f" {said}", "$quiet")
        )

    def _show_step(self, event: Event) -> None:
        if event.kind == "reopen":
            self.draw_item("Open again: settle it anew, or U settles it as it was.")
        else:
            self.draw_item("Settled again.")

    # --- keys ----------------------------------------------------------------------------------

    def action_skip(self) -> None:
        self.session.touch()
        if self.session.current is None:
            return
        if not self.session.waiting:
            self.tell("There is no other item.")
            return
        self.session.skip()
        self.draw_item(LATER)

    @work(exclusive=True, group="ask")
    async def action_skip_reason(self) -> None:
        self.action_skip()

    def action_skipped(self) -> None:
        self.tell("Nothing is set aside here: s puts an item behind the others.")

    def action_votes(self) -> None:
        now, dispute = self.session.current, self.session.dispute
        if now is not None and dispute is not None:
            self.app.push_screen(VotesPanel(dispute.votes, now.shown, self.glyphs))

    async def action_other_kind(self) -> None:
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else None
        if isinstance(below, Reviewing):
            await self.action_leave()
        else:
            self.program.go(self.OTHER)

    def action_gold(self) -> None:
        """Make what is marked now the item's known answer."""
        now = self.session.current
        if now is None:
            return
        tiers = self.known_answer()
        if tiers is None:
            self.tell("A known answer needs an order or a thumb: mark it first.")
        else:
            self._mark_gold(now.task_id, tiers)

    def known_answer(self) -> dict[str, int] | None:
        """The marks of the current item as Task.gold has them; None when they say nothing."""
        now, state = self.session.current, self.state
        if now is None:
            return None
        if self.KIND == "thumbs":
            thumb = state.thumbs.get(1)
            return None if thumb is None else {now.shown[0]: 1 if thumb else 2}
        own = {one.completion_id for one in now.written}
        pairs = zip(now.shown, state.tiers, strict=True)
        tiers = {one: tier for one, tier in pairs if tier is not None and one not in own}
        return tiers if len(tiers) > 1 else None

    @work(group="gold")
    async def _mark_gold(self, task_id: str, tiers: dict[str, int]) -> None:
        try:
            await self.link.call(MarkGold(task_id=task_id, tiers=tiers), Done)
        except RlhfError as error:
            self.tell(str(error))
        else:
            self.tell("This is the item's known answer now. It is still to be settled.")


class ReviewRankScreen(Reviewing, RankScreen):
    NAME = "Review"
    ROOMS = ("review", "rank", "label")
    BINDINGS = keys.bindings("review", "rank", "label")
    OTHER = "review:thumbs"


class ReviewThumbsScreen(Reviewing, ThumbsScreen):
    NAME = "Review"
    ROOMS = ("review", "thumbs", "label")
    BINDINGS = keys.bindings("review", "thumbs", "label")
    OTHER = "review:rank"
