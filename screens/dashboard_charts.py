"""The charts pane: a grid of charts for the chosen run's kind, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace

from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.chart_grid import ChartGrid
from rlhf_tui.screens.widgets.chart_plot import Look
from rlhf_tui.tracking.panels import panels_for

SMOOTHING = (0.0, 0.6, 0.9, 0.99)
"""Weights of the past that the smoothing key walks through."""


class ChartsPane(ChartGrid, Pane):
    """Charts of the chosen run and of those beside it."""

    TITLE = "charts"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.drawn_by = Look(ascii_only=glyphs.encoding != "utf-8")
        self._run = ""
        self._seen: Seen | None = None

    def tell(self, seen: Seen) -> None:
        self._seen = seen
        if seen.run is None:
            return
        if seen.run.info.run_id != self._run:
            self._run, self.page_number = seen.run.info.run_id, 0
        info, series = seen.run.info, seen.run.follower.series
        total = info.status.total_steps if info.status else 0
        look = replace(self.drawn_by, total_steps=float(total), live=info.state in ACTIVE)
        self.show_panels(panels_for(info.kind, series), series, look)

    def _again(self) -> None:
        if self._seen is not None:
            self.tell(self._seen)

    def turn(self, by: int) -> None:
        self.turn_page(1 if by > 0 else -1)

    def page(self, pages: int) -> None:
        self.turn_page(pages)

    def turn_log(self) -> None:
        self.drawn_by = replace(self.drawn_by, log=not self.drawn_by.log)
        self._again()

    def turn_smooth(self) -> None:
        at = SMOOTHING.index(self.drawn_by.smoothing)
        self.drawn_by = replace(self.drawn_by, smoothing=SMOOTHING[(at + 1) % len(SMOOTHING)])
        self._again()

    def crosshair(self) -> None: ...
    def axis(self) -> None: ...
    def zoom(self, by: int) -> None: ...
    def pan(self, by: int) -> None: ...

    def notes(self) -> tuple[str, str]:
        notes = []
        if self.pages > 1:
            place = f"{self.page_number + 1}/{self.pages}"
            notes.append((f"page {place}", place))
        if self.drawn_by.smoothing:
            weight = self.drawn_by.smoothing
            notes.append((f"smooth {weight:g}", f"~{weight:g}"))
        if self.drawn_by.log:
            notes.append(("log y", "log"))
        return "  ".join(note[0] for note in notes), " ".join(note[1] for note in notes)
