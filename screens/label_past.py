"""The keys that lead back: undo, redo, and the history; for the labelling screens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import work

from rlhf_tui.errors import RlhfError
from rlhf_tui.records import Event
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_marks import Marks
from rlhf_tui.screens.label_reading import Reading
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.label_written import went_with

REVISING = {
    "rank": "As you judged it. {rank.submit} submits the revision, {label.skip} leaves it as "
    "it was.",
    "thumbs": "As you judged it. A thumb revises it, {label.skip} leaves it as it was.",
}
"""By kind of task, with keys by id."""


class PastKeys(Reading):
    """Undo and redo: first the keys of the current item, then what was submitted."""

    session: LabelSession
    _in_history = False
    _left = False

    # --- what subclasses say -------------------------------------------------------------------

    def undo_key(self) -> bool:
        """Take back the last key of the current item; False if there is none."""
        raise NotImplementedError

    def draw_item(self, notice: str = "") -> None:
        """Put the current item in the place of the one before."""
        raise NotImplementedError

    # --- keys ----------------------------------------------------------------------------------

    def action_undo(self) -> None:
        self.session.touch()
        if self._undo_key():
            return
        if self.session.only:
            self.tell("Nothing to take back here.")
            return
        event = self.session.undo()
        if event is None:
            self._step(self.session.fetch_undo, "Nothing to undo.")
        else:
            self._show_step(event)

    def action_redo(self) -> None:
        self.session.touch()
        if self.session.redo_key():
            self.draw_item()
            return
        if self.session.only:
            self.tell("Nothing to do again here.")
            return
        event = self.session.redo()
        if event is None:
            self._step(self.session.fetch_redo, "Nothing to redo.")
        else:
            self._show_step(event)

    def action_history(self) -> None:
        """What was done so far, to read and revise."""
        if self.session.only:
            self.tell("The history is behind this screen: q goes back to it.")
            return
        self.session.draft()
        self._in_history = True
        self.program.go("history")

    def on_screen_resume(self) -> None:
        if self._in_history:
            self._in_history = False
            self.session.past.forget()

    # --- inside --------------------------------------------------------------------------------

    def _undo_key(self) -> bool:
        now = self.session.current
        if now is None:
            return False
        marks, written = now.marks, list(now.written)
        if not self.undo_key():
            return False
        self._put_away(now, marks)
        self.session.key_undone(marks, written)
        return True

    def _put_away(self, now: Work, before: Marks) -> None:
        """With the key that ranked it, a text of one's own goes from the screen."""
        if went_with(now, before.keys):
            self.session.draft()
            self.draw_item(f"Taken back: {self.key('label.redo')} brings your text again.")

    @work(group="past")
    async def _step(self, fetch: Callable[[], Awaitable[Event | None]], nothing: str) -> None:
        try:
            event = await fetch()
        except RlhfError as error:
            self.tell(str(error))
        else:
            if event is None:
                self.tell(nothing)
            else:
                self._show_step(event)

    def _show_step(self, event: Event) -> None:
        if event.kind == "revise":
            self.tell(f"{'Undone' if event.reason == 'undo' else 'Done again'}: a revision.")
        elif event.kind == "retract":
            self.draw_item(
                f"Taken back: judge it again, or {self.key('label.redo')} does it again."
            )
        else:
            self.draw_item("Done again.")

    def leave_revision(self) -> None:
        """The only item of this screen is done with."""
        if not self._left:
            self._left = True
            self.call_later(self.action_leave)
