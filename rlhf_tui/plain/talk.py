"""The line mode's conversation: read a line, do it, say what came of it, until the person leaves.

The session behind is the screens' own (label_session): items, drafts, undo, the outbox and its
spool are the same, and so is what they promise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from rlhf_tui.config.settings import LabelSettings
from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.hub.messages import (
    GetGuidelines,
    Guidelines,
    History,
    HistoryAnswer,
    HistoryEntry,
    Stats,
    StatsAnswer,
)
from rlhf_tui.plain import marking, words
from rlhf_tui.plain.commands import Judge, parse, reading
from rlhf_tui.plain.paper import Paper
from rlhf_tui.plain.typed import TypedLines
from rlhf_tui.plain.writing import Editor, Writing, typed_text
from rlhf_tui.records import Event, TaskKind
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_marks import Marks, event_fields
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.label_state import tokens
from rlhf_tui.screens.label_written import went_with
from rlhf_tui.screens.link import Link

HISTORY = 10
"""Entries of the history told at once."""


class Talk:
    """One person judging by lines."""

    def __init__(
        self,
        link: Link,
        kind: TaskKind,
        settings: LabelSettings,
        typed: TypedLines,
        paper: Paper,
        editor: Editor | None = None,
    ) -> None:
        self.link = link
        self.kind = kind
        self.settings = settings
        self.typed = typed
        self.paper = paper
        self.writing = Writing(typed, paper, editor, self._mark)
        self.main = LabelSession(link, kind, settings.prefetch, lambda: None, client="plain")
        self.session = self.main
        """The one that is talked about: `main`, or a revision."""
        self._told: Work | None = None
        self._past: list[HistoryEntry] = []
        self._leaving = False
        self._does: dict[str, Callable[[str], Awaitable[None]]] = {
            "next": self._next, "submit": self._submit, "skip": self._skip,
            "skipped": self._skipped, "flag": self._flag, "critique": self._critique,
            "tags": self._tags, "aspect": self._aspect, "clear": self._clear,
            "edit": self._edit, "write": self._write,
            "undo": self._undo, "redo": self._redo, "history": self._history,
            "revise": self._revise, "prompt": self._prompt, "r": self._read,
            "more": self._more, "guidelines": self._guidelines, "stats": self._stats,
            "help": self._help, "quit": self._quit,
        }  # fmt: skip

    async def run(self) -> None:
        """Talk until the person leaves, or no more lines come; then put the work away."""
        self.main.start()
        try:
            await self._tell_item()
            while not self._leaving:
                self.paper.ask()
                line = await self.typed.next()
                if line is None:
                    self.paper.say()
                    break
                await self._do(line)
        finally:
            await self._leave()

    def hub_changed(self, change: str) -> None:
        """The connection came back, went, or the spool has reached the store."""
        self.main.hub_changed(change)
        if self.session is not self.main:
            self.session.hub_changed(change)
        if change == "replayed":
            self.paper.say("What was saved locally is saved now.")

    # --- lines ---------------------------------------------------------------------------------

    async def _do(self, line: str) -> None:
        self.session.touch()
        try:
            said = parse(line, self.kind)
            if isinstance(said, Judge):
                await self._judge(said)
            else:
                await self._does[said.word](said.rest)
        except RlhfError as error:
            self.paper.say(str(error))

    def _work(self) -> Work:
        work = self.session.current
        if work is None:
            raise UsageError("There is no item to judge.", hint="An empty line looks for new ones.")
        return work

    def _mark(self, work: Work, marks: Marks) -> None:
        work.marks = marks
        work.taken_back.clear()
        self.session.draft()

    async def _judge(self, said: Judge) -> None:
        work = self._work()
        self._mark(work, marking.marked(work.marks, said, work.shown))
        if said.submit:
            await self._submit("")
        else:
            words.marks(self.paper, self.session, work)

    async def _submit(self, rest: str) -> None:
        work = self._work()
        state = work.marks.state(work.shown)
        if self.kind == "rank" and state.missing:
            words.marks(self.paper, self.session, work)
            raise UsageError("That is no judgement yet: rank at least two, or say bad or unsure.")
        if self.kind == "thumbs" and not state.thumbs:
            raise UsageError("Say y for good or n for bad.")
        done = marking.told(work.marks, work.shown, ranking=self.kind == "rank")
        self.session.judge(**event_fields(work.marks, work.shown))
        await self._say_saved(done)
        await self._tell_item()

    async def _say_saved(self, what: str) -> None:
        """Wait until it is durable, and only then say so."""
        await self.session.outbox.join()
        saved = self.session.saved
        if saved == "refused":
            self.paper.say(f"NOT saved: {self.session.outbox.problem}")
        elif saved == "spooled":
            # A hub that is there and stores nothing: its disk is full, say.
            why = self.link.trouble if self.link.connected else ""
            self.paper.say(f"Saved locally{'' if why else ', the hub is away'}: {what}.")
            if why:
                self.paper.say(why)
        else:
            self.paper.say(f"Saved: {what}.")

    async def _skip(self, rest: str) -> None:
        self._work()
        revision = self.session is not self.main
        self.session.skip(rest)
        if not revision:
            await self._say_saved("skipped" + (f" ({rest})" if rest else ""))
        await self._tell_item()

    async def _skipped(self, rest: str) -> None:
        if self.session is not self.main:
            raise UsageError("This is a revision: submit or skip it first.")
        if not self.main.skipped and not self.main.counts.skipped:
            await self.main.filled()
        self.main.turn_to_skipped(not self.main.skipped)
        self.paper.say("Skipped items." if self.main.skipped else "New items.")
        await self._tell_item()

    async def _flag(self, rest: str) -> None:
        self._work()
        if not rest:
            reasons = ", ".join(self.settings.flag_reasons)
            raise UsageError("A flag needs a reason.", hint=f"As in: flag unsafe. ({reasons})")
        self.session.flag(rest)
        await self._say_saved(f"flagged ({rest})")

    async def _critique(self, rest: str) -> None:
        work = self._work()
        text = rest or (await typed_text(self.typed, self.paper, "Write")).strip()
        self._mark(work, replace(work.marks, critique=text))
        self.paper.say("Critique noted." if text else "No critique.")

    async def _tags(self, rest: str) -> None:
        work = self._work()
        given = dict.fromkeys(tag.strip() for tag in rest.split(",") if tag.strip())
        unknown = [tag for tag in given if self.settings.tags and tag not in self.settings.tags]
        self._mark(work, replace(work.marks, tags=tuple(given)))
        self.paper.say(f"Tags: {', '.join(given)}." if given else "No tags.")
        if unknown:
            self.paper.say(f"Not in the list of tags, and kept all the same: {', '.join(unknown)}.")

    async def _aspect(self, rest: str) -> None:
        work = self._work()
        names, scale = self.settings.aspects, self.settings.scale
        if not rest:
            raise UsageError("Which aspect?", hint=f"They are: {', '.join(names)}.")
        self._mark(work, marking.aspect(work.marks, rest, work.shown, names, scale))
        words.marks(self.paper, self.session, work)

    async def _edit(self, rest: str) -> None:
        await self.writing.edit(self.session, self._work(), rest)

    async def _write(self, rest: str) -> None:
        await self.writing.write(self.session, self._work(), rest)

    async def _clear(self, rest: str) -> None:
        work = self._work()
        kept = "".join(key for key in tokens(work.marks.keys) if key[0] in "ew")
        self._mark(work, Marks(keys=kept))
        self.paper.say("Nothing is marked.")

    # --- back and forth ------------------------------------------------------------------------

    async def _undo(self, rest: str) -> None:
        work = self.session.current
        before = work.marks.state(work.shown).undo() if work is not None else None
        if work is not None and before is not None:
            marks, work.marks = work.marks, replace(work.marks, keys=before.keys)
            self.session.key_undone(marks, list(work.written))
            if went_with(work, marks.keys):
                self.paper.say("Your text is gone with it; 'redo' brings it again.")
            self.session.draft()
            left = marking.told(work.marks, work.shown, ranking=self.kind == "rank")
            self.paper.say(f"Taken back. Marked: {left or 'nothing'}.")
            return
        await self._step(self.session.undo, self.session.fetch_undo, "Nothing to undo.")

    async def _redo(self, rest: str) -> None:
        work = self.session.current
        if work is not None and self.session.redo_key():
            words.marks(self.paper, self.session, work)
            return
        await self._step(self.session.redo, self.session.fetch_redo, "Nothing to redo.")

    async def _step(
        self,
        known: Callable[[], Event | None],
        fetch: Callable[[], Awaitable[Event | None]],
        nothing: str,
    ) -> None:
        if self.session is not self.main:
            raise UsageError(nothing)
        event = known() or await fetch()
        if event is None:
            self.paper.say(nothing)
            return
        undone = event.kind == "retract" or event.reason == "undo"
        await self._say_saved("taken back" if undone else "done again")
        await self._tell_item()

    async def _history(self, rest: str) -> None:
        await self.session.outbox.join()
        answer = await self.link.call(
            History(limit=HISTORY, kind=self.kind, search=rest), HistoryAnswer
        )
        self._past = answer.entries
        words.past(self.paper, self._past)

    async def _revise(self, rest: str) -> None:
        if self.session is not self.main:
            raise UsageError("This is a revision already: submit or skip it first.")
        if not rest.isdecimal() or not 1 <= int(rest) <= len(self._past):
            raise UsageError("Which one?", hint="'history' numbers them; as in: revise 1")
        self.main.draft()
        task = self._past[int(rest) - 1].event.task_id
        self.session = LabelSession(
            self.link, self.kind, 1, lambda: None, only=task, client="plain"
        )
        self.session.start()
        await self._tell_item()

    # --- reading -------------------------------------------------------------------------------

    async def _tell_item(self) -> None:
        """The current item, once there is one; the main session's again after a revision."""
        session = self.session
        if session.current is None and not session.over:
            if not self.link.connected:
                self.paper.say("Waiting for the hub.")
            await session.filled()
        if session is not self.main and session.current is None:
            if session.problem and not session.over:
                self.paper.say(session.problem)
            await session.leave()
            self.main.past.forget()
            self.session = session = self.main
        if session.current is None:
            words.nothing(self.paper, session)
        else:
            words.item(self.paper, session, session.current)

    async def _next(self, rest: str) -> None:
        if self.session.current is None:
            self.session.fetch()
            await self._tell_item()
        else:
            words.marks(self.paper, self.session, self.session.current)
            self.paper.say("'help' tells what can be said, 'r' reads the item again.")

    async def _prompt(self, rest: str) -> None:
        words.prompt(self.paper, self._work(), whole=rest == "all")

    async def _read(self, rest: str) -> None:
        work = self._work()
        number, how = reading(rest)
        if number is None:
            words.item(self.paper, self.session, work)
        elif number == 0:
            words.prompt(self.paper, work, whole=how == "all")
        elif number > len(work.completions):
            raise UsageError(f"There is no completion {number} here.")
        else:
            words.completion(self.paper, self.kind, work, number, whole=how == "all")

    async def _more(self, rest: str) -> None:
        if not self.paper.more():
            self.paper.say("Nothing is left of it.")

    async def _guidelines(self, rest: str) -> None:
        answer = await self.link.call(GetGuidelines(), Guidelines)
        if not answer.version:
            self.paper.say("There are no guidelines here.")
            return
        self.paper.read("Guidelines:", answer.text)

    async def _stats(self, rest: str) -> None:
        answer = await self.link.call(Stats(kind=self.kind), StatsAnswer)
        name = self.link.welcome.annotator if self.link.welcome else ""
        words.statistics(self.paper, self.main, answer, name)

    async def _help(self, rest: str) -> None:
        self.paper.say(words.HELP[self.kind])
        self.paper.say(words.HELP["both"])
        words.choices(self.paper, self.settings)

    # --- the end -------------------------------------------------------------------------------

    async def _quit(self, rest: str) -> None:
        self._leaving = True

    async def _leave(self) -> None:
        half = self.session.current is not None and not self.session.current.empty
        for session in {id(one): one for one in (self.session, self.main)}.values():
            await session.leave()
        waiting = len(self.link.unsent)
        if waiting:
            self.paper.say(
                f"Left. {waiting} saved on this machine only: the hub gets what is there when you "
                "label here again."
            )
        elif self.main.outbox.refused:
            self.paper.say(f"Left. NOT saved: {len(self.main.outbox.refused)}.")
        else:
            self.paper.say("Left. What is half-made is kept." if half else "Left. All is saved.")
