"""One person labelling: the queue of items, the outbox of events, drafts, undo and counts.

No drawing here. The screen puts the next item up at once; what has to reach the hub goes through
an outbox in the order it was made, and the person sees 'saved' only when the hub has said so.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import (
    GetItem,
    History,
    HistoryAnswer,
    ItemAnswer,
    KindProgress,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
)
from rlhf_tui.records import JUDGEMENT_KINDS, Event, EventKind, TaskKind, new_event_id
from rlhf_tui.screens.label_drafts import DraftKeeper, Work
from rlhf_tui.screens.label_state import WorkClock
from rlhf_tui.screens.link import Link

SaveState = Literal["", "saving", "saved", "spooled", "refused"]
REMEMBERED = 200
"""Items that undo brings back at once; older ones come from the hub. All texts of a day's work
would be some hundred megabytes."""
LEAVE_S = 10.0
"""The longest that leaving waits: the hub client spools a save after eight seconds."""


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


@dataclass
class LabelSession:
    """The state behind a labelling screen."""

    link: Link
    kind: TaskKind
    prefetch: int
    on_change: Callable[[], None]
    """Called when counts, save state or the current item changed by themselves."""
    skipped: bool = False
    """Hands out what was skipped before, instead of new items."""
    current: Work | None = None
    waiting: deque[Work] = field(default_factory=deque)
    past: deque[Work] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    tally: Tally = field(default_factory=Tally)
    progress: ProgressAnswer | None = None
    mine_before: int = 0
    """The person's judgements from before this session."""
    remaining: int = 0
    """Open items behind those that are here."""
    saved: SaveState = ""
    problem: str = ""
    """Why there are no items or why a judgement was refused, as a sentence."""
    asked: bool = False
    """The hub has answered at least once: an empty queue is really empty."""
    drafts: DraftKeeper = field(init=False)
    clock: WorkClock = field(default_factory=lambda: WorkClock.start(time.monotonic()))
    _outbox: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    _unsent: dict[str, str] = field(default_factory=dict)
    _judged: set[str] = field(default_factory=set)
    """Tasks judged here and not taken back: never shown as new, whatever the hub hands out."""
    """Event id → task id of what the hub does not have yet: these must not be leased again."""
    _spooled: set[str] = field(default_factory=set)
    _filling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drafts = DraftKeeper(self.link)

    # --- items ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send and fetch; needs a running loop."""
        self._tasks = [
            asyncio.create_task(self._send_all()),
            asyncio.create_task(self.drafts.run()),
        ]
        self.fetch()

    def fetch(self) -> None:
        """Fetch items and counts in the background."""
        task = asyncio.create_task(self._fill())
        self._tasks = [other for other in self._tasks if not other.done()] + [task]

    async def _fill(self) -> None:
        async with self._filling:
            here = [work.task_id for work in (self.current, *self.waiting) if work]
            wanted = self.prefetch + 1 - len(here)
            if wanted <= 0:
                return
            held = [*here, *self._unsent.values()]
            skipped = self.skipped
            try:
                leased = await self.link.call(
                    Lease(kind=self.kind, limit=wanted, held=held, skipped=skipped), Leased
                )
                progress = await self.link.call(Progress(), ProgressAnswer)
            except RlhfError as error:
                self.problem = str(error)
                self.on_change()
                return
            if skipped != self.skipped:
                # Asked for before the person turned to the other queue.
                for item in leased.items:
                    self._post(self._event("release", item.task.task_id))
                self.fetch()
                return
            self._take(leased, progress)

    def _take(self, leased: Leased, progress: ProgressAnswer) -> None:
        before = (self.current, self.progress, self.remaining, self.problem, self.asked)
        here = {work.task_id for work in (self.current, *self.waiting) if work}
        here.update(self._unsent.values())
        # A hub that has just come back may offer what waits in the spool: it knows no better.
        here.update(self._judged)
        self.waiting.extend(
            self.drafts.restored(item) for item in leased.items if item.task.task_id not in here
        )
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
        return self.remaining + len(self.waiting) + (self.current is not None)

    # --- judgements ----------------------------------------------------------------------------

    def judge(self, **judgement: Any) -> None:
        """Submit the current item and go to the next one.

        Args:
            judgement: the Event's fields that say what was judged: tiers, thumbs, both_bad.
        """
        work = self._finish("judge", **judgement)
        self.tally.judged += 1
        self.tally.active_ms += work.active_ms

    def skip(self) -> None:
        self._finish("skip")

    def _finish(self, kind: EventKind, **judgement: Any) -> Work:
        work = self.current
        if work is None:
            raise RuntimeError("no item to judge")
        self._keep_time(work)
        work.event = self._event(
            kind,
            work.task_id,
            shown=work.shown,
            active_ms=work.active_ms,
            wall_ms=work.wall_ms,
            **judgement,
        )
        self.past.append(work)
        self._post(work.event)
        self.drafts.forget(work.task_id)
        self._advance()
        return work

    def _keep_time(self, work: Work) -> None:
        work.active_ms, work.wall_ms = self.clock.active_ms, self.clock.wall_ms

    def turn_to_skipped(self, skipped: bool) -> None:
        """Change between new and skipped items; what is here goes back to the hub."""
        if self.current is not None:
            self.draft()
        for work in (self.current, *self.waiting):
            if work is not None:
                self._post(self._event("release", work.task_id))
        self.waiting.clear()
        self.skipped, self.asked = skipped, False
        self._advance()

    def undo(self) -> bool:
        """Bring back the last item of this session with its picks; False if there is none."""
        if not self.past:
            return False
        self._bring_back(self.past.pop())
        return True

    def _bring_back(self, work: Work) -> None:
        if self.current is not None:
            self._keep_time(self.current)
            self.waiting.appendleft(self.current)
        event, work.event = work.event, None
        if event is not None:
            if event.kind in JUDGEMENT_KINDS:
                self.tally.judged -= 1
                self.tally.active_ms -= event.active_ms
            self._post(self._event("retract", work.task_id, supersedes=event.event_id))
        self.current = work
        self._restart_clock()
        self.draft()

    async def undo_earlier(self, keys_of: Callable[[list[int | None], bool], str]) -> bool:
        """The same for the newest judgement or skip of earlier sessions; False if there is none.

        Args:
            keys_of: the keys that make these tiers, in the order shown, and both-bad.
        """
        try:
            await self._outbox.join()  # what was just taken back must not be found again
            history = await self.link.call(History(limit=1, kind=self.kind), HistoryAnswer)
            if not history.entries:
                return False
            event = history.entries[0].event
            answer = await self.link.call(GetItem(task_id=event.task_id), ItemAnswer)
        except RlhfError as error:
            self.problem = str(error)
            return False
        work = Work(answer.item, "", event.active_ms, event.wall_ms, event=event)
        tier_of = dict(zip(event.shown, event.tiers, strict=False))
        work.keys = keys_of([tier_of.get(one) for one in work.shown], event.both_bad)
        self._bring_back(work)
        return True

    def _event(self, kind: EventKind, task_id: str, **fields: Any) -> Event:
        return Event(
            event_id=new_event_id(),
            kind=kind,
            task_id=task_id,
            client="tui",
            created_ms=time.time_ns() // 1_000_000,
            **fields,
        )

    def _post(self, event: Event) -> None:
        self._unsent[event.event_id] = event.task_id
        if event.kind in JUDGEMENT_KINDS:
            self._judged.add(event.task_id)
        elif event.kind == "retract":
            self._judged.discard(event.task_id)
        self.saved = "saving"
        self._outbox.put_nowait(event)

    async def _send_all(self) -> None:
        while True:
            event = await self._outbox.get()
            try:
                outcome = await self.link.submit(event)
            except RlhfError as error:
                self._unsent.pop(event.event_id, None)
                self._judged.discard(event.task_id)
                self.saved, self.problem = "refused", str(error)
            else:
                if outcome == "saved":
                    self._unsent.pop(event.event_id, None)
                else:
                    self._spooled.add(event.event_id)
                if self._outbox.empty() and self.saved != "refused":
                    self.saved = outcome
            self._outbox.task_done()
            if self.current is None and self._outbox.empty():
                # The counts that the empty screen tells come after what was just sent.
                self.fetch()
            self.on_change()

    def hub_changed(self, change: str) -> None:
        """The connection came back, went, or the spool has reached the store."""
        if change == "replayed":
            for event_id in self._spooled:
                self._unsent.pop(event_id, None)
            self._spooled.clear()
            if self.saved == "spooled":
                self.saved = "saved"
        if change != "away":
            self.drafts.wake()
            self.fetch()
        self.on_change()

    def draft(self) -> None:
        """Keep the current item's picks; off the path of the key."""
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
                await self._outbox.join()
                if self.link.connected:
                    await self.drafts.flush()
                    for work in (self.current, *self.waiting):
                        if work is not None:
                            await self.link.submit(self._event("release", work.task_id))
        except TimeoutError:
            self.problem = "The hub did not answer in time."
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
