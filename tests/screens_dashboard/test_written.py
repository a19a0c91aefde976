"""The samples pane of a generate run: the newest completions that it wrote, and where they are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_samples import SamplesPane
from rlhf_tui.tracking.written import MOST, PIECE, newest

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")


@pytest.fixture
def infos(infos: list[RunInfo]) -> list[RunInfo]:
    """The last one is a generate run, which leaves no samples."""
    (Path(infos[-1].directory) / "samples.jsonl").unlink()
    return infos


def write(directory: Path, prompts: int, k: int = 2) -> Path:
    path = directory / "completions.jsonl"
    lines = [
        json.dumps(
            {
                "completion_id": f"c-{prompt}-{index}",
                "prompt_id": f"p-{prompt:03d}",
                "completion": f" The film number {prompt}, told {index} times.\x1b[31m",
                "tokens": 12 + index,
                "finish_reason": "length" if index else "eos",
            }
        )
        for prompt in range(prompts)
        for index in range(k)
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_the_newest_are_read_from_the_end_of_the_file(tmp_path: Path) -> None:
    assert newest(tmp_path) == []
    path = write(tmp_path, 4000)
    assert path.stat().st_size > 2 * PIECE
    found = newest(tmp_path)
    assert len(found) == MOST
    assert found[-1].prompt_id == "p-3999"
    with path.open("a") as file:
        file.write('[1]\n{"completion_id": "c", "comp')
    assert [one.prompt_id for one in newest(tmp_path)][-1] == "p-3999"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
async def test_a_generate_run_shows_what_it_wrote(
    width: int,
    height: int,
    program: Any,
    infos: list[RunInfo],
    until: Until,
    frozen: None,
) -> None:
    write(Path(infos[-1].directory), 30)
    async with program("dashboard", (width, height)) as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: screen.followed)
        await pilot.press(*["j"] * (len(infos) - 1), "2")
        pane = screen.pane
        assert isinstance(pane, SamplesPane)
        await until(pilot, lambda: "told 1 times" in pane.text)
        assert "leads home, where r ranks it" in " ".join(pane.text.split())
        assert "left no samples" not in pane.text
        assert "\x1b" not in pane.text
        # To another run and back: what it wrote is not shown for one that wrote none.
        await pilot.press("k")
        await until(pilot, lambda: "told 1 times" not in pane.text)
        await pilot.press("j", "space")
        await until(pilot, lambda: "told 1 times" in pane.text)
        await pilot.press("b")
        await same_as_kept(pilot.app, pilot, PICTURES / f"written-{width}x{height}.svg")  # type: ignore[arg-type]


async def test_a_generate_run_without_completions_says_so(
    program: Any, infos: list[RunInfo], until: Until
) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: screen.followed)
        await pilot.press(*["j"] * (len(infos) - 1), "2")
        await until(pilot, lambda: "It wrote no completions." in screen.pane.text)
        await pilot.press("enter", "J")
        assert any("r ranks it" in one.message for one in pilot.app._notifications)
