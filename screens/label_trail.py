"""Undo without limit: the steps of this program in memory, older ones from the hub's log."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from rlhf_tui.errors import HubError
from rlhf_tui.hub.messages import GetItem, ItemAnswer, Trail, TrailAnswer
from rlhf_tui.records import Event, TaskKind
from rlhf_tui.screens.label_drafts import Work
from rlhf_tui.screens.label_outbox import Outbox
from rlhf_tui.screens.label_undo import UndoStacks
from rlhf_tui.screens.link import Link

REMEMBERED = 200
"""Items that undo brings back at once; older ones come from the hub. All texts of a day's work
would be some hundred megabytes."""
PAGE = 200
"""Events asked for at a time; each further page is as long as all before it."""


class Past:
    """One person's steps of one kind of task."""

    def __init__(self, link: Link, kind: TaskKind, outbox: Outbox) -> None:
        self.link = link
        self.kind = kind
        self.outbox = outbox
        self.stacks = UndoStacks()
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._meanwhile: list[Event] | None = None
        """Events made while the log is being read."""

    def note(self, event: Event, work: Work | None = None) -> None:
        """A step was made; `work` is what undo brings back."""
        self.stacks.apply(event)
        self.stacks.forget_oldest()
        if self._meanwhile is not None:
            self._meanwhile.append(event)
        if work is not None:
            self._works[event.task_id] = work
            self._works.move_to_end(event.task_id)
            if len(self._works) > REMEMBERED:
                self._works.popitem(last=False)

    def take(self, task_id: str) -> Work | None:
        """The work on a past item, if it is remembered."""
        return self._works.pop(task_id, None)

    def forget(self) -> None:
        """Steps were made elsewhere: the log knows better from here on."""
        self.stacks = UndoStacks()
        self._works.clear()

    async def fetch(self, event: Event) -> None:
        """Remember the item that a judgement or skip was about.

        Raises:
            RlhfError: the hub refused, or is away.
        """
        if event.task_id not in self._works:
            answer = await self.link.call(GetItem(task_id=event.task_id), ItemAnswer)
            work = Work(answer.item)
            work.restore(event)
            self._works[event.task_id] = work

    async def read(self, enough: Callable[[UndoStacks], bool]) -> None:
        """Read the log back until the stacks tell enough, or to its beginning.

        Raises:
            RlhfError: the hub refused, or is away.
        """
        if enough(self.stacks):
            return
        await self.outbox.join()
        if self.link.unsent:
            raise HubError("The hub is away: what was judged before can be undone once it is back.")
        self._meanwhile = []
        try:
            events: list[Event] = []
            complete = False
            while not (
                complete or (events and enough(UndoStacks.of(events[::-1], complete=False)))
            ):
                request = Trail(
                    kind=self.kind,
                    limit=max(PAGE, len(events)),
                    before_seq=events[-1].seq if events else 0,
                )
                page = (await self.link.call(request, TrailAnswer)).events
                events += page
                complete = not page
            stacks = UndoStacks.of(events[::-1], complete=complete)
            known = {event.event_id for event in events}
            for event in self._meanwhile:
                if event.event_id not in known:
                    stacks.apply(event)
            self.stacks = stacks
        finally:
            self._meanwhile = None
