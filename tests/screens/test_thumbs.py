"""Thumbs: one key judges and moves on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rlhf_tui.app import RlhfApp
from rlhf_tui.screens.thumbs import ThumbsScreen

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]


def shown_task(app: RlhfApp) -> str:
    assert isinstance(app.screen, ThumbsScreen)
    work = app.screen.drawn
    return work.task_id if work else ""


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 30)])
async def test_one_key_judges_and_moves_on(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.thumbs(number) for number in range(1, 6)])
    app = make_app(hub, "label:thumbs")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: shown_task(app) == "u1")
        await pilot.press("y", "n", "plus", "minus")
        assert shown_task(app) == "u5"
        await until(pilot, lambda: len(hub.judged()) == 4)
    assert [event.thumbs for event in hub.judged()] == [[True], [False], [True], [False]]
    assert [event.shown for event in hub.judged()] == [["c1"], ["c2"], ["c3"], ["c4"]]


async def test_undo_and_skip(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([fake.thumbs(number) for number in range(1, 4)])
    app = make_app(hub, "label:thumbs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown_task(app) == "u1")
        await pilot.press("y", "u")
        assert shown_task(app) == "u1"
        await pilot.press("n", "s")
        assert shown_task(app) == "u3"
        await until(pilot, lambda: len(hub.judged()) == 4)
    kinds = [(event.kind, event.task_id, event.thumbs) for event in hub.judged()]
    assert kinds == [
        ("judge", "u1", [True]),
        ("retract", "u1", []),
        ("judge", "u1", [False]),
        ("skip", "u2", []),
    ]


async def test_the_end_of_the_queue_says_what_to_do(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.thumbs(1)]), "label:thumbs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown_task(app) == "u1")
        await pilot.press("y")
        await until(
            pilot, lambda: "All is rated: 1 by you" in str(app.screen.query_one("#empty").content)
        )


async def test_what_waits_for_others_is_not_said_to_be_done(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.thumbs(1), fake.thumbs(2)])
    hub.leased.add("u2")  # before another person
    app = make_app(hub, "label:thumbs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: shown_task(app) == "u1")
        await pilot.press("y")
        said = app.screen.query_one("#empty")
        await until(pilot, lambda: "1 rated by you, 1 of 2 in all" in str(said.content))
