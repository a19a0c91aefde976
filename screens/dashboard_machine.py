"""The machine pane: what the machine does for the run, how fast the run is, and when it ends."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from itertools import takewhile
from typing import ClassVar

from rlhf_tui.runs.layout import GpuRow, MachineRow
from rlhf_tui.screens.dashboard_empty import why_empty
from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_data import STYLES, Look
from rlhf_tui.screens.widgets.chart_plot import draw
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.machine_table import machine_rows, speed_rows
from rlhf_tui.screens.widgets.run_list import duration
from rlhf_tui.screens.widgets.run_list_head import clock, left_of
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.clock import TimeClock
from rlhf_tui.tracking.progress import throughput
from rlhf_tui.tracking.series import Series

COMES = "they come once the run is on it."
GIB = 2.0**30
MIB = 2.0**20
GAP = 2
"""Cells between two charts."""
NARROWEST = 26
LOWEST, HIGHEST = 6, 20
"""Rows of a chart."""
OLD_S = 60.0
"""Figures of a living run that are older are said to be old."""

Value = Callable[[MachineRow], float | None]


def _of_gpu(index: int, value: Callable[[GpuRow], float | None]) -> Value:
    def found(row: MachineRow) -> float | None:
        gpu = next((one for one in row.gpus if one.index == index), None)
        return None if gpu is None else value(gpu)

    return found


def _gib(count: float | None) -> float | None:
    return None if count is None else count / GIB


PERCENT = (0.0, 100.0)


class Figures:
    """A chart's curves, of figures that are read off each row."""

    def __init__(
        self, title: str, unit: str, values: dict[str, Value], span: tuple[float, ...] = (0.0,)
    ) -> None:
        """
        Args:
            span: what the y axis holds at least.
        """
        self.title, self.unit, self._values, self.span = title, unit, values, span
        self.series = [Series(name) for name in values]

    def add(self, seconds: float, row: MachineRow) -> None:
        """Take a row; what it does not hold is no point."""
        for one, value in zip(self.series, self._values.values(), strict=True):
            number = value(row)
            if number is not None:
                one.add(seconds, number)


def figures_for(row: MachineRow) -> list[Figures]:
    """The charts for a machine like this one."""
    gpus = [gpu.index for gpu in row.gpus][:STYLES]

    def each(value: Callable[[GpuRow], float | None]) -> dict[str, Value]:
        return {f"GPU {index}": _of_gpu(index, value) for index in gpus}

    charts = [
        Figures("GPU use", "%", each(lambda gpu: gpu.use), PERCENT),
        Figures("GPU memory", "GiB", each(lambda gpu: _gib(gpu.memory))),
        Figures("CPU", "% of all cores", {"CPU": lambda row: row.cpu}, PERCENT),
        Figures(
            "RAM",
            "GiB",
            {"machine": lambda row: row.ram / GIB, "run": lambda row: row.run_ram / GIB},
        ),
        Figures("GPU power", "W", each(lambda gpu: gpu.power)),
        Figures("GPU temperature", "C", each(lambda gpu: gpu.temperature)),
        Figures(
            "disk",
            "MiB/s",
            {"read": lambda row: row.read / MIB, "written": lambda row: row.written / MIB},
        ),
    ]
    return [chart for chart in charts if chart.series]


class MachinePane(PagedView, Pane):
    """The newest figures as a table, and below it how they went."""

    TITLE = "machine"
    DEFAULT_CSS = """
    MachinePane {
        & > .canvas--grid { color: $foreground 14%; }
        & > .canvas--series-0 { color: $curve-0; }
        & > .canvas--series-1 { color: $curve-1; }
        & > .canvas--series-2 { color: $curve-2; }
        & > .canvas--series-3 { color: $curve-3; }
        & > .canvas--series-4 { color: $curve-4; }
        & > .canvas--series-5 { color: $curve-5; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "canvas--grid",
        *(f"canvas--series-{index}" for index in range(STYLES)),
    }

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)
        self.charts: list[Figures] = []
        self._run = ""
        self._seen: Seen | None = None
        self._newest: MachineRow | None = None
        self._clock = TimeClock()

    def tell(self, seen: Seen) -> None:
        self._seen = seen
        if seen.run is None:
            self.fill([])
            return
        batch = seen.batch
        if seen.run.info.run_id != self._run:
            self._run, self.top = seen.run.info.run_id, 0
            self._forget()
        elif batch is not None and not (batch.machine or batch.rows or batch.machine_restarted):
            return
        self._take(list(self._fresh(seen)))
        self.relayout()

    def _forget(self) -> None:
        self.charts, self._newest, self._clock = [], None, TimeClock()

    def _fresh(self, seen: Seen) -> list[MachineRow]:
        """The rows since the newest one that is known; all of them if that one is gone."""
        assert seen.run is not None
        rows = seen.run.follower.machine
        fresh = list(takewhile(lambda row: row is not self._newest, reversed(rows)))[::-1]
        if len(fresh) == len(rows) and self._newest is not None:
            self._forget()
        return fresh

    def _take(self, rows: list[MachineRow]) -> None:
        for row in rows:
            if not self.charts or (row.gpus and "GPU" not in self.charts[0].title):
                # A driver may answer for the first time when the run has begun.
                self.charts = figures_for(row)
            self._clock.tell(array("d", [len(self._clock)]), array("d", [row.time]))
            for chart in self.charts:
                chart.add(self._clock.values[-1], row)
            self._newest = row

    # --- what is shown ------------------------------------------------------------------------

    def relayout(self) -> None:
        width, height = self.size
        seen = self._seen
        if not width or not height or seen is None or seen.run is None:
            return
        table = self._table(seen, width)
        self.fill([*table, *self._drawn(width, height - len(table))])

    def _table(self, seen: Seen, width: int) -> list[Row]:
        assert seen.run is not None
        info, follower = seen.run.info, seen.run.follower
        left = left_of(info, follower)
        words = ""
        if left is not None:
            words = f"about {duration(left)}, ends {clock((time.time() + left) * 1000)}"
        speed = speed_rows(throughput(follower.clocks), follower.series, words, width, self.glyphs)
        if self._newest is not None:
            return [*machine_rows(self._newest, width, self.glyphs), *speed, []]
        told = why_empty(info, "figures of the machine", COMES, follower.problem)
        return [*([*speed, []] if speed else []), *wrap([(told, "dim")], width)]

    def _drawn(self, width: int, height: int) -> list[Row]:
        """The charts side by side; as high as there is room, or scrolled where there is none."""
        if not self.charts:
            return []
        columns = max(1, min(4, (width + GAP) // (NARROWEST + GAP), len(self.charts)))
        lines = -(-len(self.charts) // columns)
        each = max(LOWEST, min(HIGHEST, height // lines))
        wide = (width - GAP * (columns - 1)) // columns
        look = Look(ascii_only=self.glyphs.encoding != "utf-8", axis="time")
        rows: list[Row] = []
        for first in range(0, len(self.charts), columns):
            drawn = [
                draw(wide, each, chart.title, chart.unit, chart.series, look, chart.span)
                for chart in self.charts[first : first + columns]
            ]
            for parts in zip(*drawn, strict=True):
                row: Row = []
                for part in parts:
                    row += [*([(" " * GAP, "")] if row else []), *part]
                rows.append(row)
        return rows

    def notes(self) -> tuple[str, str]:
        if self._newest is None or self._seen is None or self._seen.run is None:
            return "", ""
        past = time.time() - self._newest.time
        if self._seen.run.info.state not in ACTIVE or past > OLD_S:
            when = clock(self._newest.time * 1000)
            return f"as of {when}", when
        return "", ""

    def line(self, by: int) -> None:
        self.move(by)
