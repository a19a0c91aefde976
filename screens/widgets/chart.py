"""The chart widget: series over steps in braille dots, repainting only the cells that changed."""

from __future__ import annotations

import math
from typing import ClassVar

from textual.events import Resize

from rlhf_tui.screens.widgets.canvas_view import CanvasView
from rlhf_tui.screens.widgets.chart_plot import Look, draw
from rlhf_tui.tracking.series import Series


class Chart(CanvasView):
    """One chart. The series stay the caller's: add points to them, then call `redraw`."""

    DEFAULT_CSS = """
    Chart {
        & > .canvas--grid { color: $foreground 14%; }
        & > .canvas--series-0 { color: $primary; }
        & > .canvas--series-1 { color: $warning; }
        & > .canvas--series-2 { color: $success; }
        & > .canvas--series-3 { color: $accent; }
        & > .canvas--raw-0 { color: $primary 45%; }
        & > .canvas--raw-1 { color: $warning 45%; }
        & > .canvas--raw-2 { color: $success 45%; }
        & > .canvas--raw-3 { color: $accent 45%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "canvas--grid",
        *(f"canvas--{kind}-{index}" for kind in ("series", "raw") for index in range(4)),
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.name_shown = ""
        self.unit = ""
        self.series: list[Series] = []
        self.look = Look()
        self._drawn: object = None

    def plot(self, name: str, unit: str, series: list[Series]) -> None:
        """Show these series from now on."""
        self.name_shown, self.unit, self.series = name, unit, series
        self.redraw()

    def redraw(self) -> None:
        """Draw again if anything changed since the last time."""
        width, height = self.size
        if not width or not height:
            return
        state = (
            width,
            height,
            self.name_shown,
            self.unit,
            self.look,
            [(id(one), len(one), one.steps[-1:].tolist(), _key(one.last)) for one in self.series],
        )
        if state == self._drawn:
            return
        self._drawn = state
        self.show(draw(width, height, self.name_shown, self.unit, self.series, self.look))

    def on_resize(self, event: Resize) -> None:
        self.redraw()


def _key(value: float) -> float | str:
    """A value that equals itself, NaN too."""
    return "NaN" if math.isnan(value) else value
