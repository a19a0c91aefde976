"""The items before one person: fetched ahead, handed out one by one, with counts and time at work.

No drawing here, and no judging: label_session adds what becomes of the items.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import (
    GetGuidelines,
    GetItem,
    Guidelines,
    ItemAnswer,
    KindProgress,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
)
from rlhf_tui.records import Event, EventKind, TaskKind
from rlhf_tui.screens.label_drafts import DraftKeeper, Work, work_of
from rlhf_tui.screens.label_outbox import Outbox, new_event
from rlhf_tui.screens.label_state import WorkClock
from rlhf_tui.screens.link import Link


@dataclass
class Tally:
    """What was done since the screen was opened."""

    judged: int = 0
    active_ms: int = 0

    @property
    def per_hour(self) -> float | None:
        """Judgements an hour of active time; None while there are too few to say."""
        if self.judged < 3 or self.active_ms <= 0:
            return None
        return self.judged / (self.active_ms / 3_600_000)

    def count(self, event: Event, sign: int = 1) -> None:
        """A judgement was given, or with `sign` -1 taken back; other events do not count."""
        if event.kind == "judge":
            self.judged += sign
            self.active_ms += sign * event.active_ms


@dataclass
class ItemQueue:
    """What is before the person now, and what comes next."""

    link: Link
    kind: TaskKind
    prefetch: int
    on_change: Callable[[], None]
    """Called when counts, save state or the current item changed by themselves."""
    only: str = ""
    """A task of the person's past, for a revision: the only item of this session."""
    skipped: bool = False
    """Hands out what was skipped before, instead of new items."""
    client: str = "tui"
    """What the person works with, as their events tell it."""
    current: Work | None = None
    waiting: deque[Work] = field(default_factory=deque)
    tally: Tally = field(default_factory=Tally)
    progress: ProgressAnswer | None = None
    mine_before: int = 0
    """The person's judgements from before this session."""
    remaining: int = 0
    """Open items behind those that are here."""
    guidelines: str = ""
    """Version of the guidelines that the person has; empty without guidelines."""
    problem: str = ""
    """Why there are no items or why a judgement was refused, as a sentence."""
    asked: bool = False
    """The hub has answered at least once: an empty queue is really empty."""
    drafts: DraftKeeper = field(init=False)
    outbox: Outbox = field(init=False)
    clock: WorkClock = field(default_factory=lambda: WorkClock.start(time.monotonic()))
    _filling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drafts = DraftKeeper(self.link)
        self.outbox = Outbox(self.link, self._sent)

    def new_event(self, kind: EventKind, task_id: str, **fields: Any) -> Event:
        return new_event(kind, task_id, client=self.client, **fields)

    # --- items ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send and fetch; needs a running loop."""
        self._tasks = [
            asyncio.create_task(self.outbox.run()),
            asyncio.create_task(self.drafts.run()),
        ]
        self.fetch()

    def fetch(self) -> None:
        """Fetch items and counts in the background."""
        task = asyncio.create_task(self._fill())
        self._tasks = [other for other in self._tasks if not other.done()] + [task]

    async def filled(self) -> None:
        """Wait until no answer about items is on its way: an empty queue is empty then."""
        await asyncio.sleep(0)  # a fetch that was just asked for begins
        async with self._filling:
            pass

    async def _fill(self) -> None:
        async with self._filling:
            try:
                if self.only:
                    await self._fetch_only()
                else:
                    await self._fetch_more()
            except RlhfError as error:
                self.problem = str(error)
                self.on_change()

    async def _fetch_only(self) -> None:
        if self.asked:
            return
        answer = await self.link.call(GetItem(task_id=self.only), ItemAnswer)
        with contextlib.suppress(RlhfError):
            # Without them the item can be revised all the same.
            self.progress = await self.link.call(Progress(), ProgressAnswer)
            self.mine_before = self.counts.mine
            self.guidelines = (await self.link.call(GetGuidelines(), Guidelines)).version
        self.asked, self.problem = True, ""
        self.current = work_of(answer.item, answer.item.event)
        self._restart_clock()
        self.on_change()

    @property
    def _here(self) -> list[str]:
        return [work.task_id for work in (self.current, *self.waiting) if work]

    @property
    def _wanted(self) -> int:
        return self.prefetch + 1 - len(self._here)

    async def _fetch_more(self) -> None:
        if self._wanted <= 0:
            return
        # First what waits for a hub that is away or catching up: what is held is told after it.
        progress = await self.link.call(Progress(), ProgressAnswer)
        skipped = self.skipped
        self.outbox.asking()
        held = [*self._here, *self.outbox.unsent]
        leased = await self.link.call(
            Lease(kind=self.kind, limit=max(0, self._wanted), held=held, skipped=skipped), Leased
        )
        if skipped == self.skipped:
            self._take(leased, progress)
            return
        # Asked for before the person turned to the other queue.
        for item in leased.items:
            self.outbox.post(self.new_event("release", item.task.task_id))
        self.fetch()

    def _take(self, leased: Leased, progress: ProgressAnswer) -> None:
        before = (self.current, self.progress, self.remaining, self.problem, self.asked)
        here = {*self._here, *self.outbox.unknown_when_asked}
        # What is half made comes first: it was before the person when the program ended.
        for item in sorted(leased.items, key=lambda item: not item.draft):
            if item.task.task_id not in here:
                self.waiting.append(self.drafts.restored(item))
        self.guidelines = leased.guidelines
        if self.progress is None:
            self.progress = progress
            self.mine_before = self.counts.mine
        self.remaining, self.progress = leased.remaining, progress
        self.problem, self.asked = "", True
        if self.current is None and self.waiting:
            self._advance()
        if before != (self.current, self.progress, self.remaining, self.problem, self.asked):
            self.on_change()

    def _advance(self) -> None:
        self.current = self.waiting.popleft() if self.waiting else None
        self._restart_clock()
        if len(self.waiting) < self.prefetch:
            self.fetch()

    def _restart_clock(self) -> None:
        work = self.current
        self.clock = WorkClock.start(
            time.monotonic(),
            active_ms=work.active_ms if work else 0,
            wall_ms=work.wall_ms if work else 0,
        )

    def touch(self) -> None:
        """A key was pressed: time at work goes on."""
        self.clock.touch(time.monotonic())

    @property
    def over(self) -> bool:
        """A revision was given, or left."""
        return bool(self.only) and self.asked and self.current is None

    @property
    def counts(self) -> KindProgress:
        """What the hub last said of this kind of task."""
        if self.progress is None:
            return KindProgress()
        return self.progress.rank if self.kind == "rank" else self.progress.thumbs

    @property
    def mine(self) -> int:
        """The person's judgements, this session's included."""
        return self.mine_before + self.tally.judged

    @property
    def open(self) -> int:
        """Items still open for this person, those here included."""
        if self.only:
            return self.counts.open_for_me
        return self.remaining + len(self.waiting) + (self.current is not None)

    def _sent(self) -> None:
        """An event was stored, spooled or refused."""
        if self.outbox.saved == "refused":
            self.problem = self.outbox.problem
        if self.current is None and self.outbox.empty:
            # The counts that the empty screen tells come after what was just sent.
            self.fetch()
        self.on_change()
