"""Events on their way to the hub, in the order in which they were made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal

from rlhf_tui.errors import RlhfError
from rlhf_tui.records import Event, EventKind, new_event_id
from rlhf_tui.screens.link import Link

SaveState = Literal["", "saving", "saved", "spooled", "refused"]


def new_event(kind: EventKind, task_id: str, *, client: str, **fields: Any) -> Event:
    return Event(
        event_id=new_event_id(),
        kind=kind,
        task_id=task_id,
        client=client,
        created_ms=time.time_ns() // 1_000_000,
        **fields,
    )


class Outbox:
    """What was done and what became of it; the person sees 'saved' once the hub has said so."""

    def __init__(self, link: Link, on_sent: Callable[[], None]) -> None:
        """
        Args:
            on_sent: called after each event that was stored, spooled or refused.
        """
        self.link = link
        self.saved: SaveState = ""
        self.problem = ""
        """Why the hub refused an event, as a sentence."""
        self.refused: set[str] = set()
        """Ids of events that the hub has not and will not have."""
        self._on_sent = on_sent
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._on_their_way: dict[str, str] = {}
        self._since_asked: set[str] = set()

    @property
    def empty(self) -> bool:
        return self._queue.empty()

    @property
    def unsent(self) -> set[str]:
        """Tasks of events that the hub may not have yet: it must not hand these out again."""
        return {*self._on_their_way.values(), *self.link.unsent.values()}

    @property
    def unknown_when_asked(self) -> set[str]:
        """The same as of the last `asking`: an answer on its way may offer these tasks again."""
        return self.unsent | self._since_asked

    def asking(self) -> None:
        """The hub is about to be asked for items."""
        self._since_asked = self.unsent

    def post(self, event: Event) -> None:
        self._on_their_way[event.event_id] = event.task_id
        self._since_asked.add(event.task_id)
        self.saved = "saving"
        self._queue.put_nowait(event)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            event = await self._queue.get()
            try:
                outcome = await self.link.submit(event)
            except RlhfError as error:
                self.refused.add(event.event_id)
                self._since_asked.discard(event.task_id)
                self.saved, self.problem = "refused", str(error)
            else:
                if self._queue.empty() and self.saved != "refused":
                    self.saved = outcome
            # From here on the spool tells of it, if that is where it went.
            del self._on_their_way[event.event_id]
            self._queue.task_done()
            self._on_sent()

    async def join(self) -> None:
        """Wait until all that was posted is in the store or the spool, or was refused."""
        await self._queue.join()

    def replayed(self) -> None:
        """What lay in the spool has reached the store."""
        if self.saved == "spooled" and not self.link.unsent:
            self.saved = "saved"
