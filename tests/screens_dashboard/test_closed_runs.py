"""Runs whose files belong to somebody else: a reviewer sees the list, and is told why no more."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.recorded import FakeLink
from textual.pilot import Pilot

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any
RUN = "sft-0001"


def text(pilot: Pilot[int]) -> str:
    rows = pilot.app.screen._compositor.render_strips()
    return " ".join(" ".join("".join(one.text for one in row) for row in rows).split())


@pytest.fixture
def closed(link: FakeLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the call that fails: the superuser, who may run this, may read everything."""
    opened = os.open
    [directory] = [Path(one.directory) for one in link.infos if one.run_id == RUN]
    (directory / "dataset").mkdir(exist_ok=True)
    (directory / "dataset" / "manifest.json").write_text("{}")

    def refused(path: Any, *rest: Any, **more: Any) -> int:
        if f"/{RUN}/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", refused)


@pytest.mark.usefixtures("closed")
async def test_no_pane_says_that_a_run_left_nothing_that_cannot_be_read(
    program: Open, until: Until
) -> None:
    told = f"Cannot read {RUN}: Permission denied."
    async with program(f"dashboard:{RUN}", (100, 30)) as pilot:
        for key in "2356":
            await pilot.press(key)
            # In the head and in the pane.
            await until(pilot, lambda: text(pilot).count(told) == 2)
            assert "This run left no" not in text(pilot), key
        await pilot.press("8")
        await until(pilot, lambda: "data set" in text(pilot))
        await until(pilot, lambda: told in text(pilot))
        assert "never in this workspace" not in text(pilot)
        assert "Errno" not in text(pilot)
