"""The machine pane: figures of GPUs, CPU, RAM and disk, speed, and when the run ends."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.pictures import same_as_kept
from helpers.recorded import FakeLink, info_of, write_run
from textual.pilot import Pilot

from rlhf_tui.runs.layout import GpuRow, MachineRow
from rlhf_tui.screens.dashboard_machine import MachinePane
from rlhf_tui.screens.theme import ASCII, UNICODE
from rlhf_tui.screens.widgets.machine_table import machine_rows, size
from rlhf_tui.workspace import Workspace

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
PICTURES = Path(__file__).with_name("pictures")
NOW = 1_763_640_000.0
GIB = 2.0**30


def rows(count: int, gpus: int, until: float = NOW) -> list[MachineRow]:
    """A machine every two seconds; it works harder every half minute."""
    found = []
    for index in range(count):
        busy = 0.6 + 0.35 * math.sin(index / 4)
        found.append(
            MachineRow(
                time=until - 2 * (count - index),
                cpu=20 + 30 * busy,
                ram=(20 + index / 10) * GIB,
                ram_total=128 * GIB,
                run_cpu=180 * busy,
                run_ram=(6 + index / 12) * GIB,
                disk_free=24 * GIB,
                disk_total=64 * GIB,
                read=3e6 * busy,
                written=4e7 if index % 30 == 0 else 2e4,
                gpus=[
                    GpuRow(
                        gpu,
                        "NVIDIA H200",
                        use=100 * busy,
                        memory=(50 + 8 * gpu + index / 8) * GIB,
                        memory_total=139 * GIB,
                        temperature=50 + 15 * busy,
                        power=200 + 450 * busy,
                        power_limit=700,
                    )
                    for gpu in range(gpus)
                ],
            )
        )
    return found


def write_machine(directory: Path, found: list[MachineRow], mode: str = "wb") -> None:
    with (directory / "machine.jsonl").open(mode) as file:
        file.writelines(msgspec.json.encode(row) + b"\n" for row in found)


@pytest.fixture
def watched(workspace: Workspace, link: FakeLink) -> Path:
    """A PPO run at step 83 of 150, whose lines tell of tokens and phases."""
    directory = write_run(
        workspace.runs, "ppo-0007", state="running", steps=83, total=150, created=NOW - 190
    )
    lines = [
        {
            "step": step,
            "time": NOW - 166 + 2 * step,
            "objective/kl": 1.0,
            "num_tokens": 1536 * step,
            "num_samples": 64 * step,
            "time/rollout": 1.2,
            "time/reward": 0.1,
            "time/update": 0.7,
            "time/evaluate": 4.5,
        }
        for step in range(1, 84)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (directory / "metrics.jsonl").write_text(text)
    status = json.loads((directory / "status.json").read_text()) | {"updated": NOW}
    (directory / "status.json").write_text(json.dumps(status))
    info = info_of(directory, "running")
    link.infos[:] = [msgspec.structs.replace(info, started_ms=round((NOW - 190) * 1000))]
    return directory


def pane(pilot: Pilot[int]) -> MachinePane:
    found: MachinePane = pilot.app.screen.panes[4]  # type: ignore[attr-defined]
    return found


@pytest.mark.usefixtures("frozen")
async def test_speed_phases_and_end_without_figures_of_the_machine(
    watched: Path, program: Any, until: Until
) -> None:
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "speed" in pane(pilot).text)
        text = pane(pilot).text
        assert "0.5 steps/s, 768 tokens/s, 32 samples/s" in text
        phases = "a step   2 s: rollout 60%, update 35%, reward 5%; 4.5 s an evaluation"
        assert phases in text
        assert "left     about 2m, ends 12:02" in text
        assert "No figures of the machine yet" in text
        head = pilot.app.screen.head.text  # type: ignore[attr-defined]
        assert "about 2m left, ends 12:02" in head
    assert watched.is_dir()


@pytest.mark.usefixtures("frozen")
async def test_the_newest_figures_and_new_ones_as_they_come(
    watched: Path, program: Any, until: Until
) -> None:
    found = rows(90, gpus=1)
    write_machine(watched, found)
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "RAM" in pane(pilot).text)
        text = pane(pilot).text
        assert "61.1 GiB of 139 GiB" in text
        assert "51%, 58 °C, 430 of 700 W NVIDIA H200" in text
        assert "24 GiB of 64 GiB free" in text
        changed = msgspec.structs.replace(found[-1], time=NOW, ram=127 * GIB)
        write_machine(watched, [changed], "ab")
        await until(pilot, lambda: "127 GiB of 128 GiB" in pane(pilot).text)
        assert len(pane(pilot).charts[2].series[0]) == 91
        # Written anew, as by a second start: the old rows are forgotten.
        (watched / "machine.jsonl").unlink()
        write_machine(watched, rows(7, gpus=1))
        await until(pilot, lambda: len(pane(pilot).charts[2].series[0]) == 7)


@pytest.mark.usefixtures("frozen")
async def test_a_clock_that_jumps_and_gpus_that_come_late(
    watched: Path, program: Any, until: Until
) -> None:
    without = rows(10, gpus=0, until=NOW + 5000)
    write_machine(watched, [*without, *rows(20, gpus=8)])
    async with program("dashboard", (120, 30)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "GPU 7" in pane(pilot).text)
        use = pane(pilot).charts[0].series
        assert [len(one) for one in use] == [20] * 6
        assert use[0].steps[-1] - use[0].steps[0] < 60


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
@pytest.mark.parametrize("gpus", [0, 1])
async def test_pictures(
    watched: Path, program: Any, until: Until, width: int, height: int, gpus: int
) -> None:
    write_machine(watched, rows(90, gpus))
    async with program("dashboard", (width, height)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "RAM" in pane(pilot).text)
        name = f"machine-{'gpu' if gpus else 'cpu'}-{width}x{height}.svg"
        await same_as_kept(pilot.app, pilot, PICTURES / name)


@pytest.mark.usefixtures("frozen")
async def test_a_terminal_without_utf8(
    workspace: Workspace, watched: Path, program: Any, until: Until
) -> None:
    workspace.config.write_text('[display]\nascii = "yes"\n')
    write_machine(watched, rows(90, gpus=2))
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "GPU use" in pane(pilot).text)
        seen = pane(pilot).text
        for _ in range(6):
            await pilot.press("space")
            seen += pane(pilot).text
        assert "MiB/s" in seen, "the last chart is reached by pages"
        assert seen.isascii()


@pytest.mark.usefixtures("frozen")
async def test_an_ended_run_without_figures_says_so(
    workspace: Workspace, link: FakeLink, program: Any, until: Until
) -> None:
    directory = write_run(workspace.runs, "sft-0009", kind="sft", steps=30, total=30)
    link.infos[:] = [info_of(directory)]
    async with program("dashboard", (80, 24)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "left no figures" in pane(pilot).text)
        assert "speed" in pane(pilot).text


def test_ascii_alone_where_the_terminal_has_nothing_else() -> None:
    for row in rows(3, gpus=2):
        shown = "\n".join("".join(t for t, _ in one) for one in machine_rows(row, 54, ASCII))
        assert shown.isascii()


@pytest.mark.parametrize("width", [51, 54, 170])
def test_every_row_fits(width: int) -> None:
    for row in rows(3, gpus=1):
        for one in machine_rows(row, width, UNICODE):
            assert sum(len(text) for text, _ in one) <= width


def test_a_gpu_that_tells_little_and_a_name_with_signs_of_control() -> None:
    row = msgspec.structs.replace(rows(1, 0)[0], gpus=[GpuRow(3, "A\x1b[31mB\n")], disk_total=0)
    shown = "\n".join("".join(t for t, _ in one) for one in machine_rows(row, 54, UNICODE))
    assert "GPU 3" in shown
    assert "\x1b" not in shown
    assert "tells no figures" in shown
    assert "disk" not in shown


def test_sizes() -> None:
    given = [0, 1, 1023, 1024, 1.5 * 2**20, 139 * GIB, 999.9 * GIB, 2.0**60]
    assert [size(one) for one in given] == [
        "0 B", "1 B", "1023 B", "1 KiB", "1.5 MiB", "139 GiB", "1000 GiB", "1024 PiB",
    ]  # fmt: skip
