"""The chart widget: curves in braille dots, repainting only the cells that changed."""

from __future__ import annotations

import math
from typing import ClassVar

from textual.events import Resize
from textual.geometry import Region, Size
from textual.strip import Strip

from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.chart_data import STYLES, Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_dots import Dots
from rlhf_tui.screens.widgets.chart_plot import render


class Chart(CanvasView):
    """One chart. The series stay the caller's: add points to them, then call `redraw`."""

    DEFAULT_CSS = """
    Chart {
        & > .canvas--grid { color: $foreground 14%; }
        & > .canvas--level { color: $foreground 75%; }
        & > .canvas--label { color: $foreground; text-style: italic; }
        & > .canvas--cross { color: $foreground 50%; }
        & > .canvas--series-0 { color: $curve-0; }
        & > .canvas--series-1 { color: $curve-1; }
        & > .canvas--series-2 { color: $curve-2; }
        & > .canvas--series-3 { color: $curve-3; }
        & > .canvas--series-4 { color: $curve-4; }
        & > .canvas--series-5 { color: $curve-5; }
        & > .canvas--raw-0 { color: $curve-0 45%; }
        & > .canvas--raw-1 { color: $curve-1 45%; }
        & > .canvas--raw-2 { color: $curve-2 45%; }
        & > .canvas--raw-3 { color: $curve-3 45%; }
        & > .canvas--raw-4 { color: $curve-4 45%; }
        & > .canvas--raw-5 { color: $curve-5 45%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "canvas--grid",
        "canvas--level",
        "canvas--label",
        "canvas--cross",
        *(f"canvas--{kind}-{index}" for kind in ("series", "raw") for index in range(STYLES)),
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.drawing = Drawing("")
        self.look = Look()
        self._drawn: object = None
        self._dots = Dots()
        self._fitted = Size()
        """The size that its rows were made for."""

    @property
    def name_shown(self) -> str:
        return self.drawing.title

    def plot(self, drawing: Drawing, look: Look) -> None:
        """Show this from now on."""
        self.drawing, self.look = drawing, look
        self.redraw()

    def redraw(self) -> None:
        """Draw again if anything changed since the last time."""
        rows = self._fresh()
        if rows is not None:
            self.show(rows)

    def render_lines(self, crop: Region) -> list[Strip]:
        # After a layout Textual paints before it tells of the new size; all of the widget then.
        if self.size != self._fitted and (rows := self._fresh()) is not None:
            self.put(rows)
        return super().render_lines(crop)

    def _fresh(self) -> list[Row] | None:
        """The rows for this size; None where they are those that were made last."""
        width, height = self.size
        if not width or not height:
            return None
        drawing = self.drawing
        state = (
            width,
            height,
            drawing.title,
            drawing.unit,
            drawing.levels,
            self.look,
            [_state(curve) for curve in drawing.curves],
        )
        if state == self._drawn:
            return None
        self._drawn, self._fitted = state, self.size
        return render(width, height, drawing, self.look, self._dots)

    def on_resize(self, event: Resize) -> None:
        self.redraw()


def _state(curve: Curve) -> object:
    """What a curve looks like, as far as it can change."""
    series = curve.series
    count = len(series)
    last = series.last
    return (
        id(series),
        id(curve.clock),
        count,
        series.steps[-1] if count else None,
        # NaN differs from itself.
        "NaN" if math.isnan(last) else last,
        curve.label,
        curve.more,
        curve.style,
    )
