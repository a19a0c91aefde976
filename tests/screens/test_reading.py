"""Reading: scrolling, one on the whole screen, Markdown, differences, search, guidelines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.geometry import Region

from rlhf_tui.app import RlhfApp
from rlhf_tui.hub.messages import Guidelines
from rlhf_tui.records import Completion, Message
from rlhf_tui.screens.rank import RankScreen

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
SIZES = [(40, 10), (60, 20), (80, 24), (120, 30), (200, 60)]
CHAT = [
    Message("system", "You are terse."),
    Message("user", "Tell me of the sea.\n" * 12),
    Message("assistant", "It is **wet**."),
    Message("tool", '{"salt": true}'),
    Message("user", "And of its end?"),
]


def screen_of(app: RlhfApp) -> RankScreen:
    assert isinstance(app.screen, RankScreen)
    return app.screen


def ready(app: RlhfApp) -> bool:
    return isinstance(app.screen, RankScreen) and app.screen.drawn is not None


def with_texts(item: Any, *texts: str) -> Any:
    item.completions = [
        Completion(one.completion_id, one.prompt_id, text)
        for one, text in zip(item.completions, texts, strict=True)
    ]
    return item


def numbered(count: int) -> str:
    return "\n".join(f"line {number}" for number in range(count))


def tops(app: RlhfApp) -> list[int]:
    return [round(pane.body.scroll_y) for pane in screen_of(app).panes.shown]


def shown(app: RlhfApp, pane: int) -> str:
    """All text of a pane, visible or not."""
    view = screen_of(app).panes.panes[pane - 1].text
    return "\n".join(view.page.plain(view.width or 100))


def visible(app: RlhfApp) -> list[str]:
    """The rows of the terminal, as text."""
    return [
        "".join(segment.text for segment in strip)
        for strip in app.screen._compositor.render_strips()
    ]


def line(app: RlhfApp) -> str:
    return str(screen_of(app).line.content)


async def test_panes_of_unlike_length_scroll_together_and_meet_again(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    item = with_texts(fake.rank(1, 3), numbered(100), numbered(40), "short")
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        bodies = [pane.body for pane in screen_of(app).panes.shown]
        await until(pilot, lambda: bodies[0].max_scroll_y > bodies[1].max_scroll_y > 0)
        short, long = bodies[1].max_scroll_y, bodies[0].max_scroll_y
        for _ in range(9):
            await pilot.press("pagedown")
        await until(pilot, lambda: tops(app) == [long, short, 0])
        # The end is the end: going back starts at once.
        await pilot.press("pagedown", "j", "k", "k", "k")
        await until(pilot, lambda: tops(app) == [long - 3, short, 0])
        screen_of(app).action_scroll(-(long - 3 - short + 5))
        await until(pilot, lambda: tops(app) == [short - 5, short - 5, 0])
        screen_of(app).action_scroll(-500)
        await until(pilot, lambda: tops(app) == [0, 0, 0])


async def test_panes_scrolled_apart_keep_their_distance(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([with_texts(fake.rank(1, 2), numbered(100), numbered(100))]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("tab", "tab", "tab", "j", "j", "j")  # pane 2 alone
        await until(pilot, lambda: tops(app) == [0, 3])
        await pilot.press("tab", "j", "j")  # both again
        await until(pilot, lambda: tops(app) == [2, 5])
        await pilot.press("k", "k", "k", "k", "k")
        await until(pilot, lambda: tops(app) == [0, 0])


async def test_the_wheel_moves_one_pane_and_the_keys_go_on_from_there(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([with_texts(fake.rank(1, 2), numbered(100), numbered(100))]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        body = screen_of(app).panes.panes[0].body
        await until(pilot, lambda: body.max_scroll_y > 0)
        body.scroll_to(y=7, animate=False, immediate=True)
        await until(pilot, lambda: tops(app) == [7, 0])
        await pilot.press("j")
        await until(pilot, lambda: tops(app) == [8, 1])


async def test_how_much_is_below_is_told_in_words(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([with_texts(fake.rank(1, 2), numbered(100), "short")]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        first, second = (pane for pane in screen_of(app).panes.shown)
        await until(pilot, lambda: "lines below" in str(first.head.rule.render()))
        assert f"▼ {first.body.max_scroll_y} lines below" in str(first.head.rule.render())
        assert "below" not in str(second.head.rule.render())
        screen_of(app).action_scroll(first.body.max_scroll_y - 1)
        await until(pilot, lambda: "▼ 1 line below" in str(first.head.rule.render()))
        await pilot.press("j")
        await until(pilot, lambda: str(first.head.rule.render()).endswith(" end"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [2, 4, 9])
async def test_every_line_of_every_pane_can_be_reached(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int], count: int
) -> None:
    texts = [f"first {n}\n{numbered(30)}\nlast {n}" for n in range(1, count + 1)]
    app = make_app(fake.hub([with_texts(fake.rank(1, count), *texts)]))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        for number in (1, count):
            while screen_of(app).chosen != number:
                await pilot.press("tab")
            screen_of(app).action_scroll(-100)
            await until(pilot, lambda n=number: any(f"first {n}" in row for row in visible(app)))
            screen_of(app).action_scroll(100)
            await until(pilot, lambda n=number: any(f"last {n}" in row for row in visible(app)))
        await pilot.press("f")
        rows = min(30, size[1] - 8 - size[1] // 3)
        await until(pilot, lambda: sum("line " in row for row in visible(app)) >= rows)
        others = [pane for pane in screen_of(app).panes.shown if pane.number != count]
        assert not any(pane.display for pane in others)


async def test_alone_on_the_screen_tab_turns_and_picks_still_work(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1, 3), fake.rank(2, 2)]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("f")
        assert screen_of(app).chosen == 1
        await pilot.press("2", "tab")
        assert screen_of(app).chosen == 2
        await until(pilot, lambda: any("1st" in row for row in visible(app)))
        await pilot.press("tab", "tab")
        assert screen_of(app).chosen == 1
        await pilot.press("shift+tab")
        assert screen_of(app).chosen == 3
        await pilot.press("1", "enter")
        await until(pilot, lambda: screen_of(app).panes.count == 2)
        # Three are two now: the third cannot be alone any more.
        assert all(pane.display for pane in screen_of(app).panes.shown)


@pytest.mark.parametrize("size", SIZES)
async def test_the_turn_to_be_answered_is_visible(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    app = make_app(fake.hub([fake.rank(1, 2, CHAT)]))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app))
        await until(pilot, lambda: any("[5] User, to be answered" in row for row in visible(app)))
        assert any("And of its end?" in row for row in visible(app))
        await pilot.press("tab")
        screen_of(app).action_scroll(-100)
        await until(pilot, lambda: any("[1] System" in row for row in visible(app)))
        # Scrolled away by the person, it stays where the person wants it.
        await pilot.resize_terminal(size[0] + 7, size[1])
        await pilot.pause()
        assert any("[1] System" in row for row in visible(app))


async def test_the_turn_to_be_answered_stays_when_the_terminal_changes(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1, 2, CHAT)]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await until(pilot, lambda: any("to be answered" in row for row in visible(app)))
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: any("to be answered" in row for row in visible(app)))


async def test_markdown_and_as_written(make_app: MakeApp, until: Until, fake: Any) -> None:
    app = make_app(fake.hub([with_texts(fake.rank(1, 2), "a **b** $c_1$", "plain")]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        assert shown(app, 1) == "a b $c_1$"
        await pilot.press("m")
        assert shown(app, 1) == "a **b** $c_1$"
        await pilot.press("m")
        assert shown(app, 1) == "a b $c_1$"


async def test_what_comes_next_is_laid_out_before_it_comes(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    items = [fake.rank(number, 2) for number in (1, 2, 3)]
    app = make_app(fake.hub(items))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        screen = screen_of(app)
        following = items[1].completions[1]

        def prepared() -> bool:
            width = screen.panes.panes[0].text.width
            return width > 0 and screen._page(following.completion).has(width)

        await until(pilot, prepared)
        page = screen._page(following.completion)
        await pilot.press("1", "enter")
        await until(pilot, lambda: screen.panes.panes[1].text.page is page)


async def test_differences_from_the_first_and_from_the_best(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    texts = ("The cat sat down.", "The dog sat down.", "The dog sat up.")
    app = make_app(fake.hub([with_texts(fake.rank(1, 3), *texts)]))
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("d")
        assert shown(app, 1) == texts[0]
        assert shown(app, 2) == "The [-cat-]{+dog+} sat down."
        assert "against 1" in str(screen_of(app).panes.panes[1].head.rule.render())
        await pilot.press("d")
        assert [shown(app, pane) for pane in (1, 2, 3)] == list(texts)
        await pilot.press("2", "d")
        assert shown(app, 2) == texts[1]
        assert shown(app, 3) == "The dog sat [-down-]{+up+}."
        # With one chosen by Tab only that one is compared.
        await pilot.press("tab", "tab")
        assert screen_of(app).chosen == 1
        assert shown(app, 1) == "The [-dog-]{+cat+} sat down."
        assert shown(app, 3) == texts[2]


async def test_the_next_item_is_shown_without_differences(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1, 2), with_texts(fake.rank(2, 2), "one", "two")]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("d", "1", "enter")
        await until(pilot, lambda: shown(app, 1) == "one")
        assert shown(app, 2) == "two"


async def search(pilot: Any, until: Until, query: str) -> None:
    app = pilot.app
    await pilot.press("slash")
    await until(pilot, lambda: type(app.screen).__name__ == "SearchAsk" and app.screen.focused)
    await pilot.press(*query, "enter")
    await until(pilot, lambda: ready(app))


async def test_search_counts_goes_on_and_scrolls_there(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    item = fake.rank(1, 2, "Where is the needle?")
    item = with_texts(item, numbered(60) + "\nNeedle here", "中文" * 30 + "needle")
    app = make_app(fake.hub([item]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await search(pilot, until, "needle")
        await until(pilot, lambda: "Match 1 of 3, in the prompt: needle" in line(app))
        await pilot.press("full_stop")
        await until(pilot, lambda: any("Needle here" in row for row in visible(app)))
        assert "Match 2 of 3, in 1" in line(app)
        hit = screen_of(app).panes.panes[0].text.hits[0]
        view = screen_of(app).panes.panes[0].text
        strip = view.render_lines(Region(0, hit.line, view.content_size.width, 1))[0]
        marked = [one.text for one in strip if one.style and one.style.reverse]
        assert marked == ["Needle"]
        await pilot.press("full_stop")
        assert "Match 3 of 3, in 2" in line(app)
        await pilot.press("full_stop")
        assert "Match 1 of 3" in line(app)
        await pilot.press("comma")
        assert "Match 3 of 3" in line(app)
        await search(pilot, until, "Needle")
        await until(pilot, lambda: "Match 1 of 1, in 1" in line(app))


async def test_search_keys_are_letters_while_one_types_and_nothing_is_ranked(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1, 2)]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await search(pilot, until, "12bq=")
        await until(pilot, lambda: "Not found: 12bq=" in line(app))
        assert screen_of(app).state.keys == ""
        await search(pilot, until, "")
        await pilot.press("full_stop")
        assert "Nothing is searched for" not in line(app) or not screen_of(app).query_text


async def test_a_match_in_another_pane_comes_up_alone_when_one_is_alone(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([with_texts(fake.rank(1, 3), "one", "two", "three")]))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("f")
        await search(pilot, until, "three")
        await until(pilot, lambda: screen_of(app).chosen == 3)
        await until(pilot, lambda: any("three" in row for row in visible(app)))


GUIDELINES = Guidelines("v1", "# Judge well\n\nPrefer what is **true**.\n\n" + "More. " * 2000)


@pytest.mark.parametrize("size", SIZES)
async def test_guidelines_open_scroll_and_close(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1, 2)])
    hub.guidelines = GUIDELINES
    app = make_app(hub)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: ready(app) and screen_of(app).guidelines is not None)
        assert not any("Prefer what" in row for row in visible(app))
        await pilot.press("g")
        await until(pilot, lambda: any("Prefer what is true." in row for row in visible(app)))
        assert any("version v1" in row for row in visible(app))
        await pilot.press("pagedown", "j")
        await until(pilot, lambda: screen_of(app).panel.body.scroll_y > 1)
        assert tops(app) == [0, 0]
        await pilot.press("2")  # judging goes on beside them
        assert screen_of(app).state.groups == ((2,),)
        await pilot.press("g")
        await until(pilot, lambda: not any(" Guidelines  " in row for row in visible(app)))


@pytest.mark.parametrize("size", [(80, 24), (120, 30)])
async def test_nothing_is_judged_behind_guidelines_that_cover_it(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    hub = fake.hub([fake.rank(1, 2), fake.rank(2, 2)])
    hub.guidelines = GUIDELINES
    app = make_app(hub)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: told(app) != [])
        await until(pilot, lambda: len(app.screen.query("Toast")) == 1)
        toast = app.screen.query_one("Toast")
        # What a key came to is told in a row of its own, which no message covers.
        await until(pilot, lambda: 0 < toast.region.bottom <= screen_of(app).line.region.y)
        await pilot.press("2", "g")
        assert told(app) == []  # what was told to be read is read
        await pilot.press("enter")
        if screen_of(app).covered or size[0] == 80:
            assert not screen_of(app).has_class("-guided")
            assert hub.events == []
            assert "same key judges it" in str(screen_of(app).line.content)
            await pilot.press("enter")
        await until(pilot, lambda: [event.kind for event in hub.events] == ["judge"])
        assert screen_of(app).has_class("-guided") == (size[0] == 120)


def told(app: RlhfApp) -> list[str]:
    """The messages that stand over the screen."""
    return [notification.message for notification in app._notifications]


async def test_changed_guidelines_are_told_once(make_app: MakeApp, until: Until, fake: Any) -> None:
    hub = fake.hub([fake.rank(number, 2) for number in range(1, 12)])
    hub.guidelines = GUIDELINES
    app = make_app(hub)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: told(app) == ["There are guidelines: g shows them."])
        hub.guidelines = Guidelines("v2", "Other rules.")
        for _ in range(4):
            await pilot.press("1", "enter")
        await until(pilot, lambda: "The guidelines have changed: g shows them." in told(app))
        assert list(app.personal.choices.guidelines.values()) == ["v2"]
        await pilot.press("1", "2", "enter")
        await pilot.pause()
        assert len(told(app)) == 2
    again = make_app(hub)
    again.personal.set(guidelines=app.personal.choices.guidelines)
    async with again.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(again) and screen_of(again).guidelines is not None)
        assert told(again) == []


async def test_without_guidelines_the_panel_says_who_writes_them(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([fake.rank(1, 2)]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        await pilot.press("g")
        await until(pilot, lambda: any("no guidelines yet" in row for row in visible(app)))


@pytest.mark.parametrize("theme", ["rlhf-light", "rlhf-mono", "rlhf-ansi-light"])
async def test_code_is_drawn_anew_for_another_theme(
    make_app: MakeApp, until: Until, fake: Any, theme: str
) -> None:
    code = "```python\ndef f(): return 1\n```"
    app = make_app(fake.hub([with_texts(fake.rank(1, 2), code, "b")]))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: ready(app))
        before = screen_of(app).panes.panes[0].text.page
        app.theme = theme
        await until(pilot, lambda: screen_of(app).panes.panes[0].text.page is not before)
