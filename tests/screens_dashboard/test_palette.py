"""The palette: what it lists, what it does, and what it keeps out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from helpers.recorded import FakeLink
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import OptionList

from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.palette import pieces

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


def lines(pilot: Pilot[int]) -> list[str]:
    """What the palette lists."""
    if not isinstance(pilot.app.screen, CommandPalette):
        return []
    found = pilot.app.screen.query_one(OptionList)
    return [str(found.get_option_at_index(place).prompt) for place in range(found.option_count)]


def listed(pilot: Pilot[int], words: str) -> bool:
    return any(words in line for line in lines(pilot))


async def test_a_run_is_found_by_its_title(program: Any, until: Until) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: pilot.app.screen.runs.infos)
        await pilot.press("colon")
        await until(pilot, lambda: listed(pilot, "Logarithmic y axis"))
        assert not listed(pilot, "screenshot")
        await pilot.press(*"demonstrations")
        await until(pilot, lambda: len(lines(pilot)) == 1 and listed(pilot, "sft-0001"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        await until(pilot, lambda: "sft-0001" in pilot.app.screen.head.text)


async def test_a_pane_and_a_key_by_name(program: Any, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("colon", *"machine")
        await until(pilot, lambda: listed(pilot, "Pane: machine"))
        await pilot.press("enter")
        await until(pilot, lambda: getattr(pilot.app.screen, "view", None) == 4)
        await pilot.press("1")
        await pilot.press("colon", *"logar")
        await until(pilot, lambda: listed(pilot, "Logarithmic"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        await until(pilot, lambda: pilot.app.screen.charts.drawn_by.log)


async def test_letters_that_stand_anywhere_in_a_sentence_find_nothing(
    program: Any, until: Until
) -> None:
    """Unless nothing else is found: then they are what was meant."""
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: pilot.app.screen.runs.infos)
        await pilot.press("colon")
        await until(pilot, lambda: listed(pilot, "Logarithmic y axis"))
        await pilot.press(*"ppo")
        await until(pilot, lambda: len(lines(pilot)) == 2)
        assert [line.split("\n")[0] for line in lines(pilot) if "ppo-000" in line] == [
            line.split("\n")[0] for line in lines(pilot)
        ]
        await pilot.press("backspace", "backspace", "backspace", *"dltrn")
        await until(pilot, lambda: listed(pilot, "Delete the run"))


@pytest.mark.parametrize(
    ("places", "number"), [([], 0), ([3], 1), ([0, 1, 2], 1), ([0, 1, 5], 2), ([1, 3, 5], 3)]
)
def test_pieces(places: list[int], number: int) -> None:
    assert pieces(places) == number


async def test_escape_leaves_it(program: Any, until: Until) -> None:
    async with program("home", (80, 24)) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: listed(pilot, "Rank completions"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, CommandPalette))


async def test_a_guest_is_shown_no_other_rooms(program: Any, until: Until) -> None:
    async with program("label:rank", (80, 24)) as pilot:
        pilot.app.guest = True
        await pilot.press("colon")
        await until(pilot, lambda: listed(pilot, "Show the keys of this screen"))
        assert not listed(pilot, "Go to:")
        await pilot.press("escape")
        pilot.app.guest = False
        await until(pilot, lambda: not isinstance(pilot.app.screen, CommandPalette))
        await pilot.press("colon", *"curves")
        await until(pilot, lambda: listed(pilot, "Go to: Runs and their curves"))


@pytest.mark.parametrize("title", ["[@click=app.quit]x[/]", "a\x1b]52;c;aGk=\x07b\x1b[2J", "[/b]"])
async def test_titles_are_text(title: str, link: FakeLink, program: Any, until: Until) -> None:
    link.infos[0] = msgspec.structs.replace(link.infos[0], title=title)
    async with program("dashboard", (120, 30)) as pilot:
        await until(pilot, lambda: pilot.app.screen.runs.infos)
        await pilot.press("colon", *"o-0002")
        await until(pilot, lambda: listed(pilot, "ppo-0002"))
        assert not listed(pilot, "\x1b")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
