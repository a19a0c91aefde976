"""A list that does not hold every run says how many more there are."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from helpers.recorded import FakeLink
from screens_dashboard.test_files import ids, opened, shown
from textual.pilot import Pilot

from rlhf_tui.hub.messages import Answer, ListRuns, Request
from rlhf_tui.hub.messages import RunList as Listed
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.tracking.foreign import scan

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


async def test_older_runs_of_a_directory_are_counted_and_stay_once_they_were_listed(
    tmp_path: Path, until: Until, monkeypatch: Any
) -> None:
    monkeypatch.setattr(scan, "MOST_RUNS", 2)

    def write(name: str, moment: int) -> None:
        (tmp_path / name).write_text('{"step": 1, "loss": 1}\n')
        os.utime(tmp_path / name, (moment, moment))

    for number in range(5):
        write(f"{number}.jsonl", 1000 + number)
    async with opened(tmp_path) as pilot:
        await until(pilot, lambda: "3 older" in screen(pilot).runs.text)
        await until(pilot, lambda: "5 runs" in shown(pilot))
        assert ids(pilot) == ["4.jsonl", "3.jsonl"]
        write("new.jsonl", 2000)
        screen(pilot).look_again()
        await until(pilot, lambda: ids(pilot) == ["new.jsonl", "4.jsonl", "3.jsonl"])
        await until(pilot, lambda: "6 runs" in shown(pilot))
