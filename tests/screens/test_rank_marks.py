"""Ranking, beyond the order: moves, unsure, thumbs, strength of preference, and fast mode."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rlhf_tui.app import RlhfApp
from tests.helpers.label_screens import badges, label_screen, line, ready, shown_task

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
SIZES = [(60, 20), (80, 24), (120, 30), (200, 60)]


@pytest.mark.parametrize("size", SIZES)
async def test_an_entry_moves_up_and_down_and_back(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("left_square_bracket")
        assert "Nothing is ranked yet" in line(app)
        await pilot.press("3", "1", "2", "left_square_bracket")
        assert "3 › 2 › 1 › 4" in line(app)
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert "2 › 3 › 1 › 4" in line(app)
        assert "2 is first already" in line(app)
        # Tab chooses another: all, the prompt, 1.
        await pilot.press("tab", "tab", "right_square_bracket")
        assert "2 › 3 › 4 › 1" in line(app)
        await pilot.press("u", "u")
        assert "3 › 2 › 1 › 4" in line(app)
        await pilot.press("enter")
        await until(pilot, lambda: bool(hub.judged()))
    assert hub.judged()[0].tiers == [3, 2, 1, 4]


async def test_unsure_is_a_judgement_without_an_order(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("2", "1", "x")
        assert badges(app) == ["1  unsure", "2  unsure", "3  unsure", "4  unsure"]
        assert "unsure" in line(app)
        await pilot.press("x")
        assert "2 › 1" in line(app)
        await pilot.press("x", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    event = hub.judged()[0]
    assert (event.unsure, event.both_bad, event.tiers) == (True, False, [None] * 4)


@pytest.mark.parametrize("size", SIZES)
async def test_thumbs_within_a_ranking(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("y", "n", "y")
        assert badges(app) == ["1  + good", "2  - bad", "3  + good", "4"]
        await pilot.press("enter")
        assert "Pick at least two" in line(app)
        # Tab chooses the second one.
        await pilot.press("tab", "tab", "tab", "y", "3", "1")
        assert badges(app) == ["1  2nd  + good", "2  + good", "3  1st  + good", "4"]
        await pilot.press("n", "u", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    event = hub.judged()[0]
    assert event.thumbs == [True, True, True, None]
    assert event.tiers == [2, None, 1, None]


async def test_a_thumb_for_all_says_how_to_change_one(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1, 2)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("y", "y", "y")
        assert "Tab chooses the one to change" in line(app)
        await pilot.press("tab", "tab", "y")
        assert badges(app) == ["1", "2  + good"]


async def test_strength_of_a_preference_is_told_in_words(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1, 2), fake.rank(2, 3)])
    app = make_app(hub)
    more, less = "greater_than_sign", "less_than_sign"
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press(more)
        assert "(slightly better)" in line(app)
        await pilot.press("2", more, more)
        assert "2 › (1)  clearly better" in line(app)
        await pilot.press(more, more)
        assert "much better" in line(app)
        assert "strongest already" in line(app)
        await pilot.press(less, "enter")
        await until(pilot, lambda: shown_task(app) == "t2")
        await pilot.press(more)
        assert "for pairs" in line(app)
        await until(pilot, lambda: bool(hub.judged()))
    event = hub.judged()[0]
    assert (event.strength, event.tiers) == (3, [2, 1])


@pytest.mark.parametrize("size", SIZES)
async def test_fast_mode_judges_pairs_with_one_key(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(number, 2) for number in range(1, 8)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("F")
        assert "Fast mode is on" in line(app)
        await pilot.press("y", "u")
        assert "fast: 1 2 = b x judge and go on" in line(app)
        await pilot.press("2", "1", "equals_sign", "b", "x", "greater_than_sign", "1")
        assert shown_task(app) == "t7"
        assert "The last one: 1 is better" in line(app)
        await until(pilot, lambda: len(hub.judged()) == 6)
    events = hub.judged()
    assert [event.tiers for event in events] == [
        [2, 1],
        [1, 2],
        [1, 1],
        [None, None],
        [None, None],
        [1, 2],
    ]
    assert [event.both_bad for event in events] == [False, False, False, True, False, False]
    assert [event.unsure for event in events] == [False, False, False, False, True, False]
    assert [event.strength for event in events] == [None] * 5 + [1]


async def test_in_fast_mode_one_key_corrects_what_undo_brought_back(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(number, 2) for number in range(1, 4)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("F", "1", "1", "u")
        assert shown_task(app) == "t2"
        await pilot.press("u")
        assert shown_task(app) == "t1"
        await pilot.press("2")
        await until(pilot, lambda: len(hub.judged()) == 5)
        assert shown_task(app) == "t2"
    kinds = [(event.kind, event.task_id, event.tiers) for event in hub.judged()]
    assert kinds == [
        ("judge", "t1", [1, 2]),
        ("judge", "t2", [1, 2]),
        ("retract", "t2", []),
        ("retract", "t1", []),
        ("judge", "t1", [2, 1]),
    ]


async def test_fast_mode_waits_where_there_is_no_pair(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1, 3), fake.rank(2, 2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("F")
        assert "next pair" in line(app)
        await pilot.press("3", "1")
        assert shown_task(app) == "t1"
        assert "3 › 1 › (2)" in line(app)
        await pilot.press("enter")
        await until(pilot, lambda: shown_task(app) == "t2")
        await pilot.press("F", "1")
        assert shown_task(app) == "t2"
        assert not label_screen(app).program.personal.choices.fast
