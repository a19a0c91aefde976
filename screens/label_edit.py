"""Texts of one's own: an edit of a completion, ranked above it, or an answer from nothing."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from rlhf_tui.errors import InputError
from rlhf_tui.records import Written
from rlhf_tui.screens.editor import edit_in, editor_command
from rlhf_tui.screens.label_ask import LEAVE, Panel
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_judging import Judging
from rlhf_tui.screens.label_written import (
    NO_ROOM,
    THERE,
    answer_to,
    edit_of,
    has_room,
    text_of,
    to_edit,
)
from rlhf_tui.screens.widgets.line import caught_up
from rlhf_tui.screens.widgets.text import FORBIDDEN


class TextEdit(Panel[str]):
    """The built-in area, for guests and where no editor is named."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *LEAVE,
        Binding("ctrl+o,f2", "done", "Take it", priority=True),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title, "Ctrl-O takes it   Esc leaves it as it was")
        self.area = TextArea(text, soft_wrap=True, compact=True, show_line_numbers=False)

    def body(self) -> ComposeResult:
        yield self.area

    async def action_done(self) -> None:
        await caught_up(self.area)
        self.dismiss(FORBIDDEN.sub("", self.area.text))


class EditKeys(Judging):
    """The keys that edit and write."""

    @work(exclusive=True, group="ask")
    async def action_edit(self) -> None:
        """Edit the chosen completion, or the best one so far."""
        now = self.session.current
        if now is None or not self._has_room(now):
            return
        pane = to_edit(self.state, self.chosen)
        parent = now.completions[pane - 1]
        before = text_of(parent.completion)
        after = await self._edited(now, f"Edit of {pane}", before)
        if after is None:
            return
        if after in (before, ""):
            self.tell("Nothing was changed.")
            return
        self._add(now, edit_of(now.item, parent, after), f"e{{}}{pane}")

    @work(exclusive=True, group="ask")
    async def action_write(self) -> None:
        """Write an answer from nothing; it ranks best."""
        now = self.session.current
        if now is None or not self._has_room(now):
            return
        after = await self._edited(now, "An answer of your own", "")
        if after is None:
            return
        if not after.strip():
            self.tell("Nothing was written.")
            return
        self._add(now, answer_to(now.item, after), "w{}")

    # --- inside --------------------------------------------------------------------------------

    def _has_room(self, now: Work) -> bool:
        if has_room(now):
            return True
        self.tell(NO_ROOM)
        return False

    async def _edited(self, now: Work, title: str, before: str) -> str | None:
        """The text as the person leaves it; None, with a sentence told, when it came to nothing."""
        self.session.draft()
        after: str | None
        try:
            command = [] if self.program.guest else editor_command()
            if not command:
                raise SuspendNotSupported
            if self.link.connected:
                # The editor has the terminal to itself until it ends, and the program stands.
                await self.session.drafts.flush()
            after = edit_in(command, before, self.app.suspend())
        except SuspendNotSupported:
            after = await self.app.push_screen_wait(TextEdit(title, before))
            if after is None:
                self.tell("Left as it was.")
        except InputError as error:
            after = None
            self.tell(str(error))
        self.session.touch()
        return after if self.session.current is now else None

    def _add(self, now: Work, text: Written, token: str) -> None:
        """Put a text behind the panes and rank it."""
        if text.completion_id in now.shown:
            self.tell(THERE)
            return
        now.written.append(text)
        pane = len(now.shown)
        refused = self.press(token.format(pane))
        if refused:
            now.written.pop()
            self.session.draft()
            self.tell(refused)
            return
        self.session.draft()
        what = "Your answer is" if text.parent is None else "Your edit is"
        self.draw_item(f"{what} {pane}; {self.key('label.undo')} takes it back.")
        # The editor had the terminal: what it left is drawn over once all is in its new place.
        self.call_after_refresh(self.app.refresh, layout=True)
