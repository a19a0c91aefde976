"""Four live charts by a peer: python dashboard_peer.py textual-plotext|textual-plot METRICS_FILE.

The file is read anew twice a second as our dashboard reads it, from where it ended; what is
compared is the drawing. Runs in the environment that has the peers.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Grid

METRICS = ("objective/scores", "objective/kl", "loss/policy_avg", "loss/value_avg")


class Program(App[None]):
    CSS = "Grid { grid-size: 2 2; }"

    def compose(self) -> ComposeResult:
        if sys.argv[1] == "textual-plot":
            from textual_plot import PlotWidget as Widget
        else:
            from textual_plotext import PlotextPlot as Widget
        self.charts: dict[str, Any] = {name: Widget() for name in METRICS}
        yield Grid(*self.charts.values())

    def on_mount(self) -> None:
        self.file = open(sys.argv[2], encoding="utf-8")  # noqa: PTH123, SIM115
        self.values: dict[str, list[float]] = {name: [] for name in METRICS}
        self.set_interval(0.5, self.look)
        self.look()

    def look(self) -> None:
        lines = self.file.readlines()
        for line in lines:
            row = json.loads(line)
            for name in METRICS:
                self.values[name].append(row[name])
        if not lines:
            return
        for name, chart in self.charts.items():
            if sys.argv[1] == "textual-plot":
                from textual_plot import HiResMode

                chart.clear()
                chart.plot(
                    range(len(self.values[name])),
                    self.values[name],
                    hires_mode=HiResMode.BRAILLE,
                )
            else:
                chart.plt.clear_data()
                chart.plt.title(name)
                chart.plt.plot(self.values[name], marker="braille")
                chart.refresh()


if __name__ == "__main__":
    Program().run()
