"""Charts side by side, as many as fit readably; the rest are on further pages."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.message import Message

from rlhf_tui.screens.widgets.chart import Chart
from rlhf_tui.screens.widgets.chart_data import Curve, Drawing, Look
from rlhf_tui.screens.widgets.chart_scale import GUTTER

NARROWEST = 43
"""Cells of a chart, with its gap, below which a second column does not pay."""
LOWEST = 8
"""Rows below which the y axis has no room for three labels."""
MOST = 12
"""Charts on one page: each takes some of the 2 % of a core that a live page may cost."""


class ChartGrid(Container):
    """Shows a page of charts. Their series stay the caller's; `redraw` after they have grown."""

    DEFAULT_CSS = """
    ChartGrid {
        layout: grid;
        grid-gutter: 0 2;
        & > Chart { width: 1fr; height: 1fr; }
    }
    """

    class Arranged(Message):
        """Another number of charts fits: the pages have changed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.charts = [Chart() for _ in range(MOST)]
        self.drawings: list[Drawing] = []
        self.look = Look()
        self.page_number = 0
        self.first = ""
        """Title of the chart that the page holds which was turned to, however many fit and
        whichever come; empty: the first page."""
        self.full = False
        """One chart takes the whole room."""
        self._shown: object = None
        self._grid: tuple[int, int] | None = None
        """Columns and rows as they were laid out last."""

    def compose(self) -> ComposeResult:
        # The others when there is something to draw in them: mounting takes longer than drawing.
        yield self.charts[0]

    def show_drawings(self, drawings: list[Drawing], look: Look) -> None:
        """Show these from now on, or the same ones with other curves or another look."""
        self.drawings, self.look = drawings, look
        self.redraw()

    @property
    def shape(self) -> tuple[int, int]:
        """Columns and rows of charts."""
        if self.full:
            return 1, 1
        count = max(1, min(MOST, len(self.drawings)))
        columns = max(1, min(4, self.size.width // NARROWEST, count))
        rows = max(1, min(self.size.height // LOWEST, -(-count // columns), MOST // columns))
        # Five charts in three columns leave a hole; fewer columns may show as many.
        return columns, rows

    @property
    def pages(self) -> int:
        columns, rows = self.shape
        return max(1, -(-len(self.drawings) // (columns * rows)))

    @property
    def on_page(self) -> list[Drawing]:
        """The charts that are seen."""
        columns, rows = self.shape
        self.page_number = min(self.page_number, self.pages - 1)
        first = self.page_number * columns * rows
        return self.drawings[first : first + columns * rows]

    @property
    def curves(self) -> list[Curve]:
        """The curves that are seen, over the x axis that the charts share."""
        return [
            curve
            for drawing in self.on_page
            if not drawing.x
            for curve in drawing.curves
            if len(curve.series.steps)
        ]

    @property
    def dots(self) -> int:
        """Dot columns of a plot, about."""
        return max(2, 2 * (self.size.width // self.shape[0] - GUTTER - 3))

    def turn_page(self, by: int) -> None:
        """Go to the next or previous page, around the ends."""
        self.page_number = (self.page_number + by) % self.pages
        self._hold()
        self.redraw()

    def _hold(self) -> None:
        page = self.on_page
        self.first = page[0].title if self.page_number and page else ""

    def _find_first(self) -> None:
        """Go to the page of the chart that was turned to."""
        if not self.first or any(drawing.title == self.first for drawing in self.on_page):
            return
        columns, rows = self.shape
        for index, drawing in enumerate(self.drawings):
            if drawing.title == self.first:
                self.page_number = index // (columns * rows)
                return

    def toggle_full(self) -> None:
        """Show the page's first chart alone, or the page again that holds this chart."""
        columns, rows = self.shape
        first = self.page_number * columns * rows
        self.full = not self.full
        self.look = replace(self.look, full=self.full)
        columns, rows = self.shape
        self.page_number = first // (columns * rows)
        self._hold()
        self.redraw()

    def redraw(self) -> None:
        if not self.size.width:
            return
        self._find_first()
        page = self.on_page
        columns, rows = self.shape
        shape = (columns, rows, len(page), len(self.drawings))
        grid_before, self._grid = self._grid, (columns, rows)
        if shape != self._shown:
            self._shown = shape
            self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
            missing = [one for one in self.charts[: len(page)] if not one.is_attached]
            if missing:
                self.mount_all(missing)
            for index, chart in enumerate(self.charts):
                chart.display = index < len(page)
            self.post_message(self.Arranged())
        for chart, drawing in zip(self.charts, page, strict=False):
            if grid_before in (None, self._grid):
                chart.plot(drawing, self.look)
            else:
                # It gets another size, at which it draws itself: now it would for nothing.
                chart.drawing, chart.look = drawing, self.look
                chart.call_after_refresh(chart.redraw)

    def on_resize(self, event: Resize) -> None:
        self.redraw()
