"""Views saved by name: chosen from a list or by name, whichever runs there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from screens_dashboard.test_view import anna, chosen, drawn, notices, screen, titles
from textual.pilot import Pilot

from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.label_choose import PickAsk
from rlhf_tui.tracking.views import ChartsLayout, KindCharts, Layout, PaneLayout, SavedViews

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]
__all__ = ["anna"]


def asked(pilot: Pilot[int]) -> str:
    found = pilot.app.screen
    return str(found.list.render()) if isinstance(found, PickAsk) else ""


async def test_a_view_is_saved_and_shown_again(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("slash", *"kl", "enter", "l", "s", "v")
        await until(pilot, lambda: "standard" in asked(pilot))
        await pilot.press("o", *"divergence", "enter")
        await until(pilot, lambda: "'divergence' is saved. v lists all." in notices(pilot))
        assert SavedViews("anna").read("divergence") == Layout(
            charts=ChartsLayout(True, 0.6, kinds={"ppo": KindCharts("kl")})
        )
        # Back to the standard, which shows the chosen run alone.
        await pilot.press("o", "j", "j", "plus", "v")
        await until(pilot, lambda: "divergence" in asked(pilot))
        await pilot.press("1")
        await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        charts = screen(pilot).charts
        await until(pilot, lambda: chosen(pilot) == "rm-0001" and not charts.drawn_by.log)
        assert charts.window.seen is None
        assert not screen(pilot).others
        # The other one, on the run that is chosen now and on those of its kind.
        await pilot.press("v", "2")
        await until(pilot, lambda: charts.drawn_by.log)
        assert chosen(pilot) == "rm-0001"
        assert len(titles(pilot)) > 1
        await pilot.press("k", "k")
        await until(pilot, lambda: titles(pilot) and all("kl" in t.lower() for t in titles(pilot)))


async def test_views_by_name_in_the_palette(anna: Open, until: Until) -> None:
    saved = SavedViews("anna")
    saved.save(
        "words", Layout("samples", folded=True, panes={"samples": PaneLayout("quiet", True)})
    )
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        entries = {entry.name: entry for entry in screen(pilot).palette_entries()}
        entries["View: words"].act()
        await until(pilot, lambda: "step 75" in screen(pilot).samples.text)
        assert not screen(pilot).runs.display
        assert screen(pilot).samples.as_diff
        assert len(screen(pilot).samples._found) == 3
        entries["Delete the view: words"].act()
        assert saved.names() == []
        entries["View: words"].act()
        await until(pilot, lambda: "There is no view 'words'" in notices(pilot))
        assert "View: standard" in entries
        assert "Delete the view: standard" not in entries


async def test_a_name_that_cannot_be_is_told_as_it_is_typed(anna: Open, until: Until) -> None:
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("v", "o", *"standard", "enter")
        hint = pilot.app.screen.hint  # type: ignore[attr-defined]
        await until(pilot, lambda: "choose another name" in str(hint.render()))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        assert SavedViews("anna").names() == []


async def test_a_disk_that_takes_no_view_is_told(
    anna: Open, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: SavedViews, name: str, layout: Layout) -> None:
        raise OSError(28, "No space left on device", str(Path("x")))

    monkeypatch.setattr(SavedViews, "save", full)
    async with anna() as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("v", "o", *"mine", "enter")
        await until(pilot, lambda: "No space left on device" in notices(pilot))
