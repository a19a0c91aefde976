"""The charts pane: a grid of charts for the chosen run's kind, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rlhf_tui.errors import UsageError
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_arranged import SMOOTHING, Arranged
from rlhf_tui.screens.dashboard_curves import Styles, axes_of, drawing_of, panels_of
from rlhf_tui.screens.dashboard_pane import Pane, Seen, Watched
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.chart_data import Drawing, Look
from rlhf_tui.screens.widgets.chart_window import Extent
from rlhf_tui.screens.widgets.chart_x_axis import place
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking.metric_names import matcher
from rlhf_tui.tracking.panels import Panel, only
from rlhf_tui.tracking.views import KindCharts

FINE = 10
"""Steps in a window below which parts of steps are told."""


class ChartsPane(Arranged, Pane):
    """Charts of the chosen run and of those beside it."""

    TITLE = "charts"
    FINDS = "Metrics: words of the name, or a regular expression"
    WORDS: ClassVar[dict[str, str]] = {}

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.drawn_by = Look(ascii_only=glyphs.encoding != "utf-8")
        self.panels: list[Panel] = []
        """All charts of the run, also those that a search leaves out."""
        self._glyphs = glyphs
        self._seen: Seen | None = None
        self._chosen: RunInfo | None = None
        self.looks = Styles()
        self._arguments: dict[str, dict[str, object]] = {}
        self._made: object = None
        """What the drawings were made from."""
        self._found = (0, 0)
        """Metrics that match, of how many."""

    # --- what is told -------------------------------------------------------------------------

    def tell(self, seen: Seen) -> None:
        self._seen = seen
        if seen.run is None:
            self.turn_to("")
            self.panels, self._made, self._chosen = [], None, None
            self.show_drawings([], self.drawn_by)
            return
        info = seen.run.info
        if self._chosen is None or self._chosen.run_id != info.run_id:
            self._choose(info)
        runs = [seen.run, *seen.others]
        axes = axes_of(runs)
        axis = self.wanted_axis if self.wanted_axis in axes else "step"
        if axis != self.drawn_by.axis:
            # Another run's axis, to which the places of the window cannot be taken.
            self.window.reset()
            self.window.cross = None
        self.drawn_by = replace(
            self.drawn_by,
            axis=axis,
            total_steps=float(info.status.total_steps if info.status else 0),
            live=info.state in ACTIVE,
        )
        self._make(runs)
        whole = self.whole
        if whole is not None:
            self.go_back(info.run_id, whole)
            if not self.window.fits(whole) and not (seen.batch and seen.batch.more):
                self.window.reset()
            self.window.follow(whole)
        self.show_drawings(self.drawings, self.seen_look)

    def _choose(self, info: RunInfo) -> None:
        """Another run: its kind's search and page."""
        self.turn_to(info.kind)
        self._chosen = info
        # The same stretch of the next run is what one compares with, not its end.
        self.window.follows = False
        if info.run_id not in self._arguments and self._seen is not None:
            self.run_worker(work(self._learn, self._seen, info), group="arguments")

    async def _learn(self, seen: Seen, info: RunInfo) -> None:
        """Get the run's arguments: some are lines in its charts."""
        found = await seen.source.details(info)
        self._arguments[info.run_id] = dict(found.arguments) if found else {}
        self._again()

    def _make(self, runs: list[Watched]) -> None:
        """Make the drawings, unless they are what they would be."""
        styles = self.looks.of(runs)
        axis = self.drawn_by.axis
        first = runs[0].follower.series
        state = (
            axis,
            self.sought,
            tuple(styles),
            self._arguments.get(runs[0].info.run_id) is not None,
            [
                (
                    run.info.run_id,
                    run.info.title,
                    run.info.kind,
                    [id(one) for one in run.follower.series.values()],
                    id(run.follower.clocks.get(axis)),
                )
                for run in runs
            ],
            # Logged once, but not before anything else.
            [str(one.last) for name, one in first.items() if name.startswith("human_")],
        )
        if state == self._made:
            return
        self._made = state
        self.panels = panels_of(runs[0], runs[1:])
        shown = self.panels
        if self.sought:
            try:
                shown = only(self.panels, matcher(self.sought))
            except UsageError:
                # It was kept from another time, and cannot be read.
                self.see(KindCharts())
        self._found = _count(shown), _count(self.panels)
        encoding = self._glyphs.encoding
        self.drawings = [
            drawing_of(panel, runs, styles, axis, self._arguments, encoding) for panel in shown
        ] or [Drawing(f"no metric matches {self.sought}" if self.sought else "")]

    @property
    def seen_look(self) -> Look:
        """How the charts are drawn at this moment."""
        window = self.window
        return replace(self.drawn_by, window=window.seen, cross=window.cross, full=self.full)

    @property
    def whole(self) -> Extent | None:
        """Where the points of this page begin and end; None without any."""
        extents = [curve.extent() for curve in self.curves]
        if not extents:
            return None
        return min(first for first, _ in extents), max(last for _, last in extents)

    def _again(self) -> None:
        if self._seen is not None:
            self.tell(self._seen)

    def _show(self) -> None:
        """Draw the same charts with another look."""
        self.show_drawings(self.drawings, self.seen_look)

    # --- what is asked ------------------------------------------------------------------------

    def find(self, query: str) -> str:
        query = query.strip()
        if query:
            try:
                wanted = matcher(query)
            except UsageError as error:
                return error.message
            shown = only(self.panels, wanted)
            if wanted.problem:
                return wanted.problem
            if not shown:
                return f"None of {_count(self.panels)} metrics matches {query!r}."
        self.see(KindCharts(query))
        self._again()
        return ""

    def match(self, by: int) -> None:
        self.turn_page(by)

    def turn(self, by: int) -> None:
        whole = self.whole
        if self.window.cross is None or whole is None:
            self.turn_page(1 if by > 0 else -1)
            return
        self.window.move(by, whole, self.dots, self.curves)
        self._show()

    def page(self, pages: int) -> None:
        self.turn_page(pages)

    def turn_log(self) -> None:
        self.drawn_by = replace(self.drawn_by, log=not self.drawn_by.log)
        self._show()

    def turn_smooth(self) -> None:
        at = SMOOTHING.index(self.drawn_by.smoothing)
        self.drawn_by = replace(self.drawn_by, smoothing=SMOOTHING[(at + 1) % len(SMOOTHING)])
        self._show()

    def crosshair(self) -> None:
        """Put a crosshair on the newest point that is seen, or take it off."""
        self.stay()
        whole, window = self.whole, self.window
        if window.cross is not None or whole is None:
            window.cross = None
        else:
            last = whole[1] if window.seen is None else min(whole[1], window.seen[1])
            # Of the chosen run, where others stand beside it.
            own = [one.curves[0] for one in self.on_page if one.curves and not one.x]
            reached = [(curve, curve.until(last) - 1) for curve in own]
            places = [curve.at(curve.series.steps[index]) for curve, index in reached if index >= 0]
            window.cross = max(places, default=last)
        self._show()

    def axis(self) -> None:
        """The next of the x axes that these runs have; window and crosshair stay on the steps."""
        seen = self._seen
        if seen is None or seen.run is None:
            return
        self.stay()
        axes = axes_of([seen.run, *seen.others])
        before = self.drawn_by.axis
        now = axes[(axes.index(before) + 1) % len(axes)]
        clocks = seen.run.follower.clocks
        source, target = clocks.get(before), clocks.get(now)

        def change(x: float) -> float:
            step = source.step_at(x) if source is not None else x
            return target.at(step) if target is not None else step

        self.window.convert(change)
        self.wanted_axis = now
        self.drawn_by = replace(self.drawn_by, axis=now)
        self._again()

    def zoom(self, by: int) -> None:
        self.stay()
        whole = self.whole
        if whole is not None:
            points = max(len(curve.series) for curve in self.curves)
            self.window.zoom(by, whole, points)
            self._show()

    def pan(self, by: int) -> None:
        whole = self.whole
        if whole is not None:
            self.window.pan(by, whole)
            self._show()

    def notes(self) -> tuple[str, str]:
        notes: list[tuple[str, str]] = []
        axis, window = self.drawn_by.axis, self.window
        if window.cross is not None:
            at = place(window.cross, axis)
            notes.append((f"at {at if axis == 'time' else f'{axis} {at}'}", f"@{at}"))
        if self.sought:
            hits, count = self._found
            notes.append((f"{hits} of {count} match {self.sought}", f"{hits}/{count} found"))
        if self.pages > 1:
            pages = f"{self.page_number + 1}/{self.pages}"
            notes.append((f"page {pages}", pages))
        if window.seen is not None:
            first, last = window.seen
            if axis == "step" and last - first >= FINE:
                first, last = round(first), round(last)
            seen = f"{place(first, axis)}-{place(last, axis)}"
            notes.append((f"{axis} {seen}", seen))
        if self.drawn_by.smoothing:
            weight = self.drawn_by.smoothing
            notes.append((f"smooth {weight:g}", f"~{weight:g}"))
        if self.drawn_by.log:
            notes.append(("log y", "log"))
        return "  ".join(note[0] for note in notes), " ".join(note[1] for note in notes)


def _count(panels: list[Panel]) -> int:
    return sum(len(panel.metrics) for panel in panels)
