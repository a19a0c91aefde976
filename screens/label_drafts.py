"""Half-made judgements and how they are kept: every mark is a draft at the hub soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.hub.messages import Done, Item, SaveDraft
from rlhf_tui.records import Completion, Event, Written
from rlhf_tui.screens.label_marks import Marks, draft_of, marks_of_draft, marks_of_event
from rlhf_tui.screens.link import Link

DRAFT_AFTER_S = 0.25
"""Marks come in bursts: the draft is written once the fingers rest."""


@dataclass(frozen=True)
class TakenBack:
    """One key of an item that undo took back."""

    left: Marks
    """The marks without it."""
    marks: Marks
    written: list[Written]
    """Marks and texts with it."""
    undone: int
    """Steps that were undone before it, and are done again after it."""


@dataclass
class Work:
    """An item and what the person has done to it so far."""

    item: Item
    marks: Marks = field(default_factory=Marks)
    written: list[Written] = field(default_factory=list)
    """What the person wrote; the panes behind those of the item."""
    active_ms: int = 0
    wall_ms: int = 0
    revises: Event | None = None
    """The judgement that this one will replace."""
    taken_back: list[TakenBack] = field(default_factory=list)
    """For redo, what undo took of this item, newest last."""

    def __post_init__(self) -> None:
        # The hub puts what was written among the completions; here it can still be taken back.
        event, draft = self.item.event, self.item.draft or {}
        found = [*(event.written if event is not None else ()), *_written(draft)]
        own = {one.completion_id for one in found}
        kept = [one for one in self.item.completions if one.completion_id not in own]
        self.item = msgspec.structs.replace(self.item, completions=kept)

    @property
    def task_id(self) -> str:
        return self.item.task.task_id

    @property
    def completions(self) -> list[Completion]:
        """All panes: the item's completions, then what the person wrote."""
        prompt = self.item.prompt.prompt_id
        own = [Completion(one.completion_id, prompt, one.text) for one in self.written]
        return [*self.item.completions, *own]

    @property
    def shown(self) -> list[str]:
        return [completion.completion_id for completion in self.completions]

    @property
    def empty(self) -> bool:
        return self.marks.empty and not self.written

    def restore(self, event: Event) -> None:
        """Put the marks, texts and times of a judgement or skip in the place of those there."""
        ids = {completion.completion_id for completion in self.item.completions}
        self.written = [one for one in event.written if one.completion_id not in ids]
        self.marks = marks_of_event(event, self.shown)
        self.active_ms, self.wall_ms = event.active_ms, event.wall_ms
        self.taken_back.clear()


def draft_body(work: Work) -> dict[str, Any]:
    """A draft as it lies at the hub; also says which judgement it revises."""
    body = draft_of(work.marks)
    body |= {"shown": work.shown, "active_ms": work.active_ms, "wall_ms": work.wall_ms}
    if work.written:
        body["written"] = msgspec.to_builtins(work.written)
    if work.revises is not None:
        body["revises"] = work.revises.event_id
    return body


def work_of(item: Item, revises: Event | None = None) -> Work:
    """The work on an item: as its draft has it, or as the judgement that is to be revised."""
    work = Work(item, revises=revises)
    draft = item.draft or {}
    if revises is not None and draft.get("revises") != revises.event_id:
        work.restore(revises)
    elif draft:
        work.written = _written(draft)
        work.marks = marks_of_draft(draft, work.shown)
        for name in ("active_ms", "wall_ms"):
            value = draft.get(name)
            if isinstance(value, int) and value > 0:
                setattr(work, name, value)
    return work


def _written(draft: Mapping[str, Any]) -> list[Written]:
    try:
        return msgspec.convert(draft.get("written", []), list[Written])
    except msgspec.ValidationError:
        return []  # of another version of the program


class DraftKeeper:
    """Sends drafts to the hub, the newest of each item, off the path of the key."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.problem = ""
        """Why the hub refused a draft, as a sentence."""
        self._due: dict[str, dict[str, Any]] = {}
        self._kept: set[str] = set()
        """Items whose draft the hub has, or is being sent."""
        self._wake = asyncio.Event()

    def restored(self, item: Item) -> Work:
        """The work on an item that came from the hub, with its draft."""
        if item.draft:
            self._kept.add(item.task.task_id)
        return work_of(item)

    def put(self, work: Work) -> None:
        """Keep the marks of an item; an item without marks needs no draft."""
        if work.empty:
            self.forget(work.task_id)
            return
        self._due[work.task_id] = draft_body(work)
        self._wake.set()

    def forget(self, task_id: str) -> None:
        self._due.pop(task_id, None)
        if task_id in self._kept:
            self._due[task_id] = {}
            self._wake.set()

    def wake(self) -> None:
        """The hub is back: send what waits."""
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(DRAFT_AFTER_S)
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Send what is due now; with a hub that is away it stays due until the hub is back."""
        while self._due:
            task_id, body = next(iter(self._due.items()))
            # Noted first: an item that is judged while its draft is on the way must be told too.
            self._kept.add(task_id)
            try:
                await self.link.call(SaveDraft(task_id=task_id, body=body), Done)
            except HubError:
                return
            except RlhfError as error:
                self.problem = str(error)
            if self._due.get(task_id) == body:
                del self._due[task_id]
                if not body:
                    self._kept.discard(task_id)
