"""How long a chart takes to draw as its series grows: a million points about as fast as a thousand.

python benchmarks/chart.py        prints a table and the ratio; exit code 1 above RATIO
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time

from rlhf_tui.screens.widgets.chart_data import Look
from rlhf_tui.screens.widgets.chart_plot import draw
from rlhf_tui.tracking.series import Series

POINTS = (1_000, 10_000, 100_000, 1_000_000)
SIZE = (58, 12)
"""Cells of one of four charts on a terminal of 120x30 without the list."""
RATIO = 4.0
"""What 1,000,000 points may cost over 1,000: the envelope of 100 dot columns, whose query costs
grow with the logarithm of the length."""


def main() -> int:
    rng = random.Random(0)
    looks = {"raw": Look(), "smoothed": Look(smoothing=0.9), "log": Look(log=True)}
    print(f"{'points':>9}  {'append µs':>9}  " + "  ".join(f"{name:>8} ms" for name in looks))
    medians: dict[tuple[int, str], float] = {}
    for points in POINTS:
        series = Series("loss")
        begin = time.process_time()
        for step in range(points):
            series.add(step, math.exp(-5 * step / points) + rng.random() / 5 + 0.01)
        append = (time.process_time() - begin) / points * 1e6
        for name, look in looks.items():
            draw(*SIZE, "loss", "nats", [series], look)
            times = []
            for _ in range(20):
                begin = time.process_time()
                draw(*SIZE, "loss", "nats", [series], look)
                times.append((time.process_time() - begin) * 1e3)
            medians[points, name] = statistics.median(times)
        cells = "  ".join(f"{medians[points, name]:>11.2f}" for name in looks)
        print(f"{points:>9,}  {append:>9.2f}  {cells}")
    ratio = max(medians[POINTS[-1], name] / medians[POINTS[0], name] for name in looks)
    print(f"\n1,000,000 points cost {ratio:.1f} times what 1,000 cost (at most {RATIO:.0f})")
    return 0 if ratio <= RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
