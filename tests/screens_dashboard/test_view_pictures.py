"""Pictures of the list of saved views, of saving one, and of a dashboard that has come back.

After a wanted change: UPDATE_PICTURES=1 pytest tests/screens_dashboard/test_view_pictures.py,
then look at the SVG files in tests/screens_dashboard/pictures.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import pytest
from helpers.pictures import same_as_kept
from screens_dashboard.test_view import anna, drawn, screen
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.screens.dashboard_warnings import WarningsPane
from rlhf_tui.tracking.views import (
    ChartsLayout,
    KindCharts,
    Layout,
    Place,
    SavedViews,
    View,
    place_path,
    write_view,
)
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]
PICTURES = Path(__file__).with_name("pictures")
SIZES = [(80, 24), (200, 60)]
__all__ = ["anna"]


def judged(pilot: Pilot[int]) -> bool:
    """Whether the run has been looked at, which its tab tells."""
    pane = screen(pilot).panes.at(3)
    return isinstance(pane, WarningsPane) and pane.findings is not None


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("name", "keys"), [("list", "v"), ("name", "v o s t a n d a r d")])
async def test_views(anna: Open, until: Until, size: tuple[int, int], name: str, keys: str) -> None:
    for saved in ("kl and entropy, smooth", "reading answers"):
        SavedViews("anna").save(saved, Layout())
    async with anna("dashboard:generate-0001", size=size) as pilot:
        await until(pilot, lambda: drawn(pilot) and judged(pilot))
        await pilot.press(*keys.split())
        await same_as_kept(
            cast(RlhfApp, pilot.app), pilot, PICTURES / f"views-{name}-{size[0]}x{size[1]}.svg"
        )


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_back(anna: Open, until: Until, workspace: Workspace, size: tuple[int, int]) -> None:
    kinds = {"ppo": KindCharts("objective", "objective/kl")}
    left = View(
        layout=Layout(charts=ChartsLayout(True, 0.9, "time", True, kinds)),
        place=Place("ppo-0001", True, ["ppo-0002"], {"ppo-0002": 0, "ppo-0001": 1}),
    )
    write_view(place_path("anna", [workspace.root]), left)
    async with anna(size=size) as pilot:
        await until(pilot, lambda: drawn(pilot) and judged(pilot))
        await until(pilot, lambda: len(screen(pilot).charts.on_page[0].curves) == 2)
        await until(
            pilot, lambda: all(one.follower.series for one in screen(pilot).others.values())
        )
        await same_as_kept(
            cast(RlhfApp, pilot.app), pilot, PICTURES / f"views-back-{size[0]}x{size[1]}.svg"
        )
