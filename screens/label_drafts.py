"""Half-made judgements and how they are kept: every pick is a draft at the hub soon after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.hub.messages import Done, Item, SaveDraft
from rlhf_tui.records import Event
from rlhf_tui.screens.link import Link

DRAFT_AFTER_S = 0.25
"""Picks come in bursts: the draft is written once the fingers rest."""


@dataclass
class Work:
    """An item and what the person has done to it so far."""

    item: Item
    keys: str = ""
    """The ranking's keys (label_state.RankState)."""
    active_ms: int = 0
    wall_ms: int = 0
    event: Event | None = None
    """What was submitted for it; set while it lies in the past."""

    @property
    def task_id(self) -> str:
        return self.item.task.task_id

    @property
    def shown(self) -> list[str]:
        return [completion.completion_id for completion in self.item.completions]


def draft_body(work: Work) -> dict[str, Any]:
    return {
        "keys": work.keys,
        "shown": work.shown,
        "active_ms": work.active_ms,
        "wall_ms": work.wall_ms,
    }


def work_of(item: Item) -> Work:
    """The work on an item, with the picks of its draft, moved to where the panes are now."""
    draft = item.draft or {}
    work = Work(item)
    keys, shown = draft.get("keys"), draft.get("shown")
    if not isinstance(keys, str) or not isinstance(shown, list):
        return work
    place = {completion_id: str(pane) for pane, completion_id in enumerate(work.shown, 1)}
    moved = []
    for key in keys:
        if key.isdecimal():
            index = int(key) - 1
            key = place.get(shown[index], "") if 0 <= index < len(shown) else ""
        moved.append(key)
    work.keys = "".join(moved)
    for name in ("active_ms", "wall_ms"):
        value = draft.get(name)
        if isinstance(value, int) and value > 0:
            setattr(work, name, value)
    return work


class DraftKeeper:
    """Sends drafts to the hub, the newest of each item, off the path of the key."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.problem = ""
        """Why the hub refused a draft, as a sentence."""
        self._due: dict[str, dict[str, Any]] = {}
        self._kept: set[str] = set()
        self._wake = asyncio.Event()

    def restored(self, item: Item) -> Work:
        """The work on an item that came from the hub, with its draft."""
        if item.draft:
            self._kept.add(item.task.task_id)
        return work_of(item)

    def put(self, work: Work) -> None:
        """Keep the picks of an item; an item without picks needs no draft."""
        if not work.keys:
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
            try:
                await self.link.call(SaveDraft(task_id=task_id, body=body), Done)
            except HubError:
                return
            except RlhfError as error:
                self.problem = str(error)
            if self._due.get(task_id) == body:
                del self._due[task_id]
            if body:
                self._kept.add(task_id)
            else:
                self._kept.discard(task_id)
