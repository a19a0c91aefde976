"""Short messages over a room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rlhf_tui.app import RlhfApp

MakeApp = Callable[..., RlhfApp]
Until = Callable[[Any, Callable[[], object]], Awaitable[None]]


async def test_the_same_sentence_stands_there_once(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1)]), "home")

    def seen() -> list[tuple[str, str]]:
        return [(one.title, one.message) for one in app._notifications]

    async with app.run_test(size=(80, 24)) as pilot:
        for title in ("", "", "", "Runs", "Runs"):
            app.notify("The hub is away.", title=title, timeout=60)
        app.notify("The last one.", timeout=60)
        await until(pilot, lambda: ("", "The last one.") in seen())
        assert seen() == [
            ("", "The hub is away."),
            ("Runs", "The hub is away."),
            ("", "The last one."),
        ]


async def test_a_sentence_that_has_gone_can_come_again(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1)]), "home")
    async with app.run_test(size=(80, 24)) as pilot:
        app.notify("gone at once", timeout=0)
        app.notify("gone at once", timeout=60)
        await until(pilot, lambda: "gone at once" in [one.message for one in app._notifications])
