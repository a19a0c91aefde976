"""The dashboard: the runs, and all there is to see of the chosen one, live."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from rlhf_tui.screens import keys
from rlhf_tui.screens.dashboard_charts import ChartsPane
from rlhf_tui.screens.dashboard_control import words_of
from rlhf_tui.screens.dashboard_pane import Pane, Source
from rlhf_tui.screens.dashboard_panes import PANES, Panes
from rlhf_tui.screens.dashboard_source import RunSource
from rlhf_tui.screens.dashboard_view import Returning
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.run_list import RunList
from rlhf_tui.screens.widgets.run_list_head import RunHead
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine
from rlhf_tui.screens.widgets.work import work

if TYPE_CHECKING:
    from rlhf_tui.screens.dashboard_samples import SamplesPane
    from rlhf_tui.screens.dashboard_views import Views
    from rlhf_tui.screens.palette import Entry

CHARTS, SAMPLES = 0, 1
"""Numbers of the panes that have keys of their own."""
Shortness = Literal["whole", "short", "close", "bare"]
SHAPES: dict[Shortness, str] = {
    "whole": "{}{} {} ",
    "short": "{}{} {:.3} ",
    "close": "{1}{2:.3} ",
    "bare": "{}{} ",
}
"""A tab, of its marker, number and title."""
TABS: tuple[tuple[Shortness, Shortness], ...] = (
    ("whole", "whole"),
    ("short", "whole"),
    ("close", "whole"),
    ("close", "short"),
    ("bare", "whole"),
)
"""How the tabs that are not seen are written, and the one that is: the first that has room."""
FURNISH_S = 0.4
"""After the start until the panes that are not seen are made: the first picture is there then."""


class DashboardScreen(Returning):
    """Runs on the left, the chosen run's panes on the right."""

    NAME = "Dashboard"
    ROOMS = ("dashboard",)
    CSS_PATH = Path(__file__).with_name("dashboard.tcss")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("dashboard")
    charts: ChartsPane

    def __init__(self, run_id: str | None = None, source: Source | None = None) -> None:
        """
        Args:
            run_id: the run to open on; None: the first one of the list.
            source: None for the runs of the workspace.
        """
        super().__init__()
        self.want = run_id or ""
        self.view = 0
        self._given = source

    def compose(self) -> ComposeResult:
        glyphs = self.glyphs
        self.status = StatusLine(f" {self.NAME} {glyphs.dot} {self.program.title}")
        self.runs = RunList(glyphs)
        self.head = RunHead(glyphs)
        self.tabs = CanvasView(id="tabs")
        self.panes = Panes(glyphs)
        self.charts = cast(ChartsPane, self.panes[0])
        self.looks = self.charts.looks
        self.panes.furnished = self.furnished
        self.recall()
        yield self.status
        with Horizontal(id="body"):
            yield self.runs
            with Vertical(id="run"):
                yield self.head
                yield self.tabs
                yield self.charts
        self.key_line = KeyLine(*self.ROOMS)
        yield self.key_line

    def on_mount(self) -> None:
        self.source = self._given or self._workspace_source()
        self.recall_source()
        self.panes.mounted_in(self.query_one("#run"))
        self.show_view()
        self.run_worker(work(self.follow_all), group="live")
        self.set_timer(FURNISH_S, self._furnish)

    def _furnish(self) -> None:
        self.run_worker(work(self.panes.make_all), group="panes")

    def _workspace_source(self) -> Source:
        workspace = self.program.workspace
        if workspace is None:
            raise RuntimeError("this room needs a workspace")
        return RunSource(self.program.link, workspace.runs)

    # --- panes --------------------------------------------------------------------------------

    @property
    def pane(self) -> Pane:
        """The pane that is seen."""
        return self.panes[self.view]

    def show_view(self) -> None:
        """Show the chosen pane, and no other."""
        made = self.panes.at(self.view) is not None
        self.panes.show(self.view)
        self.tell_keys()
        self.draw()
        if not made:
            self.call_after_refresh(self.draw)

    def tell_keys(self) -> None:
        """Name the keys that work in the pane that is seen, on the chosen run."""
        of_run = words_of(self.runs.chosen, self.source.only_shown)
        self.key_line.tell({**self.pane.WORDS, **of_run})

    def tell_head(self) -> None:
        super().tell_head()
        self.tell_keys()

    @property
    def samples(self) -> SamplesPane:
        return cast("SamplesPane", self.panes[1])

    def draw_tabs(self) -> None:
        width = self.tabs.size.width
        long, short = self.pane.notes()
        rows = [self._tabs(others, chosen) for others, chosen in TABS]
        row = next((r for r in rows if _length(r) + len(short) + 1 < width), rows[-1])
        room = width - _length(row) - 1
        note = long if len(long) <= room else short
        row.append((" " + note[: max(0, room)].rjust(max(0, room)), "dim"))
        self.tabs.show([row])

    def _tabs(self, others: Shortness, own: Shortness) -> Row:
        """All titles in a row, those of the panes that are not seen shortened alike."""
        row: Row = []
        for index, (word, _) in enumerate(PANES):
            chosen = index == self.view
            marker = self.glyphs.marker if chosen else " "
            tab = SHAPES[own if chosen else others]
            style = "cursor" if chosen else "dim"
            row.append((tab.format(marker, index + 1, word), style))
            pane = self.panes.at(index)
            if pane is not None and pane.flagged:
                row.append((f"!{pane.flagged} ", "cursor" if chosen else pane.flag_style))
        return row

    def on_chart_grid_arranged(self) -> None:
        self.draw_tabs()

    def on_hub_changed(self, message: HubChanged) -> None:
        if message.detail:
            # Why there is no hub: a workspace of a newer version, say. Files show no such thing.
            self.notify(message.detail, title="No hub", severity="error", timeout=20, markup=False)
        self.look_again()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw_tabs)

    def palette_entries(self) -> Iterator[Entry]:
        from rlhf_tui.screens.palette import Entry

        for index, (title, _) in enumerate(PANES):
            yield Entry(f"Pane: {title}", f"{index + 1}", partial(self.action_view, index + 1))
        for place, info in enumerate(self.runs.infos):
            title = f"{info.run_id}, {info.state}" + (f": {info.title}" if info.title else "")
            yield Entry(f"Run: {title}", "", partial(self.runs.choose, place))
        yield from self._views().entries()

    def _views(self) -> Views:
        from rlhf_tui.screens.dashboard_views import Views

        return Views(self)

    # --- keys ---------------------------------------------------------------------------------

    def action_choose(self, by: int) -> None:
        self.runs.move(by)

    def action_view(self, number: int) -> None:
        """Show the pane with this number, from 1."""
        self.view = (number - 1) % len(self.panes)
        self.show_view()

    def action_next_view(self, by: int) -> None:
        self.action_view(self.view + by + 1)

    def action_scroll(self, pages: int) -> None:
        self.pane.page(pages)
        self.draw_tabs()

    def action_line(self, by: int) -> None:
        self.pane.line(by)
        self.draw_tabs()

    def action_turn(self, by: int) -> None:
        self.pane.turn(by)
        self.draw_tabs()

    def action_match(self, by: int) -> None:
        self.pane.match(by)
        self.draw_tabs()

    def action_views(self) -> None:
        """List the views saved by name, to show one or to save this one."""
        self._views().ask()

    def action_search(self) -> None:
        pane = self.pane
        if not pane.FINDS:
            self.notify(f"There is nothing to search in {pane.TITLE}.", markup=False)
            return

        def asked(query: str | None) -> None:
            if query is None:
                return
            told = pane.find(query)
            if told:
                self.notify(told, severity="warning", markup=False)
            self.draw_tabs()

        from rlhf_tui.screens.search import SearchAsk

        self.app.push_screen(SearchAsk(pane.sought, pane.FINDS), asked)

    def action_fold(self) -> None:
        """Hide the list, or show it again; the keys that move in it work all the same."""
        self.runs.display = not self.runs.display

    # What acts on one pane is refused while another is seen: nobody would see what it did.

    def _here(self, index: int) -> bool:
        if self.view == index:
            self.call_after_refresh(self.draw_tabs)
            return True
        title, _ = PANES[index]
        self.notify(f"That acts on the {title}, which {index + 1} shows.", markup=False)
        return False

    def action_log(self) -> None:
        if self._here(CHARTS):
            self.charts.turn_log()

    def action_smooth(self) -> None:
        if self._here(CHARTS):
            self.charts.turn_smooth()

    def action_full(self) -> None:
        if self._here(CHARTS):
            self.charts.toggle_full()

    def action_crosshair(self) -> None:
        if self._here(CHARTS):
            self.charts.crosshair()

    def action_axis(self) -> None:
        if self._here(CHARTS):
            self.charts.axis()

    def action_zoom(self, by: int) -> None:
        if self._here(CHARTS):
            self.charts.zoom(by)

    def action_pan(self, by: int) -> None:
        if self._here(CHARTS):
            self.charts.pan(by)

    def action_diff(self) -> None:
        if self._here(SAMPLES):
            self.samples.diff()

    def action_label(self) -> None:
        if self._here(SAMPLES):
            self.samples.label()


def _length(row: Row) -> int:
    return sum(len(text) for text, _ in row)
