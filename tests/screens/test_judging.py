"""Saying more: aspects, critique, tags, flags with a reason, skips with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual import events

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import LabelSettings
from rlhf_tui.records import Completion
from tests.helpers.label_screens import (
    asked,
    badges,
    label_screen,
    line,
    panel,
    ready,
    shown_task,
)

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
SIZES = [(60, 20), (80, 24), (120, 30), (200, 60)]
TAGS = LabelSettings(tags=["refusal", "made up", "[b]rude[/b]"])


@pytest.mark.parametrize("size", SIZES)
async def test_aspects_are_rated_by_digits(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1, 3)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("a")
        await until(pilot, lambda: asked(app))
        await pilot.press("4", "5", "2")
        rows = [row.split() for row in panel(app).splitlines()]
        assert rows == [
            ["1", "2", "3"],
            [">", "helpful", "4", "[.]", "."],
            ["harmless", "5", ".", "."],
            ["honest", "2", ".", "."],
        ]
        # What is rated is the pane that scrolls.
        assert label_screen(app).chosen == 2
        await pilot.press("9", "l", "j", "1", "k", "backspace", "3", "enter")
        await until(pilot, lambda: ready(app))
        assert "aspects 4/9" in line(app)
        assert label_screen(app).target is None
        await pilot.press("1", "2", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    assert hub.judged()[0].aspects == {
        "c1-1": {"helpful": 4, "harmless": 5, "honest": 2},
        "c1-3": {"harmless": 3},
    }


async def test_aspects_left_are_as_they_were(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("a")
        await until(pilot, lambda: asked(app))
        await pilot.press("4", "enter")
        await until(pilot, lambda: ready(app))
        await pilot.press("a")
        await until(pilot, lambda: asked(app))
        await pilot.press("1", "1", "9")
        assert "from 1 to 5" in str(app.screen.query_one("#ask-hint").content)  # type: ignore[attr-defined]
        await pilot.press("q")
        await until(pilot, lambda: ready(app))
        assert "aspects 1/6" in line(app)
        await pilot.press("1", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    assert hub.judged()[0].aspects == {"c1-1": {"helpful": 4}}


async def test_ratings_and_critique_are_drafts_while_they_are_made(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("a")
        await until(pilot, lambda: asked(app))
        await pilot.press("4")
        await until(
            pilot, lambda: hub.drafts.get("t1", {}).get("aspects") == {"c1-1": {"helpful": 4}}
        )
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        await pilot.press("c")
        await until(pilot, lambda: asked(app))
        await pilot.press("o", "k")
        await until(pilot, lambda: hub.drafts["t1"].get("critique") == "ok")


@pytest.mark.parametrize("size", SIZES)
async def test_a_critique_of_several_lines(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("c")
        await until(pilot, lambda: asked(app))
        await pilot.press("q", "1", "question_mark", "ctrl+j", "x", "enter")
        await until(pilot, lambda: ready(app))
        assert "critique" in line(app)
        await pilot.press("c")
        await until(pilot, lambda: asked(app))
        await pilot.press("z", "escape")
        await until(pilot, lambda: ready(app))
        await pilot.press("1", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    event = hub.judged()[0]
    assert (event.critique, event.tiers) == ("q1?\nx", [1, 2])


async def test_letters_that_come_in_one_piece_with_enter_are_not_overtaken_by_it(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("c")
        await until(pilot, lambda: asked(app))
        for key in ("a", "ctrl+j", "b", "enter"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: ready(app))
        await pilot.press("1", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    assert hub.judged()[0].critique == "a\nb"


async def test_what_is_pasted_into_a_critique_cannot_act(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("c")
        await until(pilot, lambda: asked(app))
        area = app.screen.query_one("TextArea")
        area.insert("a\x1b]52;c;aGk=\x07\u202eb")  # type: ignore[attr-defined]
        await until(pilot, lambda: area.text == "a]52;c;aGk=b")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: ready(app))
        await pilot.press("1", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    assert hub.judged()[0].critique == "a]52;c;aGk=b"


@pytest.mark.parametrize("size", SIZES)
async def test_tags_of_the_list_and_of_ones_own(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub, label=TAGS)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("t")
        await until(pilot, lambda: asked(app))
        await pilot.press("2", "3", "k", "space", "j", "space", "o")
        await until(pilot, lambda: bool(app.screen.query("Input")))
        await pilot.press("q", "2", "enter")
        await until(pilot, lambda: bool(app.screen.query("#ask-list")))
        assert panel(app).splitlines() == [
            " > 1  [ ] refusal ",
            "   2  [ ] made up ",
            "   3  [ ] [b]rude[/b] ",
            "   4  [x] q2 ",
        ]
        await pilot.press("1", "enter")
        await until(pilot, lambda: ready(app))
        assert "2 tags" in line(app)
        await pilot.press("1", "enter")
        await until(pilot, lambda: bool(hub.judged()))
    assert hub.judged()[0].tags == ["q2", "refusal"]


@pytest.mark.parametrize("size", SIZES)
async def test_a_flag_is_told_at_once_and_the_item_stays(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: asked(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: bool(hub.judged()))
        assert shown_task(app) == "t1"
        assert "Flagged: private data" in line(app)
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: asked(app))
        await pilot.press("q")
        await until(pilot, lambda: ready(app))
    assert [(event.kind, event.reason) for event in hub.judged()] == [("flag", "private data")]


async def test_a_skipped_item_comes_back_with_its_reason(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(number) for number in range(1, 4)])
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("S")
        assert "You have skipped nothing" in line(app)
        await pilot.press("z")
        await until(pilot, lambda: asked(app))
        await pilot.press("2")
        await until(pilot, lambda: shown_task(app) == "t2")
        assert "Skipped (not my field)" in line(app)
        await pilot.press("z")
        await until(pilot, lambda: asked(app))
        await pilot.press("o")
        await until(pilot, lambda: bool(app.screen.query("Input")))
        await pilot.press("m", "a", "t", "h", "enter")
        await until(pilot, lambda: shown_task(app) == "t3")
        await until(pilot, lambda: len(hub.judged()) == 2)
    assert [event.reason for event in hub.judged()] == ["not my field", "math"]
    # At the next start the hub knows the reasons.
    hub.leased.clear()
    app = make_app(hub)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("S")
        await until(pilot, lambda: "You skipped it: not my field." in line(app))
        assert shown_task(app) == "t1"
        await pilot.press("1", "2", "enter")
        await until(pilot, lambda: "You skipped it: math." in line(app))
        await pilot.press("S")
        await until(pilot, lambda: shown_task(app) == "t3")
        assert "You skipped it" not in line(app)


async def test_what_was_said_before_the_thumb_goes_with_it(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.thumbs(1), fake.thumbs(2)])
    app = make_app(hub, "label:thumbs", label=TAGS)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        for keys in ("t 1 enter", "a 5 4 enter", "c h m enter", "exclamation_mark 1"):
            first, *rest = keys.split()
            await pilot.press(first)
            await until(pilot, lambda: asked(app))
            await pilot.press(*rest)
            await until(pilot, lambda: ready(app))
        assert "with aspects 2/3, critique, 1 tag" in line(app)
        await pilot.press("n")
        assert shown_task(app) == "u2"
        assert "with" not in line(app)
        await pilot.press("u")
        assert shown_task(app) == "u1"
        assert "with aspects 2/3, critique, 1 tag" in line(app)
        assert badges(app) == ["Completion  - bad"]
        await pilot.press("y")
        await until(pilot, lambda: len(hub.judged()) == 4)
    flag, first, _back, again = hub.judged()
    assert (flag.kind, flag.reason) == ("flag", "unsafe")
    assert (first.thumbs, again.thumbs) == ([False], [True])
    for event in (first, again):
        assert (event.critique, event.tags) == ("hm", ["refusal"])
        assert event.aspects == {"c1": {"helpful": 5, "harmless": 4}}


async def test_panels_are_bottom_rows_and_leave_the_texts_in_sight(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    item = fake.rank(1, 2)
    item.completions = [
        Completion(one.completion_id, one.prompt_id, "word " * 2000) for one in item.completions
    ]
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("a")
        await until(pilot, lambda: asked(app))
        box = app.screen.query_one("#ask").region
        assert (box.bottom, box.width) == (24, 80)
        assert box.height <= 8
        body = label_screen(app).panes.panes[0].body
        await pilot.press("space")
        await until(pilot, lambda: body.scroll_y > 0)
