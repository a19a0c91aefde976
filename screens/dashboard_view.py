"""Where the person was on the dashboard: found again at the next start, and kept as it changes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_arranged import Arranged
from rlhf_tui.screens.dashboard_control import Control
from rlhf_tui.screens.dashboard_live import MOST_OTHERS
from rlhf_tui.screens.dashboard_pane import Pane, Watched
from rlhf_tui.screens.dashboard_panes import PANES
from rlhf_tui.screens.dashboard_source import LIVE
from rlhf_tui.screens.widgets.run_list import RunList
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking.views import (
    STANDARD,
    Layout,
    PaneLayout,
    Place,
    SavedViews,
    Spot,
    View,
    place_path,
    read_view,
    write_view,
)

LOOK_S = 0.4
"""Between two looks at how the dashboard stands; what stays so for one is written down."""
LATEST_S = 5.0
"""What never stays is written down after so long: keys may be pressed for minutes."""
TITLES = [title for title, _ in PANES]


class Returning(Control):
    """A dashboard that stands as its person left it."""

    charts: Arranged

    def __init__(self) -> None:
        super().__init__()
        self._view_file: Path | None = None
        """None: nothing is kept."""
        self._written = View()
        """What stands in the file, as far as is known."""
        self._place: Place | None = None
        """The runs to go back to, until they are listed."""
        self._layout = Layout()
        """Of panes that are not made yet."""
        self._spots: dict[str, Spot] = {}
        self._looked = View()
        self._looked_at = self._wrote_at = 0.0
        self._write_lock = asyncio.Lock()
        self._told = False

    def show_view(self) -> None:
        """Show the chosen pane, and no other."""
        raise NotImplementedError

    # --- coming -------------------------------------------------------------------------------

    def recall(self) -> None:
        """Find out how the dashboard was left; called before anything is shown."""
        program = self.program
        person, wanted, program.view = program.person, program.view, ""
        if not person:
            return
        here = [program.workspace.root] if program.workspace else program.files
        self._view_file = place_path(person, here)
        view, problem = read_view(self._view_file)
        if problem:
            self.call_after_refresh(self.notify, problem, title="Where you were", timeout=15)
        self._written = self._looked = view
        if wanted == STANDARD:
            view = View()
        elif wanted:
            view = View(layout=SavedViews(person).read(wanted), place=view.place)
        self._place, self._spots = view.place, view.place.spots
        self.take_layout(view.layout)

    def recall_source(self) -> None:
        """The same of what the list of runs holds; called once there is a source."""
        if self._place is not None:
            self.source.archived = self._place.archived

    def take_layout(self, layout: Layout) -> None:
        """Show runs this way: the pane, the list, and how each pane shows them."""
        self._layout = layout
        self.view = TITLES.index(layout.pane) if layout.pane in TITLES else 0
        self.runs.display = not layout.folded
        self.charts.take_arrangement(layout.charts)
        for title, pane in self._made():
            pane.take_layout(layout.panes.get(title, PaneLayout()))

    def alone(self) -> None:
        """Only the chosen run, and the whole of it."""
        self.others.clear()
        self.charts.whole_again()
        self._mark()

    def furnished(self, title: str, pane: Pane) -> None:
        """A pane has just been made."""
        if title in self._layout.panes:
            pane.take_layout(self._layout.panes[title])
        if title in self._spots:
            pane.take_spot(self._spots[title])

    def _made(self) -> list[tuple[str, Pane]]:
        panes = [(title, self.panes.at(index)) for index, title in enumerate(TITLES)]
        return [(title, pane) for title, pane in panes if pane is not None]

    def left_on(self, infos: list[RunInfo]) -> str:
        place = self._place
        info = next((i for i in infos if place is not None and i.run_id == place.run), None)
        if place is None or info is None:
            return ""
        # Who only watched what was first, and comes back after its end, wants what is first now.
        return info.run_id if place.went or info.state in LIVE else ""

    def on_run_list_chosen(self, message: RunList.Chosen) -> None:
        """The first run is chosen: what was left comes back with it."""
        # Textual calls the one of the class above by itself, after this one.
        place, info = self._place, message.info
        if place is None or info is None:
            return
        self._place = None
        known = {one.run_id: one for one in self.runs.infos}
        for run_id in place.beside[:MOST_OTHERS]:
            if run_id in known:
                self.others[run_id] = Watched(known[run_id], self.source.follow(known[run_id]))
        self.looks.take(place.styles)
        self.charts.back_to(place.run, place.stretch)

    # --- going --------------------------------------------------------------------------------

    def standing(self) -> View:
        """How the dashboard stands now."""
        folded = not self.runs.display
        panes = dict(self._layout.panes)
        for title, pane in self._made()[1:]:
            panes[title] = pane.kept_layout()
        kept = {title: one for title, one in panes.items() if one != PaneLayout()}
        layout = Layout(TITLES[self.view], folded, self.charts.arrangement, kept)
        return View(layout=layout, place=self._standing_place())

    def _standing_place(self) -> Place:
        chosen = self.followed
        if self._place is not None:
            return self._place
        if chosen is None:
            return self._written.place
        spots = dict(self._spots)
        spots |= {title: pane.kept_spot() for title, pane in self._made()[1:]}
        return Place(
            chosen.info.run_id,
            went=self.runs.index > 0,
            beside=[*self.others],
            styles=self.looks.kept if self.others else {},
            archived=self.source.archived,
            stretch=self.charts.stretch,
            spots={t: spot for t, spot in spots.items() if spot.step is not None or spot.index},
        )

    def remember(self) -> None:
        now = time.monotonic()
        if self._view_file is None or now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        before, self._looked = self._looked, self.standing()
        if self._looked == self._written or self._write_lock.locked():
            self._wrote_at = now
        elif self._looked == before or now - self._wrote_at > LATEST_S:
            self._wrote_at = now
            self.run_worker(work(self._write, self._view_file, self._looked), group="view")

    async def _write(self, path: Path, view: View) -> None:
        async with self._write_lock:
            # Also where it fails: it is tried again with the next change, and told once.
            self._written = view
            try:
                await asyncio.to_thread(write_view, path, view)
            except OSError as error:
                if not self._told:
                    self._told = True
                    self.notify(
                        f"{path} cannot be written: {error.strerror}. The next start will not "
                        "find the dashboard as you leave it.",
                        severity="warning",
                    )

    async def before_leaving(self) -> None:
        await super().before_leaving()
        if self._view_file is None:
            return
        async with self._write_lock:
            view = self.standing()
            if view != self._written:
                self._written = view
                with suppress(OSError):
                    await asyncio.to_thread(write_view, self._view_file, view)
