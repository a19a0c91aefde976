"""What four live charts cost: processor time and bytes of the dashboard while a run writes.

    python benchmarks/live_charts.py [--seconds 20] [--lines 2000] [--rate 4]

A file of metrics grows by `--rate` lines a second. The dashboard (120x30: the list and four charts)
watches it on a pseudo-terminal. Exit code 1 where the charts as they open take more than
CPU_PERCENT or BYTES_A_SECOND. Processor time is the viewer's, of user and system, in percent of one
core.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from typist import Typist

CPU_PERCENT = 2.0
BYTES_A_SECOND = 6 * 1024
CASES = {
    "as it opens": "",
    "smoothed": "ss",
    "by time": "t",
    "zoomed at the end": "+++",
    "crosshair": "+c",
}
"""Keys that lead to what is measured, by its name."""


class Log:
    """A file of metrics that grows as that of a PPO run does."""

    def __init__(self, path: Path, lines: int, rate: float) -> None:
        self.path, self.rate = path, rate
        self.total, self.step, self.rng = lines * 2, 0, random.Random(0)
        now = time.time()
        with path.open("w") as file:
            for _ in range(lines):
                file.write(self.line(now - (lines - self.step) / rate))

    def line(self, when: float) -> str:
        """One more line of metrics, as our PPO logs them."""
        self.step += 1
        share, noise = self.step / self.total, self.rng.gauss
        return (
            json.dumps(
                {
                    "step": self.step,
                    "time": when,
                    "objective/scores": -1 + 3 * share**0.6 + noise(0, 0.2),
                    "objective/kl": 9 * share**1.4 + abs(noise(0, 0.4)),
                    "loss/policy_avg": noise(-0.01, 0.01),
                    "loss/value_avg": 0.6 * math.exp(-2 * share) + abs(noise(0, 0.05)),
                    "policy/entropy_avg": 3.1 - 1.1 * share + noise(0, 0.05),
                    "policy/clipfrac_avg": abs(noise(0.06, 0.03)),
                    "response_length": noise(24, 1.5),
                    "val/explained_variance": 1 - math.exp(-3 * share) + noise(0, 0.05),
                    "time/rollout": noise(0.6, 0.03),
                    "lr": 1e-4 * (1 - share),
                    "num_tokens": self.step * 1536,
                }
            )
            + "\n"
        )

    def grow(self, until: threading.Event) -> None:
        """Write lines at the rate until told to end."""
        while not until.wait(1 / self.rate):
            with self.path.open("a") as file:
                file.write(self.line(time.time()))


def spent(viewer: psutil.Process) -> float:
    times = viewer.cpu_times()
    return times.user + times.system


def measure(viewer: Typist, seconds: float) -> tuple[float, float]:
    """Percent of a core, and bytes a second."""
    viewer.settle(0.2)
    begin, at = spent(viewer.process), time.perf_counter()
    count = viewer.idle(seconds)
    took = time.perf_counter() - at
    return (spent(viewer.process) - begin) / took * 100, count / took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=4)
    given = parser.parse_args()
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        log = Log(Path(folder) / "ppo.jsonl", given.lines, given.rate)
        writer = threading.Thread(target=log.grow, args=(ended,))
        writer.start()
        command = [sys.executable, "-m", "rlhf_tui.cli", "dashboard", str(log.path)]
        missed = []
        try:
            print(f"{'':<20} {'% of a core':>12} {'bytes a second':>15}")
            for name, keys in CASES.items():
                # The dashboard comes back as it was left, and one case is not to begin with the
                # keys of the case before.
                state = {"XDG_STATE_HOME": f"{folder}/state-{name}".replace(" ", "-")}
                viewer = Typist(command, environment=state)
                try:
                    viewer.wait_for("loss/value_avg")
                    viewer.idle(3)
                    for key in keys:
                        viewer.press(key)
                    percent, rate = measure(viewer, given.seconds)
                finally:
                    viewer.leave()
                print(f"{name:<20} {percent:>12.2f} {rate:>15,.0f}", flush=True)
                if not keys and (percent > CPU_PERCENT or rate > BYTES_A_SECOND):
                    missed.append(name)
        finally:
            ended.set()
            writer.join()
    print(f"at most {CPU_PERCENT} % and {BYTES_A_SECOND:,} bytes a second as it opens")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
