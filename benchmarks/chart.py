"""How long a chart takes to draw as its series grows: a million points about as fast as a thousand.

python benchmarks/chart.py        prints a table and the ratio; exit code 1 above RATIO
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable

from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_plot import render
from rlhf_tui.screens.widgets.chart_window import Window
from rlhf_tui.tracking.clock import Clock
from rlhf_tui.tracking.series import Series

POINTS = (1_000, 10_000, 100_000, 1_000_000)
SIZE = (58, 12)
"""Cells of one of four charts on a terminal of 120x30 without the list."""
ROUNDS = 20
RATIO = 4.0
"""What 1,000,000 points may cost over 1,000: the envelope of 100 dot columns, whose query costs
grow with the logarithm of the length."""


def made(points: int, seed: int) -> tuple[Series, Clock]:
    """A falling loss with noise, and the seconds at which it was written."""
    rng = random.Random(seed)
    series, clock, now = Series("loss"), Clock(), 0.0
    for step in range(points):
        now += 0.5 + rng.random()
        series.add(step, math.exp(-5 * step / points) + rng.random() / 5 + 0.01)
        clock.add(step, now)
    return series, clock


def cases(points: int) -> dict[str, Callable[[], object]]:
    """What is drawn, by name."""
    runs = [made(points, seed) for seed in range(4)]
    plain = [Curve(series, f"sft-000{n}", n, named=True) for n, (series, _) in enumerate(runs)]
    timed = [Curve(c.series, c.label, c.style, clock) for c, (_, clock) in
             zip(plain, runs, strict=True)]  # fmt: skip
    one, one_timed = Drawing("loss", "nats", (plain[0],)), Drawing("loss", "nats", (timed[0],))
    four = Drawing("loss", "nats", tuple(plain))
    four_timed = Drawing("loss", "nats", tuple(timed))
    part = (0.4 * points, 0.6 * points)
    window = Window()
    window.cross = 0.5 * points

    def moved() -> object:
        window.move(1, (0.0, points - 1.0), SIZE[0] * 2, [plain[0]])
        return render(*SIZE, one, Look(cross=window.cross))

    return {
        "raw": lambda: render(*SIZE, one, Look()),
        "smoothed": lambda: render(*SIZE, one, Look(smoothing=0.9)),
        "log": lambda: render(*SIZE, one, Look(log=True)),
        "zoomed": lambda: render(*SIZE, one, Look(window=part)),
        "by time": lambda: render(*SIZE, one_timed, Look(axis="time")),
        "cross": moved,
        "4 runs": lambda: render(*SIZE, four, Look()),
        "4 by time": lambda: render(*SIZE, four_timed, Look(axis="time", smoothing=0.9)),
    }


def main() -> int:
    medians: dict[tuple[int, str], float] = {}
    names: list[str] = []
    for points in POINTS:
        found = cases(points)
        if not names:
            names = list(found)
            print(f"{'points':>9}  " + "  ".join(f"{name:>9}" for name in names) + "  (ms)")
        for name, draw in found.items():
            draw()
            times = []
            for _ in range(ROUNDS):
                begin = time.process_time()
                draw()
                times.append((time.process_time() - begin) * 1e3)
            medians[points, name] = statistics.median(times)
        print(f"{points:>9,}  " + "  ".join(f"{medians[points, name]:>9.2f}" for name in names))
    ratios = {name: medians[POINTS[-1], name] / medians[POINTS[0], name] for name in names}
    worst = max(ratios, key=ratios.__getitem__)
    print(
        f"\n1,000,000 points cost at most {ratios[worst]:.1f} times what 1,000 cost ({worst};"
        f" bound {RATIO:.0f})"
    )
    return 0 if ratios[worst] <= RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
