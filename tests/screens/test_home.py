"""The home screen: what is here, what to do next, and making a workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rlhf_tui.app import RlhfApp, room, run_app
from rlhf_tui.errors import HubError, UsageError
from rlhf_tui.screens.home import HomeScreen
from rlhf_tui.screens.rank import RankScreen
from rlhf_tui.screens.theme import THEMES
from rlhf_tui.screens.widgets.statusline import KeyLine
from rlhf_tui.workspace import CONFIG

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]


def text(app: RlhfApp) -> str:
    assert isinstance(app.screen, HomeScreen)
    return f"{app.screen.overview.content}\n{app.screen.menu.content}"


def footer(app: RlhfApp) -> str:
    return str(app.screen.query_one(KeyLine).render())


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 30)])
async def test_counts_and_the_next_step(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    app = make_app(fake.hub([fake.rank(1), fake.rank(2), fake.thumbs(3)]), "home")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "3 prompts" in text(app))
        assert "9 completions" in text(app)
        assert "0 of 2" in text(app)
        assert "▸  r " in text(app)


async def test_one_key_to_ranking_and_q_back_and_out(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = fake.hub([fake.rank(1)])
    app = make_app(hub, "home")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "1 prompt " in text(app))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RankScreen))
        await pilot.press("1", "2", "enter", "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await until(pilot, lambda: "1 of 1" in text(app))
        await pilot.press("q")
        await until(pilot, lambda: app.return_code == 0)
    assert hub.closed


async def test_without_a_workspace_a_key_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until, fake: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    app = RlhfApp(None, "label:rank", lambda _: fake.hub([fake.rank(1)]))
    async with app.run_test(size=(80, 24)) as pilot:
        assert "There is no workspace here" in text(app)
        assert "judgements and training runs. i makes one in" in " ".join(text(app).split())
        assert "make a workspace" in footer(app)
        assert "rank" not in footer(app)
        await pilot.press("r")
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("i")
        await until(pilot, lambda: "1 prompt " in text(app))
        assert "rank" in footer(app)
        assert (tmp_path / CONFIG).is_file()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, RankScreen))


async def test_a_hub_that_cannot_start_is_told_in_its_sentence(
    make_app: MakeApp, until: Until, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = fake.hub([])

    async def start() -> None:
        raise HubError("The hub runs on another machine, zeus.")

    monkeypatch.setattr(hub, "start", start)
    app = make_app(hub, "home")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "another machine, zeus" in text(app))


async def test_the_help_lists_the_keys_and_closes(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(fake.hub([]), "home")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        assert "Runs and their curves" in app.export_screenshot().replace("&#160;", " ")
        await pilot.press("question_mark")
        assert isinstance(app.screen, HomeScreen)


async def test_themes_follow_each_other(make_app: MakeApp, fake: Any) -> None:
    app = make_app(fake.hub([]), "home")
    async with app.run_test(size=(80, 24)) as pilot:
        seen = []
        for _ in THEMES:
            seen.append(app.theme)
            await pilot.press("T")
        assert seen == [theme.name for theme in THEMES]
        assert len(set(seen)) == len(THEMES) > 4
        assert app.theme == "rlhf-dark"


def test_an_unknown_screen_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"label:rank"):
        room("label:rnak")


def test_without_a_terminal_a_sentence_says_so(workspace: Any) -> None:
    with pytest.raises(UsageError, match="need a terminal"):
        run_app(workspace)


def test_an_unknown_theme_is_named_with_the_nearest(make_app: MakeApp, fake: Any) -> None:
    with pytest.raises(UsageError, match="rlhf-colour-blind"):
        make_app(fake.hub([]), theme="colour-blind")


async def test_a_bug_ends_the_program_and_is_raised_after_it(
    make_app: MakeApp, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(fake.hub([]), "home")

    def burst() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with app.run_test(size=(80, 24)) as pilot:
            monkeypatch.setattr(app.screen, "action_help", burst)
            await pilot.press("question_mark")
    assert isinstance(app.crash, ZeroDivisionError)
    assert app.return_code == 1
