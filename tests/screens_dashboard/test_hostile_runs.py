"""Every pane before a run whose files hold anything at all, on the poorest terminal."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.recorded import info_of, write_run
from rich.cells import cell_len
from screens_dashboard.test_files import shown
from textual.pilot import Pilot

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard import DashboardScreen
from rlhf_tui.screens.dashboard_panes import PANES

Until = Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]
EVIL = "[@click=app.quit]x[/b]\x1b]52;c;eA==\x07\u202e\u0301\u0301数据é" + "w" * 200
NUMBERS = (0, -1, 1e300, -1e300, 5e-324, 1e15, -1e15, 3, 2.5, 10**400, 1e-12)
FILES = ("metrics.jsonl", "samples.jsonl", "distributions.jsonl", "machine.jsonl", "log.txt")


def metrics(draw: random.Random) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for step in range(1, 60):
        row: dict[str, Any] = {"step": step, "time": draw.choice((step, 1e300, -5, 1.7e9 + step))}
        row |= {f"objective/{name}": draw.choice(NUMBERS) for name in ("scores", "kl")}
        row |= {EVIL: draw.choice(NUMBERS), "eval/reward": draw.choice(("text", None, 1.0))}
        row |= {"num_tokens": draw.choice(NUMBERS), "time/rollout": draw.choice(NUMBERS)}
        row |= {"human_agreement": draw.choice(NUMBERS), "response_length": draw.choice(NUMBERS)}
        if draw.random() < 0.2:
            row |= {"loss/value_avg": None, "not_finite": {"loss/value_avg": "nan"}}
        if draw.random() < 0.1:
            row["step"] = draw.choice((1e300, -7, 5, "x"))
        rows.append(row)
    return rows


def samples(draw: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "step": draw.choice((0, 5, 10, -3, 10**15)),
            "prompt": draw.choice((EVIL, "plain", [{"role": EVIL, "content": EVIL}], 7, None)),
            "completion": draw.choice((EVIL, "", "word " * 500, [{"content": 1}])),
            "reward": draw.choice((None, *NUMBERS[:-2])),
            "kl": draw.choice((None, *NUMBERS[:-2])),
            "by": draw.choice(("", "", "reference", EVIL)),
        }
        for _ in range(40)
    ]


def distributions(draw: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "step": step,
            "name": draw.choice(("reward", EVIL, "response_length")),
            "unit": draw.choice(("", EVIL)),
            "low": draw.choice((-1.7e308, -1e300, 0.0, 5e-324, 1.0, -5.0)),
            "high": draw.choice((1.7e308, 1e300, 5e-324, 1.0, 0.0)),
            "counts": draw.choice(([1], [0, 0], [3, 1, 4], [10**18, 1], [])),
        }
        for step in range(40)
    ]


def machine(draw: random.Random) -> list[dict[str, Any]]:
    def one() -> float:
        return draw.choice((0.0, -1.0, 1e300, 5.0, 1e12, 100.0))

    return [
        {
            "time": draw.choice((1e300, -1e300, 0.0, 1.7e9 + at, 1.7e9 - at)),
            **{n: one() for n in ("cpu", "ram", "ram_total", "run_ram", "read", "written")},
            **{n: one() for n in ("disk", "disk_free", "disk_total")},
            "gpus": [
                {"index": 0, "name": EVIL, **{n: one() for n in ("use", "memory", "power")}}
                for _ in range(draw.choice((0, 1)))
            ],
        }
        for at in range(40)
    ]


def write_hostile(directory: Path, draw: random.Random) -> None:
    """Lines as no trainer of ours writes them, some of them no JSON at all."""
    for name, rows in zip(FILES, (metrics, samples, distributions, machine), strict=False):
        lines = [json.dumps(row) for row in rows(draw)]
        lines.insert(draw.randrange(len(lines)), draw.choice(("{", "[1]", "\x00\x00", "NaN", "")))
        (directory / name).write_text("\n".join(lines) + "\n")
    (directory / "log.txt").write_bytes(f"{EVIL}\n".encode() * 30 + b"\xff\xfe\x1b[2J\r99%\r100%\n")


@pytest.fixture
def infos(workspace: Any) -> list[RunInfo]:
    directory = write_run(workspace.runs, "ppo-0001", kind="ppo", state="running", steps=60)
    (directory / "dataset").mkdir()
    manifest = {"kind": "ppo", "rows": {"train": 3, EVIL: -1}, "notes": [EVIL], "form": EVIL}
    (directory / "dataset" / "manifest.json").write_text(json.dumps(manifest))
    made = json.loads((directory / "args.json").read_text())
    made["arguments"]["reward_model"] = EVIL
    made["lineage"] = {"model": EVIL, EVIL: "sft-0009"}
    (directory / "args.json").write_text(json.dumps(made))
    info = info_of(directory, "running", title=EVIL, message=EVIL, note=EVIL, tags=[EVIL] * 3)
    other = write_run(workspace.runs, "ppo-0002", kind="ppo")
    return [info, info_of(other)]


@pytest.fixture
def poor(monkeypatch: pytest.MonkeyPatch) -> None:
    """ASCII without colour."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("NO_COLOR", "1")


def fits(pilot: Pilot[int], width: int) -> None:
    """All that is shown is ASCII, within the terminal, and nothing that acts on it."""
    for line in shown(pilot).split("\n"):
        assert cell_len(line) <= width
        assert line.isascii(), line
        assert line.isprintable(), repr(line)


@pytest.mark.usefixtures("poor")
@pytest.mark.parametrize("number", range(1, len(PANES) + 1))
async def test_what_the_files_hold_stops_no_pane(
    infos: list[RunInfo], program: Any, until: Until, number: int
) -> None:
    draw = random.Random(number)
    directory = Path(infos[0].directory)
    write_hostile(directory, draw)
    async with program("dashboard", (80, 24)) as pilot:
        here = pilot.app.screen
        assert isinstance(here, DashboardScreen)
        await until(pilot, lambda: here.followed and here.followed.follower.series)
        await pilot.press(f"{number}")
        for keys in ("j o k o", "J J right left n N d", "s l t t c right + + - 0", "f f", "L K"):
            await pilot.press(*keys.split())
            fits(pilot, 80)
        # The run writes on, is cut, is gone, and is there again.
        write_hostile(directory, draw)
        here.look_again()
        await pilot.pause()
        for name in FILES:
            (directory / name).write_bytes(b'{"step": 1, "lo')
        await pilot.press("K", "J")
        shutil.rmtree(directory)
        await until(pilot, lambda: here.followed and here.followed.follower.gone)
        here.look_again()
        await until(pilot, lambda: "is gone" in here.head.text)
        await pilot.press("J", "K", "right", "left", "n")
        fits(pilot, 80)
        directory.mkdir()
        write_hostile(directory, draw)
        here.look_again()
        await until(pilot, lambda: "is gone" not in here.head.text)
        fits(pilot, 80)
