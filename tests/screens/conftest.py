"""A hub in memory with the interface of AsyncHub, and screens that talk to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import pytest
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import DisplaySettings, LabelSettings, Settings
from rlhf_tui.errors import HubError
from rlhf_tui.hub.messages import (
    Answer,
    Done,
    GetGuidelines,
    GetItem,
    Guidelines,
    History,
    HistoryAnswer,
    HistoryEntry,
    Item,
    ItemAnswer,
    KindProgress,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    Request,
    SaveDraft,
    Trail,
    TrailAnswer,
    Votes,
    VotesAnswer,
    Welcome,
)
from rlhf_tui.records import (
    JUDGEMENT_KINDS,
    Completion,
    Event,
    Prompt,
    Task,
    TaskKind,
    Text,
    plain,
)
from rlhf_tui.workspace import Workspace, init_workspace

A = TypeVar("A", bound=Answer)

REVIEWS = (
    " quite the surprise: the cast is warm, the story moves, and the ending earns its tears.",
    " dull. Two hours of people explaining the plot to each other in the rain.",
    " fine, I suppose. The music is lovely; the rest I had forgotten by the time I was home.",
    " a mess, but a brave one, and I would rather watch it again than most of what won prizes.",
    " long.",
)


def rank_item(number: int, size: int = 4, prompt: Text | None = None) -> Item:
    """A ranking of `size` completions, told apart by the item's number."""
    ids = [f"c{number}-{pane}" for pane in range(1, size + 1)]
    head = prompt if prompt is not None else f"Review {number}: I saw the film on a whim. It was"
    return Item(
        task=Task(f"t{number}", "rank", f"p{number}", ids),
        prompt=Prompt(f"p{number}", head),
        completions=[
            Completion(completion_id, f"p{number}", REVIEWS[index % len(REVIEWS)])
            for index, completion_id in enumerate(ids)
        ],
    )


def thumbs_item(number: int, completion: Text = REVIEWS[0]) -> Item:
    return Item(
        task=Task(f"u{number}", "thumbs", f"p{number}", [f"c{number}"]),
        prompt=Prompt(f"p{number}", f"Review {number}: I saw the film on a whim. It was"),
        completions=[Completion(f"c{number}", f"p{number}", completion)],
    )


class FakeHub:
    """Leases, judgements, skips, drafts, history and a spool, as the hub's contract has them."""

    def __init__(self, items: list[Item]) -> None:
        self.items = {item.task.task_id: item for item in items}
        self.events: list[Event] = []
        self.drafts: dict[str, dict[str, Any]] = {}
        self.spool: list[Event] = []
        self.leased: set[str] = set()
        self.connected = False
        self.on_change: Callable[[str], None] | None = None
        self.trouble = ""
        self.closed = False
        self.welcome: Welcome | None = None
        self.refuse = ""
        """A sentence with which every judgement is refused."""
        self.votes: dict[str, list[Event]] = {}
        """Judgements of other people, by task."""
        self.flags: dict[str, str] = {}
        """Reason of a flag, by task."""
        self.guidelines = Guidelines("", "")
        self.leases_asked = 0
        self.hold: asyncio.Event | None = None
        """Acknowledgements wait for it."""

    @property
    def unsent(self) -> dict[str, str]:
        return {event.event_id: event.task_id for event in self.spool}

    async def start(self) -> None:
        self.connected = True
        self.welcome = Welcome("1", "/films", "ann", "owner", 1)

    async def close(self) -> None:
        self.closed = True

    def go_away(self) -> None:
        self.connected = False
        if self.on_change:
            self.on_change("away")

    def come_back(self) -> None:
        self.connected = True
        if self.on_change:
            self.on_change("connected")
        if self.spool:
            self.replay()
            if self.on_change:
                self.on_change("replayed")

    def replay(self) -> None:
        """Take what lies in the spool, without telling so."""
        for event in self.spool:
            self.store(event)
        self.spool.clear()

    def store(self, event: Event) -> None:
        stored = msgspec.structs.replace(event, seq=len(self.events) + 1)
        self.events.append(stored)
        self.leased.discard(event.task_id)
        if event.kind == "flag":
            self.flags[event.task_id] = event.reason

    async def submit(self, event: Event) -> Literal["saved", "spooled"]:
        if self.hold is not None:
            await self.hold.wait()
        if self.refuse:
            raise HubError(self.refuse)
        if not self.connected:
            self.spool.append(event)
            return "spooled"
        self.store(event)
        return "saved"

    def current(self, kind: str) -> dict[str, Event]:
        """The current judgement or skip of each task of a kind."""
        latest: dict[str, Event] = {}
        for event in self.events:
            known = self.items.get(event.task_id)
            if known is None or known.task.kind != kind:
                continue
            if event.kind == "retract":
                latest.pop(event.task_id, None)
            elif event.kind in JUDGEMENT_KINDS or event.kind == "skip":
                latest[event.task_id] = event
        return latest

    async def call(self, request: Request, answer: type[A]) -> A:
        if not self.connected:
            raise HubError("The hub is away.")
        found = self.answer(request)
        assert isinstance(found, answer)
        return found

    def answer(self, request: Request) -> Answer:
        if isinstance(request, Lease):
            self.leases_asked += 1
            return self.lease(request)
        if isinstance(request, Progress):
            return ProgressAnswer(
                rank=self.count("rank"),
                thumbs=self.count("thumbs"),
                prompts=len(self.items),
                completions=sum(len(item.completions) for item in self.items.values()),
                annotators=1,
                runs_active=0,
            )
        if isinstance(request, SaveDraft):
            self.drafts[request.task_id] = request.body
            return Done()
        if isinstance(request, History):
            return HistoryAnswer(entries=self.history(request))
        if isinstance(request, Trail):
            kinds = {*JUDGEMENT_KINDS, "retract", "skip"}
            own = [
                event
                for event in reversed(self.events)
                if event.kind in kinds
                and self.items[event.task_id].task.kind == request.kind
                and (not request.before_seq or event.seq < request.before_seq)
            ]
            return TrailAnswer(events=own[: request.limit])
        if isinstance(request, GetItem):
            item = self.items[request.task_id]
            event = self.current(item.task.kind).get(request.task_id)
            judged = event if event is not None and event.kind in JUDGEMENT_KINDS else None
            draft = self.drafts.get(request.task_id) or None
            return ItemAnswer(item=msgspec.structs.replace(item, event=judged, draft=draft))
        if isinstance(request, Votes):
            return VotesAnswer(events=self.votes.get(request.task_id, []))
        if isinstance(request, GetGuidelines):
            return self.guidelines
        raise AssertionError(f"the screens never ask for {request}")

    def lease(self, request: Lease) -> Leased:
        done = self.current(request.kind)
        free = [
            item
            for task_id, item in self.items.items()
            if item.task.kind == request.kind
            and task_id not in request.held
            and task_id not in self.leased
            and (done[task_id].kind == "skip" if task_id in done else not request.skipped)
            and (request.skipped or task_id not in done)
        ]
        given = free[: request.limit]
        self.leased.update(item.task.task_id for item in given)
        return Leased(
            items=given,
            remaining=len(free) - len(given),
            guidelines=self.guidelines.version,
        )

    def history(self, request: History) -> list[HistoryEntry]:
        kinds: list[TaskKind] = [request.kind] if request.kind else ["rank", "thumbs"]
        found = [event for kind in kinds for event in self.current(kind).values()]
        entries = []
        for event in sorted(found, key=lambda event: -event.seq):
            item = self.items[event.task_id]
            prompt, flagged = plain(item.prompt.prompt), self.flags.get(event.task_id, "")
            state = "skipped" if event.kind == "skip" else "judged"
            if request.before_seq and event.seq >= request.before_seq:
                continue
            if request.search.lower() not in f"{prompt} {event.critique}".lower():
                continue
            if request.states and not {state, "flagged" if flagged else ""} & {*request.states}:
                continue
            revisions = sum(
                one.task_id == event.task_id and one.kind == "revise" for one in self.events
            )
            entries.append(HistoryEntry(event, item.task.kind, prompt, flagged, revisions))
        return entries[: request.limit]

    def count(self, kind: str) -> KindProgress:
        tasks = [item for item in self.items.values() if item.task.kind == kind]
        done = list(self.current(kind).values())
        judged = sum(event.kind in JUDGEMENT_KINDS for event in done)
        return KindProgress(
            tasks=len(tasks),
            judgements_wanted=len(tasks),
            judgements=judged,
            mine=judged,
            skipped=len(done) - judged,
            open_for_me=len(tasks) - len(done),
        )

    def judged(self) -> list[Event]:
        """Events that judge, without leases and releases."""
        return [event for event in self.events if event.kind not in ("release", "lease")]


Run = Callable[[Pilot[int]], Awaitable[None]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return init_workspace(tmp_path / "films")


@pytest.fixture
def make_app(workspace: Workspace) -> Callable[..., RlhfApp]:
    def make(
        hub: FakeHub,
        start: str = "label:rank",
        *,
        theme: str = "rlhf-dark",
        ascii: bool = False,
        label: LabelSettings = LabelSettings(),  # noqa: B008
        **more: Any,
    ) -> RlhfApp:
        display = DisplaySettings(theme=theme, ascii="yes" if ascii else "no")
        settings = Settings(display=display, label=label)
        return RlhfApp(workspace, start, lambda _: hub, settings, **more)

    return make


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Let the app run until something is true, at most half a minute."""

    async def wait(pilot: Pilot[int], condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            await pilot.pause(0.01)

    return wait


@pytest.fixture
def fake() -> Any:
    """The makers of items and hubs: `fake.hub(…)`, `fake.rank(…)`, `fake.thumbs(…)`."""

    class Makers:
        hub = staticmethod(FakeHub)
        rank = staticmethod(rank_item)
        thumbs = staticmethod(thumbs_item)

    return Makers


@pytest.fixture
def utc() -> Iterator[None]:
    """The clock of pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
