"""The arguments pane: runs kept for comparison in columns, found by name."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from screens_dashboard.conftest import NOW
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_arguments import ArgumentsPane
from rlhf_tui.tracking.series import Series
from rlhf_tui.tracking.subjects import Subject
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
Open = Any
PICTURES = Path(__file__).with_name("pictures")


@pytest.fixture
def infos() -> list[RunInfo]:
    """No runs but those of this file."""
    return []


def pane(pilot: Pilot[int]) -> ArgumentsPane:
    screen = pilot.app.screen
    assert isinstance(screen, DashboardScreen)
    assert isinstance(screen.pane, ArgumentsPane)
    return screen.pane


@pytest.fixture
def several(workspace: Workspace, link: FakeLink) -> list[RunInfo]:
    """Four PPO runs that differ in two arguments; the first is alive."""
    for number, coefficient in enumerate((0.05, 0.1, 0.2, 0.4), 1):
        state: Any = "running" if number == 1 else "finished"
        directory = write_run(
            workspace.runs, f"ppo-000{number}", steps=40 + number, created=NOW - 100 * number,
            state=state, arguments={"kl_coef": coefficient, "seed": number},
        )  # fmt: skip
        link.infos.append(info_of(directory, state))
    return link.infos


async def compared(pilot: Pilot[int], until: Until, runs: int) -> None:
    """Keep the first runs of the list for comparison, and choose the first again."""
    screen = pilot.app.screen
    assert isinstance(screen, DashboardScreen)
    for place in range(runs):
        await until(
            pilot,
            lambda place=place: screen.followed and screen.runs.index == place,  # type: ignore[misc]
        )
        await pilot.press("o", "j") if place + 1 < runs else await pilot.press("o")
    await pilot.press(*["k"] * (runs - 1), "7")
    await until(pilot, lambda: "what differs" in pane(pilot).text)


@pytest.mark.usefixtures("several")
async def test_what_differs_stands_in_columns_with_the_best_marked(
    program: Open, until: Until
) -> None:
    async with program("dashboard", (200, 60)) as pilot:
        await compared(pilot, until, 3)
        # The tables stand above the chosen run's own arguments: the first of a name counts.
        shown = reversed(pane(pilot).text.splitlines())
        lines = {line.split()[0]: line.split() for line in shown if line.strip()}
        assert lines["ppo-0001"] == ["ppo-0001", "ppo-0002", "ppo-0003"]
        assert lines["kl_coef"][:4] == ["kl_coef", "0.05", "0.1", "0.2"]
        assert lines["seed"][:4] == ["seed", "1", "2", "3"]
        assert lines["objective/scores"].count("*") == 1
        assert "*" not in lines["objective/kl"]
        assert "* the best" in pane(pilot).text
        assert "those that differ from the default first" in pane(pilot).text
        assert pane(pilot).notes()[0] == "3 runs"


def test_a_comparison_that_is_read_before_the_pane_has_a_place_waits_for_it() -> None:
    pane, kinds = ArgumentsPane(), {"dpo-0001": "dpo", "kto-0001": "kto"}
    loss = Series("loss")
    loss.add(1, 0.5)
    pane._subjects = [Subject(run, kind, series={"loss": loss}) for run, kind in kinds.items()]
    pane.relayout()
    told = " ".join(text.strip() for row in pane.all_rows for text, _ in row)
    assert "Losses of different kinds of runs do not compare." in told


@pytest.mark.usefixtures("several")
async def test_runs_that_find_no_room_are_turned_to(program: Open, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await compared(pilot, until, 4)
        assert "2 more" in pane(pilot).text
        assert "ppo-0002" in pane(pilot).text
        await pilot.press("right")
        text = pane(pilot).text
        assert "ppo-0002" not in text
        assert "ppo-0003" in text
        assert "ppo-0001" in text
        await pilot.press("right", "right", "right")
        assert "ppo-0004" in pane(pilot).text
        await pilot.press("left", "left", "left", "left")
        assert "ppo-0002" in pane(pilot).text


async def test_figures_of_a_live_run_move_on(
    several: list[RunInfo], program: Open, until: Until
) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await compared(pilot, until, 2)
        with (Path(several[0].directory) / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": 42, "objective/scores": 77.25}) + "\n")
        await until(pilot, lambda: "77.25 *" in pane(pilot).text)


@pytest.mark.usefixtures("several")
async def test_names_are_found(program: Open, until: Until) -> None:
    async with program("dashboard", (80, 24)) as pilot:
        await compared(pilot, until, 2)
        assert pane(pilot).find("KL_coef") == ""
        text = pane(pilot).text
        assert "kl_coef" in text
        assert text.count("ppo-0001") == 1
        assert "seed" not in text
        assert "default" in text
        assert pane(pilot).notes()[0] == "2 runs, only 'KL_coef'"
        assert pane(pilot).find("walrus") == "No argument's name holds 'walrus'."
        assert pane(pilot).text == text
        assert "no regular expression" in pane(pilot).find("(")
        assert pane(pilot).find("") == ""
        assert "seed" in pane(pilot).text


async def test_ascii_terminals(
    workspace: Workspace, several: list[RunInfo], program: Open, until: Until
) -> None:
    workspace.config.write_text('[display]\nascii = "yes"\n')
    arguments = json.loads((Path(several[1].directory) / "args.json").read_text())
    arguments["arguments"]["model"] = "/ä/long/path/that/has/no/room/in/its/column/ü\x1b[2J"
    (Path(several[1].directory) / "args.json").write_text(json.dumps(arguments))
    async with program("dashboard", (80, 24)) as pilot:
        await compared(pilot, until, 3)
        assert pane(pilot).text.isascii()
        assert "\x1b" not in pane(pilot).text


@pytest.mark.usefixtures("frozen", "several")
@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_pictures(size: tuple[int, int], program: Open, until: Until) -> None:
    async with program("dashboard", size) as pilot:
        await compared(pilot, until, 3)
        # The directory, which is another one each time, is not among them.
        pane(pilot).find("kl|seed|batch|objective|value|length")
        pilot.app.screen.draw_tabs()  # type: ignore[attr-defined]
        name = f"arguments-compared-{size[0]}x{size[1]}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)  # type: ignore[arg-type]
