"""A dashboard of a workspace without any run says how to start one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from screens_dashboard.test_files import shown
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]


@pytest.fixture
def infos() -> list[RunInfo]:
    """None at all."""
    return []


async def test_how_to_start_one_is_said(program: Any, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await until(pilot, lambda: "rlhf-tui train sft" in shown(pilot))
        assert "no runs yet" in shown(pilot)
