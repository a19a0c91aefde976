"""The session behind a labelling screen, with a hub that answers when the test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from rlhf_tui.hub.messages import (
    Guidelines,
    Item,
    KindProgress,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    Request,
)
from rlhf_tui.records import Completion, Event, Prompt, Task, Written
from rlhf_tui.screens import label_trail
from rlhf_tui.screens.label_drafts import Work, work_of
from rlhf_tui.screens.label_marks import Marks
from rlhf_tui.screens.label_session import LabelSession
from rlhf_tui.screens.link import Link

NEW, SKIPPED = "new", "skipped"


def item(name: str) -> Item:
    ids = [f"{name}-1", f"{name}-2"]
    completions = [Completion(i, "p", f" {i}") for i in ids]
    return Item(Task(name, "rank", "p", ids), Prompt("p", "A prompt"), completions)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@asynccontextmanager
async def at_work(hub: Any, prefetch: int = 1, only: str = "") -> AsyncIterator[LabelSession]:
    session = LabelSession(cast(Link, hub), "rank", prefetch, lambda: None, only=only)
    session.start()
    try:
        yield session
    finally:
        await session.leave()


def shown(session: LabelSession) -> list[str]:
    return [work.task_id for work in (session.current, *session.waiting) if work is not None]


class SlowHub:
    """Answers leases of new items only once it may."""

    connected = True
    unsent: dict[str, str] = {}  # noqa: RUF012
    trouble = ""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.asked = asyncio.Event()
        self.events: list[Event] = []
        self.offered = [item(NEW)]

    async def call(self, request: Request, _answer: type[Any]) -> Any:
        if isinstance(request, Lease):
            self.asked.set()
            if request.skipped:
                return Leased([item(SKIPPED)], 0)
            offered = self.offered
            await self.may.wait()
            return Leased(offered, 0)
        assert isinstance(request, Progress)
        return ProgressAnswer(KindProgress(), KindProgress(), 1, 2, 1, 0)

    async def submit(self, event: Event) -> str:
        self.events.append(event)
        return "saved"


async def test_items_of_the_queue_that_was_left_go_back_to_the_hub() -> None:
    hub = SlowHub()
    async with at_work(hub) as session:
        await hub.asked.wait()
        session.turn_to_skipped(True)
        hub.may.set()
        await until(lambda: session.current is not None and bool(hub.events))
        assert shown(session) == [SKIPPED]
        assert [(event.kind, event.task_id) for event in hub.events] == [("release", NEW)]


async def test_leaving_gives_back_what_an_answer_on_its_way_still_brings() -> None:
    hub = SlowHub()
    async with at_work(hub) as session:
        await hub.asked.wait()
        leaving = asyncio.create_task(session.leave())
        for _ in range(100):
            await asyncio.sleep(0)
        hub.may.set()
        await leaving
        assert [(event.kind, event.task_id) for event in hub.events] == [("release", NEW)]
        hub.events.clear()


async def test_an_answer_from_before_a_judgement_does_not_bring_its_item_again() -> None:
    hub = SlowHub()
    hub.may.set()
    async with at_work(hub) as session:
        await until(lambda: shown(session) == [NEW])
        session.judge(tiers=[1, 2])
        await until(lambda: session.outbox.saved == "saved")
        hub.may.clear()
        hub.asked.clear()
        session.fetch()
        await hub.asked.wait()
        # While that question is on its way: taken back, and judged again. The hub worked out its
        # answer in between, when the item was open, and its answer comes last.
        assert session.undo() is not None
        session.judge(tiers=[2, 1])
        await until(lambda: [event.kind for event in hub.events] == ["judge", "retract", "judge"])
        await session.outbox.join()
        hub.may.set()
        await until(lambda: not session._filling.locked())
        assert shown(session) == []


async def test_a_second_loss_before_the_first_return_was_noticed_hands_nothing_out_twice(
    fake: Any,
) -> None:
    hub = fake.hub([fake.rank(number) for number in range(1, 6)])
    await hub.start()
    async with at_work(hub) as session:
        await until(lambda: len(shown(session)) == 2)
        seen = list(shown(session))
        hub.connected = False
        session.judge(tiers=[1, 2])
        await until(lambda: session.saved == "spooled")
        # Back, and the spool is sent; away again before the session is told so.
        hub.connected = True
        hub.replay()
        hub.connected = False
        session.judge(tiers=[1, 2])
        await session.outbox.join()
        session.hub_changed("replayed")
        # A new hub, that knows no leases, is asked before the rest of the spool has reached it.
        hub.leased.clear()
        hub.connected = True
        session.hub_changed("connected")
        await until(lambda: len(shown(session)) == 2)
        assert not set(seen) & set(shown(session))
        assert session.saved == "spooled"
        hub.replay()
        session.hub_changed("replayed")
        assert session.saved == "saved"
    assert [event.task_id for event in hub.judged()] == seen


async def test_drafts_hold_all_marks_and_texts_and_stay_due_while_the_hub_is_away(
    fake: Any,
) -> None:
    hub = fake.hub([fake.rank(1, 3)])
    await hub.start()
    marks = Marks("21e42", {"c1-1": {"helpful": 3}}, "Too long.", ("sad",))
    mine = Written("c-mine", " my own", "c1-2")
    async with at_work(hub) as session:
        await until(lambda: session.current is not None)
        hub.connected = False
        work = session.current
        assert work is not None
        work.marks, work.written = marks, [mine]
        session.draft()
        await session.drafts.flush()
        assert hub.drafts == {}
        hub.connected = True
        session.hub_changed("connected")
        await until(lambda: "t1" in hub.drafts)
    again = fake.rank(1, 3)
    again.draft = hub.drafts["t1"]
    # The hub puts what was written among the completions.
    again.completions = [*again.completions[::-1], Completion("c-mine", "p1", " my own")]
    restored = work_of(again)
    assert restored.written == [mine]
    assert restored.shown == ["c1-3", "c1-2", "c1-1", "c-mine"]
    # Panes 1, 2 and 3 of before are 3, 2 and 1 now; what was written stands behind them.
    assert restored.marks == Marks("23e42", marks.aspects, "Too long.", ("sad",))


async def test_a_draft_of_another_version_of_the_program_harms_nothing(fake: Any) -> None:
    strange = fake.rank(1, 3)
    strange.draft = {"keys": ["1"], "shown": 7, "written": "text", "active_ms": "long"}
    assert work_of(strange) == Work(strange)


async def test_undo_and_redo_go_through_an_earlier_session(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_trail, "PAGE", 2)
    hub = fake.hub([fake.rank(number, 2) for number in range(1, 9)])
    await hub.start()
    async with at_work(hub) as session:
        for number in range(1, 6):
            await until(lambda: session.current is not None)
            if number == 3:
                session.skip("too hard")
            else:
                session.judge(tiers=[1, 2], critique=f"{number}")
        await session.outbox.join()
        assert session.undo() is not None
    assert len(hub.judged()) == 6
    async with at_work(hub) as session:
        await until(lambda: session.current is not None)
        for number in (4, 3, 2, 1):
            event = session.undo() or await session.fetch_undo()
            assert event is not None
            assert session.current is not None
            assert (event.kind, session.current.task_id) == ("retract", f"t{number}")
            assert session.current.marks.critique == ("" if number == 3 else f"{number}")
        assert await session.fetch_undo() is None
    # All the way forward in a third session, the one undone in the first session included.
    async with at_work(hub) as session:
        kinds = []
        while (event := session.redo() or await session.fetch_redo()) is not None:
            kinds.append((event.kind, event.task_id, event.critique or event.reason))
    assert kinds == [
        ("judge", "t1", "1"),
        ("judge", "t2", "2"),
        ("skip", "t3", "too hard"),
        ("judge", "t4", "4"),
        ("judge", "t5", "5"),
    ]
    assert [event.kind for event in hub.current("rank").values()] == [k for k, _, _ in kinds]


async def test_a_revision_says_what_it_replaces_and_is_undone_by_another(fake: Any) -> None:
    hub = fake.hub([fake.rank(1, 2), fake.rank(2, 2)])
    hub.guidelines = Guidelines("v2", "Be kind.")
    await hub.start()
    first = Event("e1", "judge", "t1", shown=["c1-1", "c1-2"], tiers=[2, 1], critique="short")
    hub.store(first)
    async with at_work(hub, only="t1") as session:
        await until(lambda: session.current is not None)
        work = session.current
        assert work is not None
        assert (work.marks.keys, work.marks.critique) == ("21", "short")
        session.judge(tiers=[1, 2])
        assert session.over
    revision = hub.judged()[-1]
    assert (revision.kind, revision.supersedes, revision.guidelines) == ("revise", "e1", "v2")
    async with at_work(hub) as session:
        await until(lambda: session.current is not None)
        back = await session.fetch_undo()
        assert back is not None
        assert (back.kind, back.tiers, back.supersedes) == ("revise", [2, 1], revision.event_id)
        again = session.redo()
        assert again is not None
        assert (again.kind, again.tiers, again.supersedes) == ("revise", [1, 2], back.event_id)
        assert shown(session) == ["t2"]


async def test_undo_of_earlier_sessions_waits_for_the_hub(fake: Any) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    hub.store(Event("e1", "judge", "t1", shown=["c1-1", "c1-2"], tiers=[1, 2]))
    await hub.start()
    async with at_work(hub) as session:
        await until(lambda: session.current is not None)
        hub.connected = False
        with pytest.raises(Exception, match="The hub is away"):
            await session.fetch_undo()
        assert len(hub.judged()) == 1
        hub.connected = True
        assert await session.fetch_undo() is not None
