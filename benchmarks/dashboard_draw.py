"""CPU milliseconds of one redraw of one chart in a Textual program, for a side of the benchmark.

python benchmarks/dashboard_draw.py ours|textual-plotext|textual-plot POINTS…

Every redraw has one more point than the one before, as live charts have. Runs in an environment
that has the side's package; ours needs nothing else.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from textual.app import App, ComposeResult

SIZE = (120, 30)
TIMES = 8


def ours(points: int) -> tuple[Any, Callable[[float], None]]:
    from rlhf_tui.screens.widgets.chart import Chart
    from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Look
    from rlhf_tui.tracking.series import Series

    series = Series("loss")
    for step, value in enumerate(values(points)):
        series.add(step, value)
    chart, drawing = Chart(), Drawing("loss", "nats", (Curve(series),))

    def add(value: float) -> None:
        series.add(len(series), value)
        chart.plot(drawing, Look())

    return chart, add


def plotext(points: int) -> tuple[Any, Callable[[float], None]]:
    from textual_plotext import PlotextPlot

    widget, listed = PlotextPlot(), values(points)

    def add(value: float) -> None:
        listed.append(value)
        widget.plt.clear_data()
        widget.plt.plot(listed, marker="braille")
        widget.refresh()

    return widget, add


def textual_plot(points: int) -> tuple[Any, Callable[[float], None]]:
    from textual_plot import HiResMode, PlotWidget

    widget, listed = PlotWidget(), values(points)

    def add(value: float) -> None:
        listed.append(value)
        widget.clear()
        widget.plot(range(len(listed)), listed, hires_mode=HiResMode.BRAILLE)

    return widget, add


SIDES = {"ours": ours, "textual-plotext": plotext, "textual-plot": textual_plot}


def values(points: int) -> list[float]:
    rng = random.Random(0)
    return [math.exp(-5 * step / points) + rng.random() / 5 for step in range(points)]


async def measure(side: str, points: int) -> float:
    widget, add = SIDES[side](points)

    class Program(App[None]):
        def on_load(self) -> None:
            if side == "ours":
                # Its colours are variables of its themes.
                from rlhf_tui.screens.theme import THEMES

                for theme in THEMES:
                    self.register_theme(theme)
                self.theme = THEMES[0].name

        def compose(self) -> ComposeResult:
            yield widget

    app = Program()
    async with app.run_test(size=SIZE) as pilot:
        add(0.5)
        await pilot.pause()
        times = []
        for _ in range(TIMES):
            began = time.process_time()
            add(0.5)
            await pilot.pause()
            times.append(time.process_time() - began)
    return sorted(times)[TIMES // 2] * 1000


if __name__ == "__main__":
    found = {points: asyncio.run(measure(sys.argv[1], int(points))) for points in sys.argv[2:]}
    print(json.dumps(found))
