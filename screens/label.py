"""What ranking and thumbs share: items that come and go, saving, undo and skipping."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.records import TaskKind
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_reading import Reading
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.widgets.empty import nothing_to_label
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine

LOOK_AGAIN_S = 5.0
"""How often an empty queue asks for new items: a generate run may be filling it."""


class LabelScreen(Reading):
    """An item to judge. Subclasses say what a judgement is."""

    KIND: ClassVar[TaskKind]
    CSS_PATH = Path(__file__).with_name("label.tcss")

    def __init__(self) -> None:
        super().__init__()
        self.drawn: Work | None = None
        """The work on the screen."""

    def compose(self) -> ComposeResult:
        self.status = StatusLine()
        self.empty = Static(markup=False, id="empty")
        self.line = Static(markup=False, id="line")
        yield self.status
        yield from self.compose_reading()
        yield self.empty
        yield self.line
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.session = LabelSession(
            self.link, self.KIND, self.program.settings.label.prefetch, self.session_changed
        )
        self.session.start()
        self.set_interval(LOOK_AGAIN_S, self.look_again)
        self.draw_title()
        self.draw_item()

    async def before_leaving(self) -> None:
        await self.session.leave()

    def on_hub_changed(self, message: HubChanged) -> None:
        self.session.hub_changed(message.change)
        if message.detail:
            self.session.problem = message.detail
            self.session_changed()

    def look_again(self) -> None:
        if self.session.current is None and self.link.connected:
            self.session.fetch()

    # --- what subclasses say -------------------------------------------------------------------

    def draw_judgement(self) -> None:
        """Show what is judged so far of the current item, and `self.notice` if there is one."""
        raise NotImplementedError

    def keys_of(self, tiers: list[int | None], both_bad: bool) -> str:
        """The keys that would make an earlier judgement."""
        return ""

    def undo_key(self) -> bool:
        """Take back the last key of the current item; False if there is none."""
        return False

    # --- drawing -------------------------------------------------------------------------------

    def session_changed(self) -> None:
        """The session moved by itself: items came, or an event was saved or refused."""
        if self.session.saved == "refused" and self.session.problem:
            self.notify(self.session.problem, title="Not saved", severity="error", timeout=20)
        if self.session.current is not self.drawn or self.drawn is None:
            self.draw_item()
        else:
            self.draw_status()

    def draw_item(self, notice: str = "") -> None:
        """Put the current item in the place of the one before."""
        work = self.session.current
        if work is None:
            self.empty.update(
                nothing_to_label(self.session, self.glyphs, connected=self.link.connected)
            )
        if (work is None) != self.has_class("-empty") or self.drawn is None:
            self.set_class(work is None, "-empty")
        self.drawn = work
        if work is not None:
            self.show_texts(work.item.prompt.prompt, work.item.completions)
        self.draw_judgement_and(notice)
        self.draw_status()

    def redraw_texts(self) -> None:
        if self.drawn is not None:
            self.show_texts(self.drawn.item.prompt.prompt, self.drawn.item.completions)

    def touched(self) -> None:
        self.session.touch()

    def tell(self, notice: str) -> None:
        self.draw_judgement_and(notice)

    def draw_judgement_and(self, notice: str) -> None:
        self.notice = notice
        self.draw_judgement()

    def draw_status(self) -> None:
        session, dot = self.session, self.glyphs.dot
        narrow = self.size.width < 80
        where = [self.NAME, self.program.title]
        if self.link.welcome is not None and not narrow:
            where.append(self.link.welcome.annotator)
        self.status.say("where", Content(" " + f" {dot} ".join(where)))
        if not session.asked:
            counts = ""
        elif narrow:
            counts = f"{session.mine}/{session.mine + session.open}"
        else:
            counts = f"{session.mine} yours {dot} {session.open} open"
            pace = session.tally.per_hour
            counts += f" {dot} {pace:.0f}/h" if pace else ""
        self.status.say("counts", Content(counts))
        self.status.say("saved", self.saved_mark(narrow))

    def saved_mark(self, narrow: bool) -> Content:
        """Whether the work is safe, by a sign and a word."""
        glyphs, saved = self.glyphs, self.session.saved
        if saved == "saving":
            sign, word, style = glyphs.off, f"saving{glyphs.more}", "$waiting"
        elif saved == "refused":
            sign, word, style = "!", "not saved", "bold $error"
        elif saved == "spooled":
            sign, word, style = glyphs.off, "local" if narrow else "saved locally", "$waiting"
        elif not self.link.connected:
            sign, word, style = glyphs.off, "no hub" if narrow else "hub away", "$waiting"
        else:
            sign, word, style = glyphs.on, "saved" if saved else "ready", "$picked"
        return Content.assemble((f"{sign} {word} ", style))

    # --- keys ----------------------------------------------------------------------------------

    def action_undo(self) -> None:
        self.session.touch()
        if self.session.current is not None and self.undo_key():
            return
        if self.session.undo():
            self.draw_item("Taken back: judge it again.")
        else:
            self.undo_earlier()

    @work(exclusive=True)
    async def undo_earlier(self) -> None:
        if await self.session.undo_earlier(self.keys_of):
            self.draw_item("Taken back from an earlier session: judge it again.")
        else:
            self.draw_judgement_and(self.session.problem or "There is nothing to take back.")

    def action_skip(self) -> None:
        self.session.touch()
        if self.session.current is not None:
            self.session.skip()
            self.draw_item("Skipped: S takes up skipped items, u brings this one back.")

    def action_skipped(self) -> None:
        """Change between new items and those that were skipped."""
        session = self.session
        if not session.skipped and not session.counts.skipped:
            self.draw_judgement_and("You have skipped nothing.")
            return
        session.turn_to_skipped(not session.skipped)
        self.draw_item("Skipped items." if session.skipped else "New items.")
