"""Run directories of ours opened by their path, under another name than they were launched by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

from helpers.recorded import write_run
from screens_dashboard.test_files import opened, screen
from textual.pilot import Pilot

from rlhf_tui.screens.dashboard_data import DataPane

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


async def test_a_run_is_no_stranger_to_its_own_lineage(tmp_path: Path, until: Until) -> None:
    write_run(tmp_path, "sft-0001", kind="sft", steps=5, total=5).rename(tmp_path / "kept")
    async with opened(tmp_path / "kept") as pilot:
        await until(pilot, lambda: screen(pilot).followed)
        await pilot.press("8")
        await until(pilot, lambda: "data set" in cast(DataPane, screen(pilot).pane).text)
        text = cast(DataPane, screen(pilot).pane).text
        assert "✓ ▸sft-0001" in text
        assert "gone" not in text


async def test_a_title_that_is_the_name_stands_once(tmp_path: Path, until: Until) -> None:
    write_run(tmp_path, "kept", kind="sft", steps=5, total=5, title="kept")
    async with opened(tmp_path / "kept") as pilot:
        await until(pilot, lambda: screen(pilot).followed)
        assert [info.title for info in screen(pilot).runs.infos] == [""]
