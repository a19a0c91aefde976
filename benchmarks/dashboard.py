"""How the dashboard feels, against its goals, and beside what others use, in one run.

python -m venv benchmarks/.venv-dashboard-peers
benchmarks/.venv-dashboard-peers/bin/pip install textual==8.2.8 textual-plotext textual-plot wandb
python benchmarks/dashboard.py [PART…]     parts: paint live keys idle open draw; none: all

Peers: textual-plotext and textual-plot draw the same four metrics twice a second; W&B's LEET shows
an offline run of the same numbers. Without their environment the peers are left out. Times are of
this machine and this run: compare within a table. Exit code 1 where a goal is missed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from dashboard_runs import Growing, make
from typist import Typist

from rlhf_tui.hub.client import HubClient
from rlhf_tui.workspace import Workspace

HERE = Path(__file__).parent
PEERS = HERE / ".venv-dashboard-peers" / "bin"
DASHBOARD = [str(Path(sys.executable).with_name("rlhf-tui")), "dashboard"]
SIZE = {"columns": 200, "rows": 60}
LIVE_S = 20.0
GOALS = {
    "first paint with 200 runs, ms": 400.0,
    "four live charts, % of a core": 2.0,
    "four live charts, KB/s": 6.0,
    "key to paint while live, p99 ms": 16.0,
    "opening a million points again, ms": 300.0,
    "idle, bytes/s": 0.0,
}
missed: list[str] = []


def tell(name: str, value: float, text: str = "") -> None:
    """Print a figure, with its goal where it has one."""
    goal = GOALS.get(name)
    if goal is None:
        print(f"{name:48} {value:10.1f}  {text}", flush=True)
        return
    if value > goal:
        missed.append(name)
    verdict = "missed" if value > goal else "reached"
    print(f"{name:48} {value:10.1f}  goal {goal:g}: {verdict}  {text}", flush=True)


def environment(workspace: Workspace) -> dict[str, str]:
    return {"RLHF_TUI_WORKSPACE": str(workspace.root)}


def part_paint(place: Path) -> None:
    """First paint with the list of 200 runs in it; the hub is there, as it is for a second look."""
    workspace = make(place / "many", 200, 50)
    bare = "from textual.app import App; App().run()"
    times: dict[str, list[float]] = {"ours": [], "bare Textual": []}
    with HubClient(workspace, client="keeps the hub"):
        for _ in range(7):
            typist = Typist(DASHBOARD, environment=environment(workspace), **SIZE)
            times["ours"].append(typist.wait_for("200 runs") * 1000)
            typist.settle()
            typist.leave()
            typist = Typist([sys.executable, "-c", bare], **SIZE)
            times["bare Textual"].append(typist.wait_for("\x1b[?1049h") * 1000)
            typist.settle()
            typist.pty.terminate(force=True)
    listed = " ".join(f"{one:.0f}" for one in sorted(times["ours"]))
    tell("first paint with 200 runs, ms", statistics.median(times["ours"]), f"({listed})")
    tell("bare Textual, ms", statistics.median(times["bare Textual"]))


def cost(typist: Typist, seconds: float) -> tuple[float, float]:
    """CPU in per cent of a core and bytes a second while nobody presses a key."""

    def spent() -> float:
        family = [typist.process, *typist.process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in family)

    before = spent()
    count = typist.idle(seconds)
    return (spent() - before) / seconds * 100, count / seconds


def part_live(place: Path) -> None:
    """Four charts that get a point twice a second."""
    workspace = make(place / "live", 0, 0, live=True)
    run = workspace.runs / "ppo-0001"
    with HubClient(workspace, client="keeps the hub"), Growing(run):
        typist = Typist(DASHBOARD, environment=environment(workspace), columns=120, rows=30)
        typist.wait_for("objective/scores")
        typist.settle(0.3)
        typist.idle(3.0)
        percent, size = cost(typist, LIVE_S)
        tell("four live charts, % of a core", percent)
        tell("four live charts, KB/s", size / 1024)
        typist.leave()
        if not PEERS.exists():
            return
        for side in ("textual-plotext", "textual-plot"):
            command = [PEERS / "python", HERE / "dashboard_peer.py", side, run / "metrics.jsonl"]
            typist = Typist([str(word) for word in command], columns=120, rows=30)
            typist.idle(4.0)
            percent, size = cost(typist, LIVE_S)
            tell(f"  {side}, % of a core", percent)
            tell(f"  {side}, KB/s", size / 1024)
            typist.pty.terminate(force=True)
    with fed(place / "wandb", 10_000, 2.0) as log:
        typist = Typist([str(PEERS / "wandb"), "leet", str(log)], columns=200, rows=60)
        typist.idle(6.0)
        percent, size = cost(typist, LIVE_S)
        tell("  W&B LEET at 200x60, % of a core", percent)
        tell("  W&B LEET at 200x60, KB/s", size / 1024)
        typist.pty.terminate(force=True)


@contextmanager
def fed(place: Path, steps: int, rate: float) -> Iterator[Path]:
    """A W&B offline run that is being written, or with a rate of 0 is whole."""
    place.mkdir()
    command = [str(PEERS / "python"), str(HERE / "dashboard_feed.py"), str(place), f"{steps}"]
    feeder = subprocess.Popen([*command, f"{rate}"], stdout=subprocess.PIPE)
    assert feeder.stdout is not None
    feeder.stdout.readline()
    if not rate:
        feeder.wait()
    try:
        yield next(place.rglob("*.wandb"))
    finally:
        feeder.terminate()
        feeder.wait()


def part_keys(place: Path) -> None:
    """Keys while four charts are live, each of which changes what is seen: the crosshair, how the
    charts are drawn, other panes, other runs."""
    workspace = make(place / "keys", 20, 2_000, live=True)
    with HubClient(workspace, client="keeps the hub"), Growing(workspace.runs / "ppo-0021"):
        typist = Typist(DASHBOARD, environment=environment(workspace), columns=120, rows=30)
        typist.wait_for("objective/scores")
        typist.idle(3.0)
        for name, keys in {
            # Fewer than there are dot columns: at the edge nothing moves.
            "crosshair": "c" + "\x1b[D" * 60 + "c",
            "smoothing, log y": "sl" * 30,
            "zoom and pan": "++[[]0" * 13,
            "panes": "23456781" * 6,
            "runs": "j" * 19 + "k" * 19,
        }.items():
            presses = keys.split("\x1b[D")
            strokes = list(presses[0]) + ["\x1b[D"] * (len(presses) - 1) + list(presses[-1])
            strokes = strokes if len(presses) > 1 else list(keys)
            times = sorted(s.first_ms for key in strokes if (s := typist.press(key)).bytes)
            last = times[min(len(times) - 1, int(len(times) * 0.99))]
            tell(f"  {name}: p50 ms", statistics.median(times), f"n {len(times)}")
            tell(f"  {name}: p99 ms", last)
            everything.extend(times)
        everything.sort()
        worst = everything[int(len(everything) * 0.99)]
        tell("key to paint while live, p99 ms", worst, f"n {len(everything)}")
        typist.leave()


everything: list[float] = []


def part_idle(place: Path) -> None:
    """Nothing runs: nothing is drawn."""
    workspace = make(place / "idle", 5, 200)
    with HubClient(workspace, client="keeps the hub"):
        typist = Typist(DASHBOARD, environment=environment(workspace), columns=120, rows=30)
        typist.wait_for("objective/scores")
        typist.idle(4.0)
        percent, size = cost(typist, 15.0)
        tell("idle, bytes/s", size)
        tell("  idle, % of a core", percent)
        typist.leave()


def part_open(place: Path) -> None:
    """A run of a million points (250,000 steps of four metrics): CPU until all of it is drawn."""
    workspace = make(place / "long", 1, 250_000)
    for when in ("first", "again", "once more"):
        typist = Typist(DASHBOARD, environment=environment(workspace), **SIZE)
        spent = quiet(typist)
        name = "opening a million points again, ms" if when == "once more" else f"  {when}, CPU ms"
        if when == "once more":
            empty = Typist(DASHBOARD, environment=environment(make(place / "none", 1, 50)), **SIZE)
            small = quiet(empty)
            empty.leave()
            tell("  a run of 200 points, CPU ms", small)
            spent -= small
        tell(name, spent)
        typist.leave()
    if PEERS.exists():
        with fed(place / "wandb-long", 25_000, 0) as log:
            typist = Typist([str(PEERS / "wandb"), "leet", str(log)], **SIZE)
            tell("  W&B LEET, a tenth of the points, CPU ms", quiet(typist))
            typist.pty.terminate(force=True)


def quiet(typist: Typist) -> float:
    """CPU milliseconds that a program and its children took until it has drawn all."""
    typist.settle(4.0)
    family = [typist.process, *typist.process.children(recursive=True)]
    spent = 0.0
    for one in family:
        try:
            spent += sum(one.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return spent * 1000


def part_draw(place: Path) -> None:
    """CPU of one redraw as a chart's points grow."""
    points = ["1000", "100000", "1000000"]
    sides = {"ours": sys.executable}
    if PEERS.exists():
        sides |= dict.fromkeys(("textual-plotext", "textual-plot"), str(PEERS / "python"))
    print(f"{'one redraw at 120x30, CPU ms':32}" + "".join(f"{int(p):>12,}" for p in points))
    for side, python in sides.items():
        made = subprocess.run(
            [python, str(HERE / "dashboard_draw.py"), side, *points],
            capture_output=True, text=True, check=True, env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        found = json.loads(made.stdout)
        print(f"  {side:30}" + "".join(f"{found[p]:>12.1f}" for p in points), flush=True)


PARTS = {
    "paint": part_paint,
    "live": part_live,
    "keys": part_keys,
    "idle": part_idle,
    "open": part_open,
    "draw": part_draw,
}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rlhf-dashboard-") as place:
        os.environ["XDG_CACHE_HOME"] = f"{place}/cache"
        # How the dashboard was left is kept there.
        os.environ["XDG_STATE_HOME"] = f"{place}/state"
        for name in sys.argv[1:] or PARTS:
            began = time.monotonic()
            PARTS[name](Path(place))
            print(f"{'':48} {name} took {time.monotonic() - began:.0f} s", flush=True)
    for name in missed:
        print(f"missed: {name}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
