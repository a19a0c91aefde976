"""The history: found, read, revised; and what others said, once one has judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept

from rlhf_tui.app import RlhfApp
from rlhf_tui.hub.messages import Guidelines
from rlhf_tui.records import Event
from rlhf_tui.screens import history
from rlhf_tui.screens.history import HistoryScreen
from rlhf_tui.screens.label import LabelScreen

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
AT = 1_750_000_000_000


def given(number: int, **fields: Any) -> Event:
    """A judgement of a ranking of four."""
    defaults: dict[str, Any] = {
        "kind": "judge",
        "shown": [f"c{number}-{pane}" for pane in (2, 1, 3, 4)],
        "tiers": [2, 1, None, 2],
        "created_ms": AT + number * 3_600_000,
    }
    return Event(f"e{number}", task_id=f"t{number}", **(defaults | fields))


def hub_of(fake: Any, count: int = 6) -> Any:
    """Rankings 1 to `count` judged but the second, which is skipped; one thumb; one open item."""
    hub = fake.hub([*(fake.rank(number) for number in range(1, count + 2)), fake.thumbs(90)])
    for number in range(1, count + 1):
        if number == 2:
            hub.store(given(2, kind="skip", reason="cannot judge", tiers=[]))
        else:
            hub.store(given(number, critique="Too long." if number == 3 else ""))
    hub.store(Event("e90", "judge", "u90", shown=["c90"], thumbs=[False], created_ms=AT))
    hub.store(Event("f3", "flag", "t3", reason="wrong prompt"))
    return hub


def screen_of(app: RlhfApp) -> HistoryScreen:
    assert isinstance(app.screen, HistoryScreen)
    return app.screen


def here(app: RlhfApp) -> bool:
    return isinstance(app.screen, HistoryScreen) and app.screen.asked


def rows(app: RlhfApp) -> list[str]:
    return str(screen_of(app).rows.content).splitlines()


def details(app: RlhfApp) -> str:
    return str(screen_of(app).details.content)


@pytest.mark.parametrize("size", [(40, 10), (60, 20), (80, 24), (120, 30), (200, 60)])
async def test_what_was_judged_is_told_newest_first(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    app = make_app(hub_of(fake), "history")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: here(app))
        await until(pilot, lambda: len(rows(app)) > 1)
        assert [entry.event.task_id for entry in screen_of(app).entries] == [
            *("u90", "t6", "t5", "t4", "t3", "t2", "t1"),
        ]
        assert str(screen_of(app).status.counts.content) == "7"  # all there is, not "7 or more"
        assert "bad" in rows(app)[0]
        assert "2 › 1 = 4" in rows(app)[1]
        assert screen_of(app).rows.size.height >= 2
        await pilot.press("j", "j", "j", "j")
        assert "Too long." in details(app)
        assert "Flagged: wrong prompt" in details(app)
        assert "Review 3" in details(app)
        await pilot.press("j")
        assert "skipped: cannot judge" in details(app)


async def test_filters_and_search_are_the_hubs(make_app: MakeApp, until: Until, fake: Any) -> None:
    app = make_app(hub_of(fake), "history")

    def tasks() -> list[str]:
        return [entry.event.task_id for entry in screen_of(app).entries]

    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: here(app))
        await pilot.press("f", "f")
        await until(pilot, lambda: here(app) and tasks() == ["t2"])
        await pilot.press("f")
        await until(pilot, lambda: here(app) and tasks() == ["t3"])
        await pilot.press("f", "t", "t")
        await until(pilot, lambda: here(app) and tasks() == ["u90"])
        await pilot.press("t", "slash", *"too long", "enter")
        await until(pilot, lambda: here(app) and tasks() == ["t3"])
        assert "'too long'" in str(screen_of(app).filters.content)
        await pilot.press("slash", *"nowhere", "enter")
        await until(pilot, lambda: here(app) and tasks() == [])
        await until(pilot, lambda: "Nothing of yours matches" in rows(app)[0])


async def test_it_goes_back_without_end(
    make_app: MakeApp, until: Until, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 4)
    app = make_app(hub_of(fake, 40), "history")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: here(app))
        for _ in range(45):
            at = screen_of(app).at
            await pilot.press("j")
            await until(pilot, lambda at=at: screen_of(app).at > at or screen_of(app).complete)
        await until(pilot, lambda: screen_of(app).complete)
        assert len(screen_of(app).entries) == 41
        chosen = screen_of(app).chosen
        assert chosen is not None
        assert chosen.event.task_id == "t1"
        await pilot.press("home")
        assert screen_of(app).at == 0


async def test_a_past_item_is_revised_with_its_marks_and_undone_where_one_came_from(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = hub_of(fake)
    hub.guidelines = Guidelines("v7", "Be kind.")
    app = make_app(hub, "label:rank")
    async with app.run_test(size=(100, 30)) as pilot:

        def label() -> LabelScreen | None:
            return app.screen if isinstance(app.screen, LabelScreen) else None

        def task() -> str:
            found = label()
            return found.drawn.task_id if found is not None and found.drawn else ""

        await until(pilot, lambda: task() == "t7")
        below = label()
        await pilot.press("4", "h")
        await until(pilot, lambda: here(app))
        await pilot.press("j", "j", "j", "j", "enter")
        await until(pilot, lambda: task() == "t3")
        above = label()
        assert above is not None and above is not below
        # Judged in another order than the fake shows now: the marks follow the completions.
        assert "1 › 2 = 4" in str(above.line.content)
        assert str(above.status.counts.content) == "5 yours · 1 open"
        assert above.session.current is not None
        assert above.session.current.marks.critique == "Too long."
        await pilot.press("u", "u", "u", "3", "enter")
        await until(pilot, lambda: here(app) and hub.events[-1].kind == "revise")
        await until(pilot, lambda: "after 1 revision" in details(app))
        revision = hub.events[-1]
        assert (revision.supersedes, revision.guidelines) == ("e3", "v7")
        assert revision.critique == "Too long."
        await pilot.press("q")
        await until(pilot, lambda: task() == "t7")
        assert below is not None and label() is below
        # The half-made ranking is as it was; behind its picks, undo finds the revision.
        assert "4" in str(below.line.content)
        await pilot.press("u", "u")
        await until(pilot, lambda: hub.events[-1].reason == "undo")
        assert (hub.events[-1].kind, hub.events[-1].tiers) == ("revise", [2, 1, None, 2])
        await pilot.press("U")
        await until(pilot, lambda: hub.events[-1].reason == "redo")
        assert hub.events[-1].tiers == revision.tiers
        # And then what was undone before it.
        events = len(hub.events)
        await pilot.press("U")
        assert below.session.current is not None
        assert (below.session.current.task_id, below.session.current.marks.keys) == ("t7", "4")
        assert len(hub.events) == events


async def test_a_past_item_can_be_left_as_it_was(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = hub_of(fake)
    app = make_app(hub, "history")
    before = len(hub.events)
    async with app.run_test(size=(100, 30)) as pilot:
        for key in ("s", "q"):
            await until(pilot, lambda: here(app))
            await pilot.press("enter")
            await until(
                pilot, lambda: isinstance(app.screen, LabelScreen) and app.screen.drawn is not None
            )
            await pilot.press(key)
        await until(pilot, lambda: here(app))
    assert len(hub.events) == before


async def test_others_votes_are_shown_when_asked_for(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = hub_of(fake)
    hub.votes["u90"] = [
        Event("o1", "judge", "u90", "[red]bob[/]", shown=["c90"], thumbs=[True]),
        Event("o2", "judge", "u90", "cleo", shown=["c90"], thumbs=[False]),
    ]
    app = make_app(hub, "history")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: here(app))
        assert "bob" not in details(app)
        await pilot.press("v")
        await until(pilot, lambda: "[red]bob[/] good" in details(app))
        assert "cleo bad" in details(app)
        await pilot.press("j", "v")
        await until(pilot, lambda: "Nobody else has judged it yet" in details(app))


# name: (size, keys, theme, ascii)
PICTURES_OF: dict[str, tuple[tuple[int, int], str, str, bool]] = {
    "history-80x24": ((80, 24), "j j", "rlhf-dark", False),
    "history-120x30-light": ((120, 30), "j v", "rlhf-light", False),
    "history-60x20-ascii": ((60, 20), "", "rlhf-colour-blind", True),
}


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("name", PICTURES_OF)
async def test_the_history_looks_as_before(
    name: str, make_app: MakeApp, until: Until, fake: Any
) -> None:
    size, pressed, theme, ascii = PICTURES_OF[name]
    app = make_app(hub_of(fake), "history", theme=theme, ascii=ascii)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: here(app))
        await pilot.press(*pressed.split())
        await pilot.pause()
        await same_as_kept(app, pilot, Path(__file__).with_name("pictures") / f"{name}.svg")
