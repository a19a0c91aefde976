"""Settling what people disagree on: votes in sight, one more event, undo and redo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.pictures import same_as_kept

from rlhf_tui.app import RlhfApp
from rlhf_tui.hub.messages import Answer, Dispute, Disputed, DisputedAnswer, Done, MarkGold, Request
from rlhf_tui.records import Event, Written
from rlhf_tui.screens.review import ReviewRankScreen, ReviewThumbsScreen
from rlhf_tui.screens.review_votes import VotesPanel

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]


def vote(name: str, task_id: str, shown: list[str], **said: Any) -> Event:
    return Event(f"{name}-{task_id}", "judge", task_id, name, shown=shown, **said)


@pytest.fixture
def hub(fake: Any) -> Any:
    """Two rankings and a thumb that ann and bob judged differently."""

    class Hub(fake.hub):  # type: ignore[name-defined,misc]
        gold: list[MarkGold] = []  # noqa: RUF012

        def settled(self) -> dict[str, Event]:
            latest: dict[str, Event] = {}
            for event in self.events:
                if event.kind == "adjudicate":
                    latest[event.task_id] = event
                elif event.kind == "reopen":
                    latest.pop(event.task_id, None)
            return latest

        def answer(self, request: Request) -> Answer:
            if isinstance(request, MarkGold):
                self.gold.append(request)
                return Done()
            if not isinstance(request, Disputed):
                return super().answer(request)
            settled = self.settled()
            found = [
                Dispute(item, self.votes[task_id], 0.25, settled.get(task_id))
                for task_id, item in self.items.items()
                if item.task.kind == request.kind and (task_id in settled) == request.settled
            ]
            if request.settled:
                found.sort(key=lambda one: -self.events.index(one.settled))
            return DisputedAnswer(disputes=found[: request.limit], total=len(found))

    made = Hub([fake.rank(1, 3), fake.rank(2, 2), fake.thumbs(3)])
    made.gold = []
    for number, size in ((1, 3), (2, 2)):
        ids = [f"c{number}-{pane}" for pane in range(1, size + 1)]
        tiers = list(range(1, size + 1))
        made.votes[f"t{number}"] = [
            vote("ann", f"t{number}", ids, tiers=tiers, critique="Too [b]long[/b].\x1b[2J"),
            vote("bob", f"t{number}", ids[::-1], tiers=tiers, aspects={ids[0]: {"helpful": 2}}),
        ]
    made.votes["u3"] = [
        vote("ann", "u3", ["c3"], thumbs=[True]),
        vote("bob", "u3", ["c3"], thumbs=[False], tags=["short"]),
    ]
    return made


def line(app: RlhfApp) -> str:
    return str(app.screen.line.content)  # type: ignore[attr-defined]


def votes(app: RlhfApp) -> str:
    return str(app.screen.votes.content)  # type: ignore[attr-defined]


def ready(app: RlhfApp) -> bool:
    screen = app.screen
    return (
        isinstance(screen, ReviewRankScreen | ReviewThumbsScreen)
        and screen.session.asked
        and screen.session.outbox.empty
    )


async def test_the_votes_are_in_sight_in_the_reviewers_own_numbers(
    make_app: MakeApp, until: Until, hub: Any
) -> None:
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        assert "25% agree" in votes(app)
        assert "ann: 1 › 2 › 3" in votes(app)
        assert "bob: 3 › 2 › 1" in votes(app)
        assert "2 open" in str(app.screen.status.counts.content)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, VotesPanel))
        told = str(app.screen.text)
        assert "critique  Too [b]long[/b]." in told
        assert "\x1b" not in told
        assert "1: helpful 2" in told
        await pilot.press("v")
        await until(pilot, lambda: ready(app))


async def test_settling_is_one_more_event_and_brings_the_next(
    make_app: MakeApp, until: Until, hub: Any
) -> None:
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        await pilot.press("2", "1", "enter")
        await until(pilot, lambda: ready(app) and len(hub.judged()) == 1)
        (event,) = hub.judged()
        assert (event.kind, event.task_id) == ("adjudicate", "t1")
        assert event.shown == ["c1-1", "c1-2", "c1-3"]
        assert event.tiers == [2, 1, 3]
        assert app.screen.session.current.task_id == "t2"
        assert "1 settled" in str(app.screen.status.counts.content)
        await pilot.press("b", "enter")
        await until(pilot, lambda: len(hub.judged()) == 2)
        assert hub.judged()[1].both_bad
        await until(pilot, lambda: ready(app) and app.screen.session.current is None)
        assert "nothing to settle" in str(app.screen.empty.content)
        assert [event.kind for event in hub.events] == ["adjudicate", "adjudicate"]


async def test_undo_opens_again_and_redo_settles_again(
    make_app: MakeApp, until: Until, hub: Any
) -> None:
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        await pilot.press("2", "1", "enter")
        await until(pilot, lambda: len(hub.judged()) == 1)
        await pilot.press("u")
        await until(pilot, lambda: ready(app) and len(hub.events) == 2)
        assert (hub.events[1].kind, hub.events[1].supersedes) == ("reopen", hub.events[0].event_id)
        assert app.screen.session.current.task_id == "t1"
        assert app.screen.state.tiers == [2, 1, 3]
        await pilot.press("U")
        await until(pilot, lambda: ready(app) and len(hub.events) == 3)
        again = hub.events[2]
        assert (again.kind, again.tiers) == ("adjudicate", [2, 1, 3])
        assert again.event_id != hub.events[0].event_id
        assert app.screen.session.current.task_id == "t2"


async def test_undo_reaches_what_was_settled_before_the_screen_was_opened(
    make_app: MakeApp, until: Until, hub: Any
) -> None:
    hub.store(
        Event("old", "adjudicate", "t2", "eve", shown=["c2-2", "c2-1"], tiers=[1, 2], strength=3)
    )
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        assert app.screen.session.open == 1
        await pilot.press("u")
        await until(pilot, lambda: ready(app) and len(hub.events) == 2)
        assert (hub.events[1].kind, hub.events[1].supersedes) == ("reopen", "old")
        assert app.screen.session.current.task_id == "t2"
        assert app.screen.state.tiers == [2, 1]
        assert app.screen.state.strength == 3
        await pilot.press(*"uuuuuu")
        await until(pilot, lambda: "Nothing to undo" in line(app))


async def test_later_puts_an_item_behind_the_others(
    make_app: MakeApp, until: Until, hub: Any
) -> None:
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        await pilot.press("s")
        await until(pilot, lambda: app.screen.session.current.task_id == "t2")
        await pilot.press("1", "enter")
        await until(pilot, lambda: len(hub.judged()) == 1)
        assert app.screen.session.current.task_id == "t1"
        await pilot.press("s")
        await until(pilot, lambda: "no other item" in line(app))
        assert [event.kind for event in hub.events] == ["adjudicate"]


async def test_the_other_kind_and_thumbs(make_app: MakeApp, until: Until, hub: Any) -> None:
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, ReviewThumbsScreen) and ready(app))
        await until(pilot, lambda: app.screen.session.current is not None)
        assert "ann: good" in votes(app)
        assert "bob: bad" in votes(app)
        await pilot.press("n")
        await until(pilot, lambda: len(hub.judged()) == 1)
        event = hub.judged()[0]
        assert (event.kind, event.task_id, event.thumbs) == ("adjudicate", "u3", [False])


async def test_a_known_answer_is_what_is_marked(make_app: MakeApp, until: Until, hub: Any) -> None:
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        await pilot.press("A")
        await until(pilot, lambda: "mark it first" in line(app))
        assert hub.gold == []
        await pilot.press("3", "1", "A")
        await until(pilot, lambda: bool(hub.gold))
        assert hub.gold[0] == MarkGold(task_id="t1", tiers={"c1-3": 1, "c1-1": 2, "c1-2": 3})
        assert hub.judged() == []


async def test_who_is_no_reviewer_reads_why(make_app: MakeApp, until: Until, hub: Any) -> None:
    from rlhf_tui.errors import Denied

    def refuse(_: Request) -> Answer:
        raise Denied("Disputed is for reviewers.", hint="The owner names reviewers in rlhf.toml.")

    hub.answer = refuse
    app = make_app(hub, "review:rank")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: bool(app.screen.session.problem))
        assert "for reviewers" in str(app.screen.empty.content)


def test_what_people_wrote_is_told_with_its_parent() -> None:
    from rlhf_tui.screens.review_votes import told
    from rlhf_tui.screens.theme import UNICODE

    event = msgspec.structs.replace(
        vote("ann", "t1", ["c1", "c2"], tiers=[1, 2]),
        written=[Written("w1", "Better [red]text[/]", parent="c2"), Written("w2", "Mine")],
    )
    text = str(told(event, ["c1", "c2"], UNICODE))
    assert "edit of 2" in text
    assert "Better [red]text[/]" in text
    assert "own answer" in text


# name: (size, keys, theme, ascii)
PICTURES_OF: dict[str, tuple[tuple[int, int], str, str, bool]] = {
    "review-120x30": ((120, 30), "2 1", "rlhf-dark", False),
    "review-80x24-light": ((80, 24), "", "rlhf-light", False),
    "review-votes-80x24": ((80, 24), "v", "rlhf-dark", False),
    "review-60x20-ascii": ((60, 20), "b", "rlhf-mono", True),
}


@pytest.mark.parametrize("name", PICTURES_OF)
async def test_the_review_looks_as_before(
    name: str, make_app: MakeApp, until: Until, hub: Any
) -> None:
    size, pressed, theme, ascii = PICTURES_OF[name]
    app = make_app(hub, "review:rank", theme=theme, ascii=ascii)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app) and app.screen.session.current)
        await pilot.press(*pressed.split())
        await pilot.pause()
        await same_as_kept(app, pilot, Path(__file__).with_name("pictures") / f"{name}.svg")
