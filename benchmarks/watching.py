"""What watching runs costs: opening long ones, twenty viewers of one, a list of two hundred.

    python benchmarks/watching.py [--quick]

Prints medians and exits with 1 if one of them misses its mark:

    opening     a run with 1,000,000 lines of 8 metrics (250 MB), and one with 1,000,000 points in
                all: its first indexing, and then, in a new process each time, the way from nothing
                read to four charts drawn, with the index and without. OPEN_MS with the index.
                Both files are in the system's cache
    watching    a run that logs 15 metrics a step through the context that our trainers log
                through, each step 20 ms of computing on as many cores as there are, alone and
                with twenty viewers that look twice a second. They are stopped and let go on in
                turns, so that both kinds of steps meet the same machine.
                WATCHED, and TAILING_CPU for the viewers' own time. Then the same with viewers
                that draw four charts at each look as the dashboard does: what stays of a chart
                is not drawn again, and where programs wait for a processor they look half as
                often. It has no mark
    idle        a look at a run that has not changed
    listing     ListRuns with 200 ended runs, asked of a hub, and read from their directories.
                LIST_MS after the first time

--quick: a tenth of the lines, and fewer turns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.hub.autostart import answers
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import ListRuns, RunList
from rlhf_tui.runs import layout
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import ProcessMark, RunArguments, RunExit, RunStatus
from rlhf_tui.runs.process import boot_id
from rlhf_tui.screens.dashboard_directories import read_runs
from rlhf_tui.screens.dashboard_live import CROWDED_TICK_S, TICK_S
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import RunRow, save_run
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.workspace import init_workspace

OPEN_MS = 300.0
WATCHED = 1.03
"""How much longer a step may take with twenty viewers that tail."""
TAILING_CPU = 0.03
"""Of one core, all twenty together."""
LIST_MS = 50.0
"""Of the 400 ms until the first paint."""
VIEWERS = 20
RUNS = 200
STEP_S = 0.02
TURN_S = 1.5
BEGUN = 2_000
"""Steps of the run that is watched before anybody comes: a young one's axes move at every look."""

WATCH = """
import signal, sys, time
from pathlib import Path
from rlhf_tui.runs.crowd import Crowd
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_dots import Dots
from rlhf_tui.screens.widgets.chart_plot import render
run, drawing, place = Path(sys.argv[1]), sys.argv[2] == "draw", int(sys.argv[3])
tick, crowded_tick = float(sys.argv[4]), float(sys.argv[5])
watch, crowd, dots = RunFollower(run), Crowd(), [Dots() for _ in range(4)]
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
def look():
    watch.take(watch.read())
    if drawing:
        for kept, name in zip(dots, watch.series):
            chart = Drawing(name, "", (Curve(watch.series[name]),))
            render(58, 12, chart, Look(live=True), kept)
look()  # what the first one imports is not counted
print("ready", flush=True)
time.sleep(0.5 * place / 20)
spent = looks = slept = 0
while not stop:
    begin = time.process_time()
    look()
    pause = crowded_tick if drawing and crowd.crowded() else tick
    spent += time.process_time() - begin
    looks += 1
    slept += pause
    time.sleep(pause)
print(spent, looks, slept, flush=True)
"""
OPEN = """
import sys, time
from pathlib import Path
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.screens.widgets.chart_plot import Look, draw
import rlhf_tui.tracking.index
begin = time.perf_counter()
watch = RunFollower(Path(sys.argv[1]))
more = True
while more:
    batch = watch.read()
    watch.take(batch)
    more = batch.more
for name in list(watch.series)[:4]:
    draw(58, 12, name, "", [watch.series[name]], Look())
print((time.perf_counter() - begin) * 1e3)
"""


def ask(program: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def opening(place: Path, lines: int, metrics: int, times: int) -> bool:
    run = place / f"run-{lines}"
    run.mkdir()
    with (run / "metrics.jsonl").open("w") as file:
        for step in range(lines):
            values = {f"metric/{k}": round(step * 0.37 % 11 + k / 3, 6) for k in range(metrics)}
            file.write(json.dumps({"step": step, "time": 1.7e9 + step * 0.5, **values}) + "\n")
    watch = RunFollower(run)
    begin, longest, more = time.perf_counter(), 0.0, True
    while more:
        batch = watch.read()
        taking = time.perf_counter()
        watch.take(batch)
        longest = max(longest, time.perf_counter() - taking)
        more = batch.more
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    watch.take(watch.read())
    kept = time.perf_counter() - begin
    found = statistics.median(ask(OPEN, str(run)) for _ in range(times))
    cache = os.environ["XDG_CACHE_HOME"]
    os.environ["XDG_CACHE_HOME"] = str(place / "empty")
    without = ask(OPEN, str(run))
    os.environ["XDG_CACHE_HOME"] = cache
    size = (run / "metrics.jsonl").stat().st_size / 1e6
    print(
        f"{lines:>9,} x {metrics}  {size:>5.0f} MB  first indexing {first:5.2f} s"
        f" (longest piece {longest * 1e3:.0f} ms, kept in {kept * 1e3:.0f} ms)"
        f"   opening {found:5.0f} ms, without an index {without:6.0f} ms"
    )
    return found <= OPEN_MS


class Training:
    """A run that computes and logs."""

    def __init__(self, run: Path) -> None:
        run.mkdir()
        arguments = RunArguments("ppo-0001", "ppo", msgspec.to_builtins(OPTIONS["ppo"]()))
        layout.write_atomic(run / layout.ARGS, arguments)
        self.context = RunContext(run, arguments)
        self.step = 0
        # The fastest of some: what else the machine does would make the steps too short.
        self.rounds = round(2_000 * STEP_S / min(self._time(2_000) for _ in range(20)))
        for _ in range(BEGUN):
            self._log()

    def _compute(self, rounds: int) -> None:
        # It lets other threads work meanwhile, as torch does.
        cores = len(os.sched_getaffinity(0))
        work = [
            threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"a", b"b", rounds))
            for _ in range(cores)
        ]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()

    def _time(self, rounds: int) -> float:
        begin = time.perf_counter()
        self._compute(rounds)
        return time.perf_counter() - begin

    def _log(self) -> None:
        self.step += 1
        figures = {f"metric/{k}": k + math.sin(self.step * 0.1) for k in range(15)}
        self.context.log_metrics(self.step, figures)

    def turn(self, seconds: float) -> float:
        """Seconds a step, on the average of a turn."""
        begin, first = time.perf_counter(), self.step
        while time.perf_counter() - begin < seconds:
            self._compute(self.rounds)
            self._log()
        return (time.perf_counter() - begin) / (self.step - first)


def watching(place: Path, way: str, turns: int) -> bool:
    run = place / f"watched-{way}"
    training = Training(run)
    viewers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", WATCH, str(run), way, str(number)),
                *(str(TICK_S), str(CROWDED_TICK_S)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(VIEWERS)
    ]
    for viewer in viewers:
        assert viewer.stdout is not None
        viewer.stdout.readline()
    times: list[tuple[float, float]] = []
    for _ in range(turns):
        pair = []
        for sign in (signal.SIGSTOP, signal.SIGCONT):
            for viewer in viewers:
                viewer.send_signal(sign)
            pair.append(training.turn(TURN_S))
        times.append((pair[0], pair[1]))
    for viewer in viewers:
        viewer.send_signal(signal.SIGCONT)
        viewer.terminate()
    told = [viewer.communicate()[0].split() for viewer in viewers]
    a_look = statistics.median(float(spent) / int(looks) for spent, looks, _ in told)
    # While they were stopped they neither looked nor waited.
    a_second = statistics.median(float(spent) / float(slept) for spent, _, slept in told)
    cpu = a_second * VIEWERS
    before = statistics.median(alone for alone, _ in times)
    # Of neighbours, since what else the machine does comes and goes.
    slower = statistics.median(watched / alone for alone, watched in times)
    print(
        f"{VIEWERS} viewers, {way}: a step of {before * 1e3:.1f} ms takes {slower:.3f} times as"
        f" long; a look {a_look * 1e6:.0f} us, {a_second * 60:.2f} s of CPU a viewer and minute,"
        f" all of them {cpu:.2%} of a core"
    )
    return way == "draw" or (slower <= WATCHED and cpu <= TAILING_CPU)


def idle(place: Path) -> None:
    watch = RunFollower(place / "watched-tail")
    while not (batch := watch.read()).empty:
        watch.take(batch)
    begin = time.process_time()
    for _ in range(2000):
        watch.take(watch.read())
    spent = (time.process_time() - begin) / 2000
    print(f"a look at nothing new: {spent * 1e6:.0f} us, {spent / TICK_S:.3%} of a core")


def listing(place: Path, times: int) -> bool:
    workspace = init_workspace(place / "w")
    dead = ProcessMark(4_000_000, 1.0, socket.gethostname(), boot_id())
    rows = []
    for number in range(RUNS):
        run = workspace.runs / f"sft-{number:04d}"
        run.mkdir(parents=True)
        options = msgspec.to_builtins(OPTIONS["sft"]())
        layout.write_atomic(run / layout.ARGS, RunArguments(run.name, "sft", options))
        figures = {f"metric/{k}": 0.1 * k for k in range(15)}
        status = RunStatus("finished", dead, 2.0, 20, 20, "", figures)
        layout.write_atomic(run / layout.STATUS, status)
        layout.write_atomic(run / layout.SUPERVISOR, dead)
        layout.write_atomic(run / layout.WORKER, dead)
        layout.write_atomic(run / layout.EXIT, RunExit(0, None, False, 2.0))
        rows.append(RunRow(run.name, "sft", "finished", "", str(run), 1, 1, 2))
    with Store(workspace.store, workspace.lock) as store:
        save_run(store, *rows)
    files = []
    for _ in range(times):
        begin = time.perf_counter()
        assert len(read_runs(workspace.runs)) == RUNS
        files.append((time.perf_counter() - begin) * 1e3)
    hub = subprocess.Popen(
        [sys.executable, "-m", "rlhf_tui.hub.server", str(workspace.root)],
        stderr=subprocess.DEVNULL,
    )
    while not answers(workspace):
        time.sleep(0.05)
    asked = []
    with HubClient(workspace) as owner:
        for _ in range(times):
            begin = time.perf_counter()
            assert len(owner.call(ListRuns(), RunList).runs) == RUNS
            asked.append((time.perf_counter() - begin) * 1e3)
    hub.terminate()
    hub.wait()
    later, read = statistics.median(asked[1:]), statistics.median(files[1:])
    print(
        f"{RUNS} runs: ListRuns {asked[0]:.0f} ms at first, then {later:.1f} ms;"
        f" without a hub {files[0]:.0f} ms at first, then {read:.1f} ms"
    )
    return later <= LIST_MS and read <= LIST_MS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    lines, times, turns = (100_000, 3, 4) if quick else (1_000_000, 7, 10)
    with tempfile.TemporaryDirectory(prefix="watching-") as name:
        place = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")
        held = [
            opening(place, lines, 8, times),
            opening(place, lines // 8, 8, times),
            watching(place, "tail", turns),
            watching(place, "draw", turns),
        ]
        idle(place)
        held.append(listing(place, times + 3))
    print("all marks are met" if all(held) else "a mark is missed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
