"""A list that does not hold every run says how many more there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from helpers.recorded import FakeLink
from screens_dashboard.test_files import shown
from textual.pilot import Pilot

from rlhf_tui.hub.messages import Answer, ListRuns, Request
from rlhf_tui.hub.messages import RunList as Listed
from rlhf_tui.screens.dashboard import DashboardScreen

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


def screen(pilot: Pilot[int]) -> DashboardScreen:
    assert isinstance(pilot.app.screen, DashboardScreen)
    return pilot.app.screen


async def test_older_runs_are_counted(
    program: Any, link: FakeLink, until: Until, monkeypatch: Any
) -> None:
    call = link.call

    async def only_newest(request: Request, answer: type[Answer]) -> Answer:
        if isinstance(request, ListRuns):
            return Listed(list(link.infos), left_out=112)
        return await call(request, answer)

    monkeypatch.setattr(link, "call", only_newest)
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: "112 older" in screen(pilot).runs.text)
        counts = f"{len(link.infos) + 112} runs"
        await until(pilot, lambda: counts in shown(pilot))
