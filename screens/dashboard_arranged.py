"""How the charts are arranged, apart from which run they show: told, and taken back again."""

from __future__ import annotations

from dataclasses import replace

from rlhf_tui.screens.widgets.chart_data import Look
from rlhf_tui.screens.widgets.chart_grid import ChartGrid
from rlhf_tui.screens.widgets.chart_window import Extent, Window
from rlhf_tui.tracking.clock import XAxis
from rlhf_tui.tracking.views import ChartsLayout, KindCharts, Stretch

SMOOTHING = (0.0, 0.6, 0.9, 0.99)
"""Weights of the past that the smoothing key walks through."""


class Arranged(ChartGrid):
    """Charts with a look, a stretch of the x axis, and a search and page for each kind of run."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn_by = Look()
        self.window = Window()
        self.wanted_axis: XAxis = "step"
        """The axis that was asked for; a run that cannot tell it is drawn over its steps."""
        self.sought = ""
        self._kind = ""
        """Of the chosen run; empty without one."""
        self._kinds: dict[str, KindCharts] = {}
        """What was sought, and which page was seen, by the kind of run."""
        self._back: tuple[str, Stretch] | None = None
        """The stretch to go back to, of which run, until that much of it is read."""

    # --- any run --------------------------------------------------------------------------------

    @property
    def kinds(self) -> dict[str, KindCharts]:
        """Which charts are seen, by the kind of run."""
        if not self._kind:
            return self._kinds
        return self._kinds | {self._kind: KindCharts(self.sought, self.first)}

    @property
    def arrangement(self) -> ChartsLayout:
        """How the charts are drawn."""
        by = self.drawn_by
        kinds = {kind: charts for kind, charts in self.kinds.items() if charts != KindCharts()}
        return ChartsLayout(by.log, by.smoothing, self.wanted_axis, self.full, kinds)

    def take_arrangement(self, layout: ChartsLayout) -> None:
        """Draw them so from the next drawing on."""
        smoothing = layout.smoothing if layout.smoothing in SMOOTHING else 0.0
        self.drawn_by = replace(self.drawn_by, log=layout.log, smoothing=smoothing)
        self.wanted_axis, self.full = layout.axis, layout.full
        self._kinds = {
            kind: charts for kind, charts in layout.kinds.items() if charts.sought.isprintable()
        }
        self.see(self._kinds.get(self._kind, KindCharts()))

    def see(self, charts: KindCharts) -> None:
        """The charts of this search, on the page of this chart."""
        self.sought, self.first, self.page_number = charts.sought, charts.first, 0

    def turn_to(self, kind: str) -> None:
        """A run of this kind is chosen; empty: none is."""
        self._kinds = self.kinds
        if kind and kind != self._kind:
            self.see(self._kinds.get(kind, KindCharts()))
        self._kind = kind

    # --- the chosen run -------------------------------------------------------------------------

    @property
    def stretch(self) -> Stretch:
        """What is seen of the x axis."""
        if self._back is not None:
            return self._back[1]
        axis, window = self.drawn_by.axis, self.window
        if window.seen is None or not (window.follows and self.drawn_by.live):
            return Stretch(axis, window.seen, cross=window.cross)
        return Stretch(axis, newest=window.seen[1] - window.seen[0], cross=window.cross)

    def back_to(self, run_id: str, stretch: Stretch) -> None:
        """Show this stretch once the run is chosen and read as far as it reaches."""
        self._back = (run_id, stretch)

    def whole_again(self) -> None:
        """All of the run, without a crosshair."""
        self.stay()
        self.window.reset()
        self.window.cross = None

    def stay(self) -> None:
        """Go back nowhere: this is what the person wants to see."""
        self._back = None

    def go_back(self, run_id: str, whole: Extent) -> None:
        """Show the stretch that is to be gone back to, if it is this run's and it is there."""
        if self._back is None:
            return
        of, stretch = self._back
        if of == run_id and (
            stretch.axis != self.drawn_by.axis or not self.window.take(stretch, whole)
        ):
            return
        self.stay()
