"""The session behind a labelling screen, with a hub that answers when the test lets it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from rlhf_tui.hub.messages import (
    Item,
    KindProgress,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    Request,
)
from rlhf_tui.records import Completion, Event, Prompt, Task
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.link import Link

NEW, SKIPPED = "new", "skipped"


def item(name: str) -> Item:
    ids = [f"{name}-1", f"{name}-2"]
    completions = [Completion(i, "p", f" {i}") for i in ids]
    return Item(Task(name, "rank", "p", ids), Prompt("p", "A prompt"), completions)


class SlowHub:
    """Answers leases of new items only once it may."""

    connected = True

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.asked = asyncio.Event()
        self.events: list[Event] = []

    async def call(self, request: Request, _answer: type[Any]) -> Any:
        if isinstance(request, Lease):
            self.asked.set()
            if not request.skipped:
                await self.may.wait()
            return Leased([item(SKIPPED if request.skipped else NEW)], 0)
        assert isinstance(request, Progress)
        return ProgressAnswer(KindProgress(), KindProgress(), 1, 2, 1, 0)

    async def submit(self, event: Event) -> str:
        self.events.append(event)
        return "saved"


async def test_items_of_the_queue_that_was_left_go_back_to_the_hub() -> None:
    hub = SlowHub()
    session = LabelSession(cast(Link, hub), "rank", 1, lambda: None)
    session.start()
    await hub.asked.wait()
    session.turn_to_skipped(True)
    hub.may.set()
    async with asyncio.timeout(30):
        while session.current is None or not hub.events:
            await asyncio.sleep(0)
    shown = [work.task_id for work in (session.current, *session.waiting) if work is not None]
    assert shown == [SKIPPED]
    assert [(event.kind, event.task_id) for event in hub.events] == [("release", NEW)]
    await session.leave()
