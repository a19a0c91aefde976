"""The distributions pane: how rewards, lengths and KL are spread, and how that moves."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len

from rlhf_tui.screens.dashboard_empty import why_empty
from rlhf_tui.screens.dashboard_pane import Pane, Seen, words
from rlhf_tui.screens.dashboard_steps import StepCursor
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Sheet
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap
from rlhf_tui.tracking.histograms import Histograms, grouped, mean, quantile, shares
from rlhf_tui.tracking.views import Spot

LOWEST = 11
"""Rows of one distribution below which its shape cannot be seen."""
HIGHEST = 18
NARROW = 40
"""Cells under which only the map is drawn, without the bars of one step."""
BARS = 24
"""Cells of the bars."""
GUTTER = 8
LONGEST = 40
"""Characters of a name that are shown."""
WIDEST = 8
"""Cells of one step in the map."""
SHADES = " ░▒▓█"
ASCII_SHADES = " .:*#"
WRITTEN = "trainers write them as they go: rewards, lengths, KL of tokens."


class DistributionsPane(CanvasView, Pane):
    """A map of each distribution over the steps, and bars for the step under the cursor."""

    TITLE = "distributions"
    WORDS = words(right="step", search="")
    DEFAULT_CSS = """
    DistributionsPane {
        & > .canvas--shade-1 { color: $primary 50%; }
        & > .canvas--shade-2 { color: $primary 70%; }
        & > .canvas--shade-3 { color: $primary 85%; }
        & > .canvas--shade-4 { color: $primary; }
        & > .canvas--series-0 { color: $primary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"canvas--shade-{shade}" for shade in range(1, 5)),
        "canvas--series-0",
    }

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.found: dict[str, Histograms] = {}
        self.first = 0
        """Index of the first distribution that is shown."""
        self._steps = StepCursor()
        self._back = Spot()
        """Where to begin."""
        self._run = ""
        self._empty = ""
        """What there is to say without distributions."""
        self._plain = glyphs.encoding != "utf-8"

    def tell(self, seen: Seen) -> None:
        if seen.run is None:
            return
        batch, run = seen.batch, seen.run
        self._empty = why_empty(run.info, "distributions", WRITTEN, run.follower.problem)
        if run.info.run_id != self._run:
            back, self._back = self._back.of(run.info.run_id), Spot()
            self._run, self.first, self._steps.chosen = run.info.run_id, back.index, back.step
        elif batch is not None and not (batch.distributions or batch.distributions_restarted):
            return
        self.found = grouped(run.follower.distributions)
        self.redraw()

    def kept_spot(self) -> Spot:
        return Spot(self._run, self._steps.chosen, self.first) if self._run else self._back

    def take_spot(self, spot: Spot) -> None:
        self._back = spot

    # --- what is shown ------------------------------------------------------------------------

    @property
    def steps(self) -> list[int]:
        """All steps that any of the distributions has."""
        return sorted({step for one in self.found.values() for step in one.steps})

    @property
    def place(self) -> int:
        return self._steps.place(self.steps)

    @property
    def fitting(self) -> int:
        """How many distributions are shown at a time."""
        return max(1, min(len(self.found), self.size.height // LOWEST))

    def redraw(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        if not self.found:
            self.show(wrap([(self._empty, "dim")], width))
            return
        step = self.steps[self.place]
        self.first = max(0, min(self.first, len(self.found) - self.fitting))
        shown = list(self.found.values())[self.first : self.first + self.fitting]
        each = min(HIGHEST, height // len(shown))
        rows = []
        for histograms in shown:
            sheet = Sheet(width, each)
            self._draw(sheet, histograms, step)
            rows += sheet.rows()
        self.show(rows)

    def _draw(self, sheet: Sheet, histograms: Histograms, step: int) -> None:
        row = histograms.at(step)
        name, unit = (self._shown(text) for text in (histograms.name, histograms.unit))
        unit = f" {unit}" if unit else ""
        sheet.put(0, 0, name, "strong")
        sheet.put(len(name), 0, unit, "dim")
        if row is not None:
            told = (
                f"mean {mean(row):.3g}  5% {quantile(row, 0.05):.3g}  "
                f"95% {quantile(row, 0.95):.3g}  n {sum(row.counts):,}"
            )
            left = max(len(name) + len(unit) + 1, sheet.width - len(told))
            sheet.put(left, 0, told, "")
        rows = sheet.height - 3
        low, high = histograms.span()
        edges = [low + (high - low) * place / rows for place in range(rows + 1)]
        wide = sheet.width >= GUTTER + NARROW + BARS
        right = sheet.width - BARS - 2 if wide else sheet.width
        # Edges are exact: an axis of round numbers would press a narrow spread into two rows.
        for place in sorted({0, rows // 2, rows}):
            label = f"{edges[place]:.3g}"
            y = max(1, rows - place) if place else rows
            sheet.put(GUTTER - 2 - len(label), y, label, "dim")
        for y in range(1, rows + 1):
            sheet.put(GUTTER - 1, y, "|" if self._plain else "│", "rule")
        self._map(sheet, histograms, edges, step, right)
        if wide and row is not None:
            self._bars(sheet, shares(row, edges), right + 2)

    def _shown(self, text: str) -> str:
        """A name that is drawn cell by cell."""
        line = clean(text, encoding="ascii" if self._plain else "utf-8").text.replace("\n", " ")
        return "".join(c if cell_len(c) == 1 else "?" for c in line)[:LONGEST]

    def _map(
        self, sheet: Sheet, histograms: Histograms, edges: list[float], step: int, right: int
    ) -> None:
        """A column a step, dark where many values are; steps that do not fit share a column."""
        steps, room, rows = histograms.steps, right - GUTTER, len(edges) - 1
        wide = max(1, min(WIDEST, room // max(1, len(steps))))
        columns = min(room // wide, len(steps))
        shades = ASCII_SHADES if self._plain else SHADES
        cursor = -1
        for column in range(columns):
            start, stop = (len(steps) * (column + part) // columns for part in (0, 1))
            each = [histograms.shares(one, edges) for one in steps[start:stop]]
            if steps[start] <= step:
                cursor = column
            # Of several steps the greatest share: one that stands out for a step must be seen.
            spread = [max(shown[place] for shown in each) for place in range(rows)]
            top = max(spread)
            for place, share in enumerate(spread):
                shade = 0 if share <= 0 else 1 + min(3, int(4 * share / top * (1 - 1e-9)))
                if shade:
                    text, style = shades[shade] * wide, f"shade-{shade}"
                    sheet.put(GUTTER + column * wide, rows - place, text, style)
        bottom, end = rows + 1, GUTTER + columns * wide
        sheet.put(max(0, GUTTER - 6), bottom, "step", "rule")
        sheet.put(GUTTER, bottom, f"{steps[0]:,}", "dim")
        last = f"{steps[-1]:,}"
        if end - len(last) > GUTTER + len(f"{steps[0]:,}"):
            sheet.put(end - len(last), bottom, last, "dim")
        if cursor >= 0:
            here = f" {'^' if self._plain else '▲'} {step:,} "
            at = min(GUTTER - 1 + cursor * wide + wide // 2, sheet.width - len(here))
            # A label that it would cut in half says something else: away with it.
            if at + len(here) > end - len(last):
                sheet.put(end - len(last), bottom, " " * len(last), "dim")
            sheet.put(at, bottom, here, "accent")

    def _bars(self, sheet: Sheet, spread: list[float], left: int) -> None:
        rows = len(spread)
        top = max(spread)
        for place, share in enumerate(spread):
            eighths = round(share / top * (BARS - 5) * 8)
            if self._plain:
                bar = "#" * (eighths // 8)
            else:
                bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
            sheet.put(left, rows - place, bar, "series-0")
            if share >= 0.01:
                sheet.put(left + len(bar) + (1 if bar else 0), rows - place, f"{share:.0%}", "dim")

    def notes(self) -> tuple[str, str]:
        steps = self.steps
        if not steps:
            return "", ""
        parts = [f"step {steps[self.place]:,}"]
        if self.fitting < len(self.found):
            parts.insert(0, f"{self.first + 1}-{self.first + self.fitting} of {len(self.found)}")
        return "  ".join(parts), parts[-1]

    # --- keys ---------------------------------------------------------------------------------

    def turn(self, by: int) -> None:
        """To another step; at the last one it follows."""
        self._steps.turn(by, self.steps)
        self.redraw()

    def line(self, by: int) -> None:
        """To the next distribution."""
        self.first = max(0, min(len(self.found) - self.fitting, self.first + by))
        self.redraw()

    def page(self, pages: int) -> None:
        self.line(pages * self.fitting)

    def on_resize(self) -> None:
        self.redraw()
