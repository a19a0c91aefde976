"""The row of keys names what works in the pane that is seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens import keys
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_panes import PANES, Panes
from rlhf_tui.screens.theme import UNICODE
from rlhf_tui.screens.widgets.statusline import KeyLine

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


def words(pilot: Pilot[int]) -> list[str]:
    return [hint.word for hint in pilot.app.screen.query_one(KeyLine).hints()]


async def test_each_pane_has_its_own_words(program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, DashboardScreen)
        await until(pilot, lambda: screen.followed)
        assert {"page", "log y", "smooth", "full"} <= set(words(pilot))
        await pilot.press("2")
        assert {"step", "prompt", "diff", "rank"} <= set(words(pilot))
        assert "log y" not in words(pilot)
        await pilot.press("6")
        assert {"end", "next", "scroll"} <= set(words(pilot))
        await pilot.press("1")
        assert "smooth" in words(pilot)


@pytest.mark.parametrize(
    ("run", "control"),
    [("ppo-0002", {"stop"}), ("sft-0002", {"stop"}), ("rm-0001", set()), ("ppo-0001", {"resume"})],
)
async def test_only_what_can_be_done_to_the_chosen_run_is_named(
    run: str, control: set[str], program: Any, until: Until
) -> None:
    async with program("dashboard", (200, 30)) as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: screen.followed)
        await pilot.press("6")  # a pane with few keys of its own: all of the row has room
        place = [info.run_id for info in screen.runs.infos].index(run)
        await pilot.press(*["j"] * place)
        assert set(words(pilot)) & {"stop", "resume"} == control


async def test_a_run_that_ends_takes_the_word_along(
    program: Any, until: Until, infos: list[RunInfo]
) -> None:
    async with program("dashboard", (200, 30)) as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: screen.followed)
        await pilot.press("6")
        assert "stop" in words(pilot)
        infos[0] = msgspec.structs.replace(infos[0], state="failed")
        screen.look_again()
        await until(pilot, lambda: "resume" in words(pilot))
        assert "stop" not in words(pilot)


@pytest.mark.parametrize("number", range(1, 9))
async def test_each_tab_has_a_title_in_a_narrow_terminal(
    number: int, program: Any, until: Until
) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: screen.followed)
        await pilot.press(str(number))
        await pilot.pause()
        for title, _ in PANES:
            assert title[:3] in screen.tabs.text


@pytest.mark.parametrize("place", range(8))
def test_words_are_of_rows_that_there_are(place: int) -> None:
    pane = Panes(UNICODE)[place]
    assert pane.WORDS.keys() <= {row.id for row in keys.KEYS}
    assert bool(pane.FINDS) == (pane.WORDS.get("dashboard.search") != "")
