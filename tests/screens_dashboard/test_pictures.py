"""Pictures of the dashboard's list and charts, of what is asked, and of the palette.

The panes beside the charts and the launch screen have theirs in their own tests. After a wanted
change: UPDATE_PICTURES=1 pytest tests/screens_dashboard/test_pictures.py, then look at the SVG
files in tests/screens_dashboard/pictures.
"""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from screens_dashboard.test_palette import listed
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs.layout import RunKind, State
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")
SMALL, MIDDLE, LARGE = (80, 24), (120, 30), (200, 60)
SHOTS: list[tuple[str, str, tuple[int, int], str, str]] = [
    ("dashboard-80x24", "dashboard", SMALL, "", "objective/scores"),
    ("dashboard-120x30", "dashboard:sft-0001", MIDDLE, "", "grad_norm"),
    ("dashboard-200x60-smooth", "dashboard", LARGE, "s s", "smooth 0.9"),
    ("dashboard-120x30-log", "dashboard:rm-0001", MIDDLE, "l", "log y"),
    ("dashboard-80x24-full", "dashboard", SMALL, "f", " 1/1"),
    ("dashboard-failed", "dashboard:ppo-0001", MIDDLE, "6", "step 40: saved"),
    ("control-stop-80x24", "dashboard", SMALL, "x", "It saves a checkpoint first"),
    ("control-note-80x24", "dashboard", SMALL, "m", "Note on ppo-0002"),
    ("control-rename-200x60", "dashboard", LARGE, "e", "Title of ppo-0002"),
    ("control-priority-80x24", "dashboard", SMALL, "j p", "Priority of sft-0002"),
    ("control-find-80x24", "dashboard", SMALL, "slash", "regular expression"),
    ("help-80x24", "dashboard", SMALL, "question_mark", "Next run of the list"),
    ("help-200x60", "dashboard", LARGE, "question_mark", "Next run of the list"),
]


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("name", "start", "size", "keys", "shows"), SHOTS, ids=[shot[0] for shot in SHOTS]
)
async def test_picture(
    name: str,
    start: str,
    size: tuple[int, int],
    keys: str,
    shows: str,
    program: Any,
    until: Until,
) -> None:
    async with program(start, size) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press(*keys.split())
        await until(pilot, lambda: shows in shown(pilot))
        await same_as_kept(pilot.app, pilot, PICTURES / f"{name}.svg")


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("kind", "shows"), [("dpo", "rewards/accuracies"), ("grpo", "reward_std")])
async def test_curves_of_a_kind(
    kind: RunKind, shows: str, workspace: Workspace, program: Any, link: FakeLink, until: Until
) -> None:
    directory = write_run(workspace.runs, f"{kind}-0001", kind=kind, created=NOW - 900)
    link.infos[:] = [info_of(directory)]
    async with program("dashboard", MIDDLE) as pilot:
        await until(pilot, lambda: drawn(pilot) and shows in shown(pilot))
        await same_as_kept(pilot.app, pilot, PICTURES / f"dashboard-{kind}-120x30.svg")


@pytest.fixture
def twenty(workspace: Workspace, link: FakeLink) -> list[RunInfo]:
    """Twenty runs: of every kind, in every state, some with titles, tags and marks."""
    kinds = get_args(RunKind)
    states: tuple[State, ...] = ("finished", "stopped", "finished", "failed", "finished")
    link.infos[:] = []
    for place in range(20):
        kind = kinds[place % len(kinds)]
        state: State = "running" if place == 2 else "queued" if place < 2 else states[place % 5]
        directory = write_run(
            workspace.runs,
            f"{kind}-{20 - place:04}",
            kind=kind,
            state=state,
            steps=0 if state == "queued" else 150 if state == "finished" else 40 + place,
            title="" if place % 3 else f"try {place + 1}, with a longer title",
            message="The GPU ran out of memory." if state == "failed" else "",
            created=NOW - 700 * (place + 1) ** 2,
        )
        link.infos.append(
            info_of(
                directory,
                state,
                queue_position=place + 1 if state == "queued" else 0,
                current=place == 7,
                tags=["paper", "v2"] if place % 4 == 0 else [],
                archived=place == 9,
                note="worth another look" if place == 5 else "",
            )
        )
    return link.infos


@pytest.mark.usefixtures("frozen", "twenty")
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])
async def test_a_list_of_twenty(program: Any, until: Until, size: tuple[int, int]) -> None:
    async with program("dashboard", size) as pilot:
        await until(pilot, lambda: pilot.app.screen.runs.infos)
        # Further down than a small terminal is high, past a run that was put away.
        await pilot.press("A", *"j" * 14)
        charts = pilot.app.screen.charts
        await until(pilot, lambda: charts._chosen and charts._chosen.run_id == "rm-0006")
        await until(pilot, lambda: charts.curves and charts.curves[0].series.steps[-1] > 140)
        name = f"list-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])
async def test_the_palette(program: Any, until: Until, size: tuple[int, int]) -> None:
    async with program("dashboard", size) as pilot:
        await until(pilot, lambda: drawn(pilot))
        await pilot.press("colon", *"run")
        # What is listed before anything is typed is gone, and the last of what was found is there.
        await until(
            pilot, lambda: not listed(pilot, "Logarithmic") and listed(pilot, "Go to: Runs")
        )
        name = f"palette-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)


def shown(pilot: Pilot[int]) -> str:
    """The words on the screen."""
    words = re.sub(r"<style.*?</style>|<[^>]+>", "", pilot.app.export_screenshot(), flags=re.S)
    return html.unescape(words).replace("\xa0", " ")


def drawn(pilot: Pilot[int]) -> bool:
    return any(0x2800 < ord(c) < 0x2900 for c in pilot.app.export_screenshot())
