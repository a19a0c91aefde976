"""Ranking by keyboard: what is pressed, what is seen, and what reaches the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rlhf_tui.app import RlhfApp
from rlhf_tui.records import Completion, Event, Message
from rlhf_tui.screens.rank import RankScreen

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
SIZES = [(40, 10), (80, 24), (120, 30), (200, 60)]


def screen_of(app: RlhfApp) -> RankScreen:
    assert isinstance(app.screen, RankScreen)
    return app.screen


def ready(app: RlhfApp) -> bool:
    return isinstance(app.screen, RankScreen) and app.screen.drawn is not None


def line(app: RlhfApp) -> str:
    return str(screen_of(app).line.content)


def badges(app: RlhfApp) -> list[str]:
    return [str(pane.head.badge.content).strip() for pane in screen_of(app).panes.shown]


def saved(app: RlhfApp) -> str:
    return str(screen_of(app).status.saved.content)


def shown_task(app: RlhfApp) -> str:
    work = screen_of(app).drawn
    return work.task_id if work else ""


def only(events: list[Event]) -> Event:
    assert len(events) == 1, events
    return events[0]


@pytest.mark.parametrize("size", SIZES)
async def test_rank_and_submit(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("3", "1", "equals_sign", "2")
        assert badges(app) == ["1  2nd tied", "2  2nd tied", "3  1st", "4  last"]
        assert "3 › 1 = 2 › (4)" in line(app)
        await pilot.press("enter")
        await until(pilot, lambda: "saved" in saved(app))
        assert shown_task(app) == "t2"
        assert badges(app) == ["1", "2", "3", "4"]
    event = hub.judged()[0]
    assert (event.kind, event.task_id, event.tiers) == ("judge", "t1", [2, 2, 1, 3])
    assert event.shown == ["c1-1", "c1-2", "c1-3", "c1-4"]
    assert not event.both_bad
    assert 0 <= event.active_ms <= event.wall_ms
    assert event.created_ms > 0


async def test_an_empty_queue_is_asked_again_by_the_clock_alone(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("1", "2", "enter")
        await until(pilot, lambda: screen_of(app).session.current is None)
        for _turn in range(20):
            screen_of(app).look_again()
            await pilot.pause()
        # One question each time that the clock asks, and the few around the last submission: an
        # empty answer never asks the next question itself.
        assert hub.leases_asked <= 20 + 6


async def test_what_is_missing_is_said(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("enter")
        assert "Pick at least two" in line(app)
        await pilot.press("2", "enter")
        assert "Pick one more" in line(app)
        await pilot.press("2")
        assert "ranked already" in line(app)
        await pilot.press("8")
        assert "There is no completion 8" in line(app)
        assert hub.judged() == []


async def test_all_bad_needs_no_picks(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("b")
        assert "all bad" in line(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(hub.judged()))
    event = only(hub.judged())
    assert event.both_bad
    assert event.tiers == [None] * 4


async def test_undo_goes_from_picks_to_the_last_judgement(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("2", "1", "enter", "4", "u")
        assert (shown_task(app), badges(app)) == ("t2", ["1", "2", "3", "4"])
        await pilot.press("u")
        assert shown_task(app) == "t1"
        assert badges(app) == ["1  2nd", "2  1st", "3", "4"]
        await pilot.press("u", "3", "enter")
        assert shown_task(app) == "t2"
        await until(pilot, lambda: len(hub.judged()) == 3)
    first, back, again = hub.judged()
    assert (back.kind, back.supersedes, back.task_id) == ("retract", first.event_id, "t1")
    assert (again.kind, again.tiers) == ("judge", [None, 1, 2, None])


async def test_undo_reaches_a_judgement_of_an_earlier_session(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    # Shown in another order then than now.
    shown = ["c1-2", "c1-1", "c1-3", "c1-4"]
    hub.store(Event("e1", "judge", "t1", tiers=[1, 2, None, 2], shown=shown))
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        assert shown_task(app) == "t2"
        await pilot.press("u")
        await until(pilot, lambda: shown_task(app) == "t1")
        assert badges(app) == ["1  2nd tied", "2  1st", "3  last", "4  2nd tied"]
        await until(pilot, lambda: len(hub.judged()) == 2)
        await pilot.press("u", "u", "u", "u", "u", "u")
        assert shown_task(app) == "t1"
    assert hub.judged()[1].supersedes == "e1"


async def test_skip_and_the_way_back_to_skipped_items(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("s", "1", "2", "enter")
        await until(pilot, lambda: app.screen.has_class("-empty"))
        await until(pilot, lambda: "take up the 1 you skipped" in str(screen_of(app).empty.content))
        await pilot.press("S")
        await until(pilot, lambda: shown_task(app) == "t1")
        await pilot.press("2", "1", "enter")
        await until(pilot, lambda: len(hub.judged()) == 3)
    assert [event.kind for event in hub.judged()] == ["skip", "judge", "judge"]


@pytest.mark.parametrize("to", SIZES)
async def test_resizing_keeps_the_picks(
    make_app: MakeApp, until: Until, fake: Any, to: tuple[int, int]
) -> None:
    app = make_app(fake.hub([fake.rank(1)]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("4", "2")
        await pilot.resize_terminal(*to)
        await pilot.pause()
        assert badges(app) == ["1", "2  2nd", "3", "4  1st"]
        assert "4 › 2" in line(app)


async def test_a_terminal_too_small_says_so_and_keeps_the_picks(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("4")
        await pilot.resize_terminal(30, 8)
        await until(pilot, lambda: type(app.screen).__name__ == "TooSmall")
        await pilot.press("1")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: ready(app))
        assert badges(app) == ["1", "2", "3", "4  1st"]


async def test_saved_is_said_only_when_the_hub_has_said_so(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        hub.hold = asyncio.Event()
        await pilot.press("1", "2", "enter")
        await pilot.pause()
        assert shown_task(app) == "t2"
        assert "saving" in saved(app)
        hub.hold.set()
        await until(pilot, lambda: "● saved" in saved(app))


async def test_a_hub_that_goes_away_and_comes_back(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        hub.go_away()
        await until(pilot, lambda: "hub away" in saved(app))
        await pilot.press("1", "2", "enter", "3")
        await until(pilot, lambda: "saved locally" in saved(app))
        hub.come_back()
        await until(pilot, lambda: "● saved" in saved(app))
        assert badges(app)[2] == "3  1st"
        await until(pilot, lambda: "t2" in hub.drafts)
    assert only(hub.judged()).task_id == "t1"


async def test_a_full_disk_is_named_with_what_to_do(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2), fake.rank(3)])
    app = make_app(hub)

    def toasts() -> list[str]:
        return [one.message for one in app._notifications]

    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        hub.trouble = "There is no room left on the disk of /films. Free some space."
        hub.go_away()
        await until(pilot, lambda: "disk full" in saved(app))
        assert any("free some space on the disk of" in one for one in toasts())
        await pilot.press("1", "2", "enter")
        await until(pilot, lambda: "saved locally" in saved(app))
        assert "disk of the workspace is full: judgements are kept on this machine" in line(app)
        # The first key shows the judgement again; what was said stays said once.
        await pilot.press("1")
        assert "disk" not in line(app)
        assert len(toasts()) == 1
        hub.trouble = ""
        hub.come_back()
        await until(pilot, lambda: "● saved" in saved(app))
        await pilot.press("2", "enter")
        await until(pilot, lambda: shown_task(app) == "t3")
        assert "disk" not in line(app)


async def test_a_refused_judgement_is_not_called_saved(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        hub.refuse = "The disk is full."
        await pilot.press("1", "2", "enter")
        await until(pilot, lambda: "not saved" in saved(app))
        hub.refuse = ""
        await pilot.press("u")
        assert shown_task(app) == "t1"
        assert badges(app)[:2] == ["1  1st", "2  2nd"]


async def test_a_draft_follows_the_picks_and_comes_back(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("3", "equals_sign", "1", "q")
    assert hub.drafts["t1"]["keys"] == "3=1"
    assert [event.kind for event in hub.events] == ["release"]

    item = fake.rank(1)
    item.draft = hub.drafts["t1"]
    item.completions = item.completions[::-1]
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        # Pane 3 and 1 of before are pane 2 and 4 in the new order.
        assert badges(app) == ["1", "2  1st tied", "3", "4  1st tied"]


async def test_a_submitted_item_leaves_no_draft(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([fake.rank(1), fake.rank(2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("3")
        await until(pilot, lambda: "t1" in hub.drafts)
        await pilot.press("1", "enter")
        await until(pilot, lambda: hub.drafts["t1"] == {})


async def test_no_item_is_shown_twice_while_acknowledgements_are_late(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(number) for number in range(1, 9)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        hub.hold = asyncio.Event()
        hub.leased.clear()  # as after a restart: nothing but `held` keeps items apart
        seen = []
        for _ in range(6):
            seen.append(shown_task(app))
            await pilot.press("1", "2", "enter")
            await until(pilot, lambda: ready(app))
        hub.hold.set()
        await until(pilot, lambda: len(hub.judged()) == 6)
    assert len(set(seen)) == 6


async def test_an_empty_queue_fills_by_itself(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Nothing can be ranked" in str(screen_of(app).empty.content))
        item = fake.rank(1)
        hub.items[item.task.task_id] = item
        screen_of(app).look_again()
        await until(pilot, lambda: shown_task(app) == "t1")
        assert not app.screen.has_class("-empty")


async def test_items_of_other_sizes_follow_each_other(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1, 2), fake.rank(2, 9), fake.rank(3, 5)])
    app = make_app(hub)
    async with app.run_test(size=(200, 60)) as pilot:
        for size in (2, 9, 5):
            await until(pilot, lambda size=size: len(badges(app)) == size)
            await pilot.pause()
            visible = [pane.number for pane in screen_of(app).panes.panes if pane.display]
            assert visible == list(range(1, size + 1))
            await pilot.press(*[str(pane) for pane in range(1, size + 1)], "enter")
        await until(pilot, lambda: len(hub.judged()) == 3)
    assert [event.tiers for event in hub.judged()] == [
        [1, 2],
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 5],
    ]


async def test_long_texts_scroll_and_one_can_have_the_whole_screen(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    item = fake.rank(1, 2)
    item.completions = [
        Completion(one.completion_id, one.prompt_id, "word " * 2000) for one in item.completions
    ]
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        bodies = [pane.body for pane in screen_of(app).panes.shown]
        await pilot.press("j", "j")
        await until(pilot, lambda: [body.scroll_y for body in bodies] == [2, 2])
        await pilot.press("tab", "tab", "tab", "k")
        await until(pilot, lambda: [body.scroll_y for body in bodies] == [2, 1])
        await pilot.press("f")
        await until(pilot, lambda: bodies[1].size.width > 100)
        assert not screen_of(app).panes.panes[0].display
        await pilot.press("1", "f")
        await until(pilot, lambda: bodies[1].size.width < 70)
        assert badges(app) == ["1  1st", "2  last"]


async def test_a_conversation_shows_its_roles(make_app: MakeApp, until: Until, fake: Any) -> None:
    turns = [Message("user", "Hello?"), Message("assistant", "Yes."), Message("user", "Why?")]
    app = make_app(fake.hub([fake.rank(1, 2, turns)]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        for word in ("User", "Hello?", "Assistant", "Yes.", "Why?"):
            await until(pilot, lambda word=word: word in app.export_screenshot())


async def test_hostile_completions_neither_act_nor_crash(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    item = fake.rank(1, 3)
    texts = ["[@click=app.exit]x[/]", "[/b] \x1b]52;c;aGk=\x07", "**a** &#8238;[b"]
    item.completions = [
        Completion(one.completion_id, one.prompt_id, text)
        for one, text in zip(item.completions, texts, strict=True)
    ]
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.click(screen_of(app).panes.panes[0].text, offset=(3, 0))
        await until(pilot, lambda: "removed" in app.export_screenshot())
        text = app.export_screenshot()
        assert ready(app)
    assert "\x1b" not in text
    assert "\u202e" not in text
