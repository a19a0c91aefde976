"""The dashboard: the runs, and the chosen one's curves, log, samples and arguments, live."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens import keys
from rlhf_tui.screens.dashboard_arguments import argument_rows
from rlhf_tui.screens.dashboard_ask import Ask
from rlhf_tui.screens.dashboard_panels import panels_for
from rlhf_tui.screens.dashboard_source import ACTIVE, LIVE, RunSource
from rlhf_tui.screens.dashboard_watch import Batch, RunWatch
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.chart_grid import ChartGrid
from rlhf_tui.screens.widgets.chart_plot import Look
from rlhf_tui.screens.widgets.log_view import LogView, PagedView
from rlhf_tui.screens.widgets.run_list import RunList
from rlhf_tui.screens.widgets.run_list_head import RunHead
from rlhf_tui.screens.widgets.samples import SamplesView
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine

TICK_S = 0.5
"""Twice a second: what people call live; four charts then cost under 2 % of a core."""
LIST_S = 2.0
"""How often the list is asked for while any run is active."""
IDLE_LIST_S = 10.0
"""… and while none is: a run may be launched from a shell."""
PATIENCE_S = 4.0
"""A hub that has to be started first is there by then."""
VIEWS = ("charts", "log", "samples", "arguments")
SMOOTHING = (0.0, 0.6, 0.9, 0.99)
"""Weights of the past that the smoothing key walks through."""


class DashboardScreen(Room):
    """Runs on the left, the chosen run on the right."""

    NAME = "Dashboard"
    ROOMS = ("dashboard",)
    CSS_PATH = Path(__file__).with_name("dashboard.tcss")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("dashboard")

    def __init__(self, run_id: str | None = None) -> None:
        """
        Args:
            run_id: the run to open on; None: the first one of the list.
        """
        super().__init__()
        self.view = 0
        self.look = Look()
        self.followed: RunWatch | None = None
        self._want = run_id or ""
        self._settled = False
        """The chosen run has ended and all that it wrote is read."""
        self._listed = 0.0
        self._arguments_of = ""
        self._noted = ""
        self._away_since = 0.0
        self._drawn = 0.0
        self._wake = asyncio.Event()

    def compose(self) -> ComposeResult:
        glyphs = self.glyphs
        self.status = StatusLine(f" {self.NAME} {glyphs.dot} {self.program.title}")
        self.runs = RunList(glyphs)
        self.head = RunHead(glyphs)
        self.tabs = CanvasView(id="tabs")
        self.grid = ChartGrid()
        self.log_view = LogView(glyphs)
        self.samples_view = SamplesView(glyphs)
        self.arguments_view = PagedView(glyphs, follow=False)
        yield self.status
        with Horizontal(id="body"):
            yield self.runs
            with Vertical(id="run"):
                yield self.head
                yield self.tabs
                yield self.grid
                yield self.log_view
                yield self.samples_view
                yield self.arguments_view
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.look = Look(ascii_only=self.glyphs.encoding != "utf-8")
        workspace = self.program.workspace
        if workspace is None:
            raise RuntimeError("this room needs a workspace")
        self.source = RunSource(self.program.link, workspace.runs)
        self._show_view()
        self.run_worker(self._live(), group="live")

    # --- following --------------------------------------------------------------------------

    async def _live(self) -> None:
        """Read and draw what is new, twice a second, until the screen goes."""
        while True:
            await self._read_list()
            batch = await self._read_run()
            if batch is None or not batch.more:
                try:
                    await asyncio.wait_for(self._wake.wait(), TICK_S)
                except TimeoutError:
                    continue
                self._wake.clear()

    async def _read_list(self) -> None:
        active = self.source.note or any(i.state in ACTIVE for i in self.runs.infos)
        now = time.monotonic()
        if self._listed and now - self._listed < (LIST_S if active else IDLE_LIST_S):
            return
        infos = await self.source.list()
        self._listed = now
        want, self._want = self._want, ""
        if want and not self.source.refused and all(info.run_id != want for info in infos):
            self.notify(f"There is no run {want!r}.", severity="warning", markup=False)
        self.runs.nothing = "not shown" if self.source.refused else "no runs yet"
        self.runs.fill(infos, want)
        if self.runs.chosen is not None and self.runs.chosen.state in LIVE:
            self._settled = False
        self._say_source()
        running = sum(info.state in LIVE for info in infos)
        queued = sum(info.state == "queued" for info in infos)
        runs = "1 run" if len(infos) == 1 else f"{len(infos)} runs"
        counts = f"{runs}, {running} running, {queued} queued "
        self.status.say("counts", Content("" if self.source.refused else counts))
        self._tell()

    def _say_source(self) -> None:
        """Say when the hub is away; a sentence only once it had the time to come."""
        note, now = self.source.note, time.monotonic()
        if not note:
            self._away_since = 0.0
        elif not self._away_since:
            self._away_since = now
        elif now - self._away_since > PATIENCE_S and note != self._noted:
            self._noted = note
            self.notify(note, severity="warning", markup=False)
        self.status.say("saved", Content("hub away " if note else ""))

    async def _read_run(self) -> Batch | None:
        watch, info = self.followed, self.runs.chosen
        if watch is None or info is None or self._settled:
            return None
        batch = await asyncio.to_thread(watch.read)
        if watch is not self.followed:
            return batch
        watch.take(batch)
        if batch.empty and info.state not in ACTIVE:
            self._settled = True
            # What was measured at its end is told beside the arguments.
            self._arguments_of = ""
        # While an old run's thousands of lines are read, a picture twice a second is enough.
        now = time.monotonic()
        if not batch.more or now - self._drawn > TICK_S:
            self._drawn = now
            self._draw(batch)
        return batch

    def _draw(self, batch: Batch | None = None) -> None:
        """Draw the chosen run's pane; with a batch, only what it has changed."""
        watch, info = self.followed, self.runs.chosen
        if watch is None or info is None:
            return
        name = VIEWS[self.view]
        if name == "charts":
            self._draw_charts()
        elif name == "log" and (batch is None or batch.log):
            self.log_view.lines(watch.log.shown)
        elif name == "samples" and (batch is None or batch.samples or batch.samples_restarted):
            self.samples_view.samples(watch.samples)
        elif name == "arguments" and self._arguments_of != info.run_id:
            self._arguments_of = info.run_id
            self.run_worker(self._read_arguments(info), group="arguments", exclusive=True)
        self._draw_tabs()

    def _draw_charts(self) -> None:
        watch, info = self.followed, self.runs.chosen
        assert watch is not None
        assert info is not None
        total = info.status.total_steps if info.status else 0
        look = Look(
            self.look.log,
            self.look.smoothing,
            self.look.ascii_only,
            float(total),
            info.state in ACTIVE,
        )
        self.grid.show_panels(panels_for(info.kind, watch.series), watch.series, look)

    async def _read_arguments(self, info: RunInfo) -> None:
        arguments = await self.source.details(info)
        measured = await self.source.measured(info)
        self.arguments_view.fill(argument_rows(info, arguments, measured, self.glyphs))

    def _draw_tabs(self) -> None:
        row: Row = []
        for index, name in enumerate(VIEWS):
            chosen = index == self.view
            marker = self.glyphs.marker if chosen else " "
            row.append((f"{marker}{index + 1} {name} ", "cursor" if chosen else "dim"))
        room = self.tabs.size.width - sum(len(text) for text, _ in row) - 1
        long, short = self._chart_notes()
        row.append((" " + (long if len(long) <= room else short).rjust(max(0, room)), "dim"))
        self.tabs.show([row])

    def _chart_notes(self) -> tuple[str, str]:
        """The page and how the charts are drawn: in full, and for a narrow row."""
        if VIEWS[self.view] != "charts":
            return "", ""
        notes = []
        if self.grid.pages > 1:
            place = f"{self.grid.page + 1}/{self.grid.pages}"
            notes.append((f"page {place}", place))
        if self.look.smoothing:
            notes.append((f"smooth {self.look.smoothing:g}", f"~{self.look.smoothing:g}"))
        if self.look.log:
            notes.append(("log y", "log"))
        return "  ".join(note[0] for note in notes), " ".join(note[1] for note in notes)

    def _tell(self) -> None:
        """Bring the head of the chosen run up to date."""
        watch, info = self.followed, self.runs.chosen
        problem = watch.problem if watch else self.source.refused
        if info is not None and watch is not None and watch.gone:
            problem = f"The directory of {info.run_id} is gone: {info.directory}"
        self.head.tell(info, problem)

    def on_run_list_chosen(self, message: RunList.Chosen) -> None:
        info = message.info
        self.followed = RunWatch(Path(info.directory)) if info else None
        self._settled = False
        self._arguments_of = ""
        self.grid.page = 0
        self._tell()
        self._draw()
        self._wake.set()

    def on_chart_grid_arranged(self) -> None:
        self._draw_tabs()

    def on_hub_changed(self, message: HubChanged) -> None:
        if message.detail:
            # Why there is no hub: a workspace of a newer version, say. Files show no such thing.
            self.notify(message.detail, title="No hub", severity="error", timeout=20, markup=False)
        self._look_again()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_tabs)

    def _look_again(self) -> None:
        self._listed = 0.0
        self._wake.set()

    # --- keys -------------------------------------------------------------------------------

    def action_choose(self, by: int) -> None:
        self.runs.move(by)

    def action_view(self, number: int) -> None:
        """Show the pane with this number, from 1."""
        self.view = (number - 1) % len(VIEWS)
        self._show_view()

    def action_next_view(self, by: int) -> None:
        self.action_view(self.view + by + 1)

    def _show_view(self) -> None:
        panes = (self.grid, self.log_view, self.samples_view, self.arguments_view)
        for index, pane in enumerate(panes):
            pane.display = index == self.view
        self._draw()
        self._draw_tabs()

    def action_scroll(self, pages: int) -> None:
        panes = (None, self.log_view, self.samples_view, self.arguments_view)
        if pane := panes[self.view]:
            pane.page(pages)
        else:
            self.action_page(pages)

    def action_page(self, by: int) -> None:
        self.grid.turn(by)
        self._draw_tabs()

    def action_log(self) -> None:
        self.look = Look(not self.look.log, self.look.smoothing, self.look.ascii_only)
        self._draw()

    def action_smooth(self) -> None:
        weight = SMOOTHING[(SMOOTHING.index(self.look.smoothing) + 1) % len(SMOOTHING)]
        self.look = Look(self.look.log, weight, self.look.ascii_only)
        self._draw()

    def action_full(self) -> None:
        self.grid.toggle_full()
        self._draw_tabs()

    def action_stop(self) -> None:
        info = self.runs.chosen
        if info is None:
            return
        if info.state not in ACTIVE:
            self.notify(f"{info.run_id} is not running: it is {info.state}.", markup=False)
            return
        question = f"Stop {info.run_id}? It saves a checkpoint first and can be resumed."
        if info.state == "queued":
            question = f"Take {info.run_id} out of the queue?"

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._stop(info.run_id), group="ask")

        self.app.push_screen(Ask(question), answered)

    async def _stop(self, run_id: str) -> None:
        try:
            await self.source.stop(run_id)
        except RlhfError as error:
            self.notify(str(error), title="Not stopped", severity="error", markup=False)
            return
        self._look_again()

    def action_resume(self) -> None:
        info = self.runs.chosen
        if info is None:
            return
        if info.state not in ("stopped", "failed"):
            sentence = f"{info.run_id} is {info.state}: only stopped or failed runs resume."
            self.notify(sentence, markup=False)
            return
        self.run_worker(self._resume(info.run_id), group="ask")

    async def _resume(self, run_id: str) -> None:
        try:
            resumed = await self.source.resume(run_id)
        except RlhfError as error:
            self.notify(str(error), title="Not resumed", severity="error", markup=False)
            return
        self.notify("\n".join(resumed.notes), title=f"{run_id} is {resumed.state}", markup=False)
        self._look_again()
