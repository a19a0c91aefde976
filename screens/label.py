"""What ranking and thumbs share: items that come and go, saving, undo and skipping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.records import Completion, TaskKind, Text
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_edit import EditKeys
from rlhf_tui.screens.label_past import REVISING
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.label_words import FULL, disk_is_full, why_local, with_keys
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.widgets.empty import nothing_to_label
from rlhf_tui.screens.widgets.row import Row
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine

FIRST_ITEM_S = 0.3
"""How long a start waits for the first item before it says that it is being fetched."""
TOLD_S = 20.0
"""How long it is told why judgements are kept on this machine."""
LOOK_AGAIN_S = 5.0
"""How often an empty queue asks for new items: a generate run may be filling it."""


class LabelScreen(EditKeys):
    """An item to judge. Subclasses say what a judgement is."""

    KIND: ClassVar[TaskKind]
    DONE: ClassVar[str] = "yours"
    """What the count of what this person did is called."""
    CSS_PATH = Path(__file__).with_name("label.tcss")

    def __init__(self, only: str = "") -> None:
        """
        Args:
            only: a task of the person's past, to be revised; nothing else is shown then.
        """
        super().__init__()
        self.only = only
        self.drawn: Work | None = None
        """The work on the screen."""
        self._told_trouble = ""

    def compose(self) -> ComposeResult:
        self.status = StatusLine()
        self.empty = Static(markup=False, id="empty")
        self.line = Row(id="line")
        yield self.status
        yield from self.compose_reading()
        yield self.empty
        yield self.line
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.session = self.make_session()
        self.session.start()
        self.set_interval(LOOK_AGAIN_S, self.look_again)
        self.draw_title()
        if self.link.connected:
            # The first items are on their way, or here: no drawing of an empty screen before them.
            self.set_timer(FIRST_ITEM_S, self.draw_if_undrawn)
        else:
            self.draw_item()

    def on_resize(self, _: events.Resize) -> None:
        # Both rows say less in a narrow window. The handler of `Reading` is called too.
        if self.drawn is not None:
            self.draw_judgement()
        self.draw_status()

    def draw_if_undrawn(self) -> None:
        if self.drawn is None:
            self.draw_item()

    def make_session(self) -> LabelSession:
        return LabelSession(
            self.link,
            self.KIND,
            self.program.settings.label.prefetch,
            self.session_changed,
            only=self.only,
        )

    async def before_leaving(self) -> None:
        await self.session.leave()

    def on_hub_changed(self, message: HubChanged) -> None:
        self.session.hub_changed(message.change)
        if message.detail and not self.session.asked:
            self.session.problem = message.detail
            self.session_changed()

    def look_again(self) -> None:
        if self.session.current is None and self.link.connected:
            self.session.fetch()

    # --- what subclasses say -------------------------------------------------------------------

    def draw_judgement(self) -> None:
        """Show what is judged so far of the current item, and `self.notice` if there is one."""
        raise NotImplementedError

    def nothing(self) -> Content:
        """What is said while there is no item."""
        if self.session.asked and self.link.trouble and self.program.workspace is not None:
            why = why_local(self.link.trouble, str(self.program.workspace.root))
            return Content.assemble(("The hub takes nothing now.", "bold"), f"\n\n{why}")
        return nothing_to_label(self.session, self.glyphs, self.key, connected=self.link.connected)

    # --- drawing -------------------------------------------------------------------------------

    def session_changed(self) -> None:
        """The session moved by itself: items came, or an event was saved or refused."""
        if self.session.saved == "refused" and self.session.problem:
            self.notify(self.session.problem, title="Not saved", severity="error", timeout=20)
        self.tell_trouble()
        if self.session.current is not self.drawn or self.drawn is None:
            self.draw_item()
        else:
            self.draw_status()

    def tell_trouble(self) -> None:
        """Say once why judgements do not reach the store; nothing while it is not known."""
        trouble, workspace = self.link.trouble, self.program.workspace
        if trouble != self._told_trouble and self.session.saved != "refused":
            self._told_trouble = trouble
            if trouble and workspace is not None:
                told = why_local(trouble, str(workspace.root))
                self.notify(told, title="Kept here for now", severity="warning", timeout=TOLD_S)

    def why_kept(self) -> str:
        """That the disk is full, short enough for the row of the judgement; else empty."""
        full = disk_is_full(self.link.trouble) and self.session.saved != "refused"
        return FULL if full else ""

    def draw_item(self, notice: str = "") -> None:
        """Put the current item in the place of the one before."""
        if self.session.over:
            self.leave_revision()
            return
        work = self.session.current
        if work is not None and work.revises is not None and self.drawn is None:
            notice = notice or with_keys(REVISING[self.KIND], self.key)
        elif work is not None:
            notice = notice or self.why_skipped(work) or self.why_kept()
        if work is None:
            self.empty.update(self.nothing())
        if (work is None) != self.has_class("-empty") or self.drawn is None:
            self.set_class(work is None, "-empty")
        self.drawn = work
        if work is not None:
            self.show_texts(work.item.prompt.prompt, work.completions)
        self.draw_judgement_and(notice)
        self.draw_status()

    def upcoming(self) -> Iterable[tuple[Text, Sequence[Completion]]]:
        return ((work.item.prompt.prompt, work.completions) for work in self.session.waiting)

    def touched(self) -> None:
        self.session.touch()

    def tell(self, notice: str) -> None:
        self.draw_judgement_and(notice)

    def draw_judgement_and(self, notice: str) -> None:
        self.notice = notice
        self.draw_judgement()

    def draw_status(self) -> None:
        self.guidelines_are(self.session.guidelines)
        self.prepare()
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
            counts = f"{session.mine} {self.DONE} {dot} {session.open} open"
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
            away = "no hub" if narrow else "hub away"
            word = "disk full" if disk_is_full(self.link.trouble) else away
            sign, style = glyphs.off, "$waiting"
        else:
            sign, word, style = glyphs.on, "saved" if saved else "ready", "$picked"
        return Content.assemble((f"{sign} {word} ", style))
