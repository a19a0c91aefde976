"""Texts of one's own in the line mode: edits and answers, by an editor or line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rlhf_tui.errors import UsageError
from rlhf_tui.plain import words
from rlhf_tui.plain.commands import editing
from rlhf_tui.plain.marking import by_words
from rlhf_tui.plain.paper import Paper
from rlhf_tui.plain.typed import TypedLines
from rlhf_tui.records import Written
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_marks import Marks
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.label_written import (
    NO_ROOM,
    THERE,
    answer_to,
    edit_of,
    has_room,
    text_of,
    to_edit,
)
from rlhf_tui.screens.widgets.text import FORBIDDEN

Editor = Callable[[str], str]
"""Lets the person change a text, and gives it back; raises InputError where that failed."""
END = "."
"""The line that ends a text, as in `ed` and mail."""


async def typed_text(typed: TypedLines, paper: Paper, what: str) -> str:
    """The lines up to one with a full stop only, or up to the end of all input."""
    paper.say(f"{what}; a line with a full stop only ends it.")
    lines: list[str] = []
    while (line := await typed.next()) not in (None, END):
        lines.append(str(line))
    return FORBIDDEN.sub("", "\n".join(lines))


def replaced(text: str, old: str, new: str) -> str:
    """The text with `new` for `old`, which stands in it once.

    Raises:
        UsageError: it does not, or stands there more than once.
    """
    times = text.count(old)
    if times != 1:
        found = "does not stand in it" if not times else f"stands in it {times} times"
        hint = "More of the words around it tell which." if times else "'r' reads it again."
        raise UsageError(f"'{old}' {found}: nothing was changed.", hint=hint)
    return text.replace(old, new)


@dataclass(frozen=True)
class Writing:
    """What `edit` and `write` do to an item."""

    typed: TypedLines
    paper: Paper
    editor: Editor | None
    """None where texts are taken line by line."""
    mark: Callable[[Work, Marks], None]
    """Changes the marks of an item."""

    async def edit(self, session: LabelSession, work: Work, rest: str) -> None:
        """An edit of a completion, ranked above it.

        Raises:
            UsageError: there is no such completion, no room, or nothing was changed.
            InputError: the editor came to nothing.
        """
        self._require_room(work)
        named, change = editing(rest)
        pane, size = to_edit(work.marks.state(work.shown), named), len(work.shown)
        if not 1 <= pane <= size:
            raise UsageError(f"There is no completion {pane} here: there are {size}.")
        parent = work.completions[pane - 1]
        before = text_of(parent.completion)
        if change is not None:
            after = replaced(before, *change)
        else:
            after = await self._text(session, f"Write all of {pane} anew", before)
        if after in (before, ""):
            raise UsageError("Nothing was changed.")
        self._add(session, work, edit_of(work.item, parent, after), f"e{{}}{pane}")

    async def write(self, session: LabelSession, work: Work, rest: str) -> None:
        """An answer from nothing, ranked best.

        Raises:
            UsageError: there is no room, or nothing was written.
            InputError: the editor came to nothing.
        """
        self._require_room(work)
        after = rest or await self._text(session, "Write your answer", "")
        if not after.strip():
            raise UsageError("Nothing was written.")
        self._add(session, work, answer_to(work.item, after), "w{}")

    def _require_room(self, work: Work) -> None:
        if not has_room(work):
            raise UsageError(NO_ROOM)

    async def _text(self, session: LabelSession, what: str, before: str) -> str:
        if self.editor is None:
            text = await typed_text(self.typed, self.paper, what)
            # A completion joins its prompt with nothing between: the blank before it is not typed.
            blank = before[: len(before) - len(before.lstrip(" "))]
            return blank + text.lstrip(" ") if text.strip() else ""
        session.draft()
        if session.link.connected:
            # The editor has the terminal to itself until it ends, and this program stands.
            await session.drafts.flush()
        after = self.editor(before)
        session.touch()
        return after

    def _add(self, session: LabelSession, work: Work, text: Written, token: str) -> None:
        """Put a text behind the completions and rank it."""
        if text.completion_id in work.shown:
            raise UsageError(THERE)
        work.written.append(text)
        pane = len(work.shown)
        state, refusal = work.marks.state(work.shown).press(token.format(pane))
        if refusal:
            work.written.pop()
            raise UsageError(by_words(refusal))
        self.mark(work, replace(work.marks, keys=state.keys))
        what = "Your answer is" if text.parent is None else "Your edit is"
        self.paper.say(f"{what} {pane}; 'undo' takes it back.")
        words.marks(self.paper, session, work)
