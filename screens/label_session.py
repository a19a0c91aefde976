"""One person labelling: what is judged of the items, undo and redo, drafts, and the end.

No drawing here. The screen puts the next item up at once; what has to reach the hub goes through
an outbox in the order it was made.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from rlhf_tui.records import Event, EventKind, Written
from rlhf_tui.screens.label_drafts import TakenBack, Work
from rlhf_tui.screens.label_marks import Marks
from rlhf_tui.screens.label_outbox import SaveState
from rlhf_tui.screens.label_queue import ItemQueue
from rlhf_tui.screens.label_trail import Past

LEAVE_S = 10.0
"""The longest that leaving waits: the hub client spools a save after eight seconds."""


@dataclass
class LabelSession(ItemQueue):
    """The state behind a labelling screen."""

    past: Past = field(init=False)
    _stepping: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.past = Past(self.link, self.kind, self.outbox)

    @property
    def saved(self) -> SaveState:
        """What became of the last events."""
        return self.outbox.saved

    # --- judgements ----------------------------------------------------------------------------

    def judge(self, **judgement: Any) -> None:
        """Submit the current item and go to the next one.

        Args:
            judgement: the Event's fields that say what was judged (label_marks.event_fields).
        """
        self._finish("judge", **judgement)

    def skip(self, reason: str = "") -> None:
        """Skip the current item; one that is being revised stays as it was."""
        if self.current is not None and self.current.revises is not None:
            self.drafts.forget(self.current.task_id)
            self._advance()
            return
        self._finish("skip", reason=reason)

    def flag(self, reason: str) -> None:
        """Flag the current item; it stays the current one."""
        if self.current is not None:
            self._post("flag", self.current.task_id, reason=reason)

    def _finish(self, kind: EventKind, **fields: Any) -> None:
        work = self.current
        if work is None:
            raise RuntimeError("no item to judge")
        self._keep_time(work)
        work.taken_back.clear()
        if kind == "judge":
            fields |= {"written": work.written, "guidelines": self.guidelines}
        if work.revises is not None:
            kind, fields["supersedes"] = "revise", work.revises.event_id
        event = self._post(
            kind,
            work.task_id,
            shown=work.shown,
            active_ms=work.active_ms,
            wall_ms=work.wall_ms,
            **fields,
        )
        self.past.note(event, work)
        self.tally.count(event)
        self.drafts.forget(work.task_id)
        self._advance()

    def _keep_time(self, work: Work) -> None:
        work.active_ms, work.wall_ms = self.clock.active_ms, self.clock.wall_ms

    def turn_to_skipped(self, skipped: bool) -> None:
        """Change between new and skipped items; what is here goes back to the hub."""
        if self.current is not None:
            self.draft()
        for work in (self.current, *self.waiting):
            if work is not None:
                self._post("release", work.task_id)
        self.waiting.clear()
        self.skipped, self.asked = skipped, False
        self._advance()

    # --- undo and redo -------------------------------------------------------------------------

    def undo(self) -> Event | None:
        """Take back the last judgement, skip or revision, as far as memory tells it.

        A judgement's item becomes the current one, with its marks.

        Returns:
            What was posted; None when `fetch_undo` has to ask the hub first.
        """
        event = self.past.stacks.undo()
        if event is None:
            return None
        step = self.past.stacks.done[-1].event
        if event.kind == "retract":
            work = self.past.take(event.task_id)
            if work is None:
                return None
            self._bring_back(work)
            self.tally.count(step, -1)
        self.past.note(event)
        if event.supersedes not in self.outbox.refused:
            self.outbox.post(event)
        return event

    def redo(self) -> Event | None:
        """Do the last undone step again; None likewise."""
        event = self.past.stacks.redo()
        if event is None:
            return None
        work = self.current
        here = event.kind != "revise" and work is not None and work.task_id == event.task_id
        if here and work is not None:
            work.restore(event)
        self.past.note(event, work if here else None)
        self.outbox.post(event)
        self.tally.count(event)
        if event.kind != "revise":
            self.drafts.forget(event.task_id)
            self._drop(event.task_id)
        if here:
            self._advance()
        return event

    def key_undone(self, marks: Marks, written: list[Written]) -> None:
        """A key of the current item was taken back; these were its marks and texts with it."""
        if self.current is not None:
            undone = len(self.past.stacks.undone)
            self.current.taken_back.append(TakenBack(self.current.marks, marks, written, undone))

    def redo_key(self) -> bool:
        """Give the current item back the last key that was taken back; False if there is none."""
        work = self.current
        if work is None or not work.taken_back:
            return False
        last = work.taken_back[-1]
        if last.left != work.marks:
            # Another way was taken since.
            work.taken_back.clear()
            return False
        if len(self.past.stacks.undone) > last.undone:
            return False  # a revision was undone after the key: it comes first
        work.taken_back.pop()
        work.marks, work.written = last.marks, last.written
        self.draft()
        return True

    async def fetch_undo(self) -> Event | None:
        """`undo`, with what the hub has to tell; None when nothing is left.

        Raises:
            RlhfError: the hub refused, or is away.
        """
        async with self._stepping:
            await self.past.read(lambda stacks: stacks.undo_known)
            if self.past.stacks.done:
                await self.past.fetch(self.past.stacks.done[-1].event)
            return self.undo()

    async def fetch_redo(self) -> Event | None:
        """`redo`, likewise."""
        async with self._stepping:
            await self.past.read(lambda stacks: stacks.redo_known)
            return self.redo()

    def _bring_back(self, work: Work) -> None:
        if self.current is not None:
            self._keep_time(self.current)
            self.waiting.appendleft(self.current)
        self._drop(work.task_id)
        self.current = work
        self._restart_clock()
        self.draft()

    def _drop(self, task_id: str) -> None:
        self.waiting = deque(work for work in self.waiting if work.task_id != task_id)

    # --- what reaches the hub ------------------------------------------------------------------

    def _post(self, kind: EventKind, task_id: str, **fields: Any) -> Event:
        event = self.new_event(kind, task_id, **fields)
        self.outbox.post(event)
        return event

    def hub_changed(self, change: str) -> None:
        """The connection came back, went, or the spool has reached the store."""
        self.outbox.replayed()
        if change != "away":
            self.drafts.wake()
            self.fetch()
        self.on_change()

    def draft(self) -> None:
        """Keep the current item's marks; off the path of the key."""
        if self.current is not None:
            self._keep_time(self.current)
            self.drafts.put(self.current)

    # --- the end -------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Keep the draft, send what is unsent, give back what is leased; at most LEAVE_S."""
        if self.current is not None:
            self.draft()
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.outbox.join()
                if self.link.connected:
                    await self.drafts.flush()
                    if not self.only:
                        await self.filled()  # what an answer still brings is leased, too
                        await self._give_back()
        except TimeoutError:
            self.problem = "The hub did not answer in time."
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _give_back(self) -> None:
        for work in (self.current, *self.waiting):
            if work is not None:
                await self.link.submit(self.new_event("release", work.task_id))
