"""The log: its end as it grows, and all of it by scrolling and search."""

from __future__ import annotations

import asyncio

from rlhf_tui.errors import UsageError
from rlhf_tui.screens.dashboard_empty import why_empty
from rlhf_tui.screens.dashboard_pane import Pane, Seen, words
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.log_find import LogFind
from rlhf_tui.screens.widgets.log_scroll import LogView
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.tracking.log_pieces import MOST_BYTES, MOST_S
from rlhf_tui.tracking.patterns import pattern
from rlhf_tui.tracking.views import PaneLayout, Spot

SLICE = 8 * 1024 * 1024
"""Bytes searched before the places found so far are shown."""


class LogPane(LogView, Pane):
    """The chosen run's log."""

    TITLE = "log"
    FINDS = "A text in the log, or a regular expression"
    WORDS = words(next_match="next", far_right="end")

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._searching = False
        self._seek = False
        """What is sought is to be looked for in this log, once there is something in it."""
        self._run = ""
        self._back = Spot()
        """Where to begin."""

    # --- how it stands ------------------------------------------------------------------------

    def take_layout(self, layout: PaneLayout) -> None:
        try:
            pattern(layout.sought)
        except UsageError:
            layout = PaneLayout()
        self.sought, self._seek = layout.sought, bool(layout.sought)
        self._end_search()

    def kept_spot(self) -> Spot:
        if self._back.run or self.following or self.window is None:
            return self._back
        return Spot(self._run, index=self.looked_at)

    def take_spot(self, spot: Spot) -> None:
        self._back = spot

    # --- what is shown ------------------------------------------------------------------------

    def tell(self, seen: Seen) -> None:
        if seen.run is None:
            self.window = None
            self.draw()
            return
        log, self._run = seen.run.follower.log, seen.run.info.run_id
        self.nothing = why_empty(seen.run.info, "lines of a log", problem=seen.run.follower.problem)
        known = self.window is not None and self.window.path == log.path
        waits = self._seek or self._back.run
        if known and seen.batch is not None and not seen.batch.log and not waits:
            return
        if self.follow(log):
            # Another run, or the log began anew: the same is looked for there.
            self._seek = bool(self.sought)
        if self.window is None or not self.window.lines:
            return
        if self._seek:
            self._seek = False
            self._begin(self.sought, go=False)
        if self._back.run and self.size.height:
            back, self._back = self._back.of(self._run), Spot()
            if back.run:
                self.go_to(back.index)

    def line(self, by: int) -> None:
        self.move(by)

    def turn(self, by: int) -> None:
        """Far right: the log's end, followed; far left: its beginning."""
        if by >= 10:
            self.to_end()
        elif by <= -10:
            self.go_to(0)

    def find(self, query: str) -> str:
        self.sought, self._seek = query, False
        if not query.strip():
            self.sought = ""
            self._end_search()
            self.draw()
            return ""
        try:
            return self._begin(query, go=True)
        except UsageError as error:
            self.sought = self.search.query if self.search is not None else ""
            return str(error)

    def _end_search(self) -> None:
        if self.search is not None:
            self.search.earlier.stopped = True
        self.search = None

    def _begin(self, query: str, *, go: bool) -> str:
        """Search anew; a sentence when all is searched and nothing was found."""
        if self.window is None:
            return "There is no log to search in."
        search = LogFind(query, self.window)
        if self.search is not None:
            self.search.earlier.stopped = True
        self.search = search
        place = search.nearest(self.bottom)
        if go and place >= 0:
            self._look_at(place)
        self.draw()
        if not search.earlier.over:
            self._go_on(search, look=go and place < 0)
        elif search.problem:
            return search.problem
        elif place < 0:
            return self._nothing(query)
        return ""

    def match(self, by: int) -> None:
        search = self.search
        if search is None:
            return
        place = search.step(by)
        if place >= 0:
            self._look_at(place)
        elif not search.earlier.over:
            self._go_on(search, look=True)

    def _look_at(self, place: int) -> None:
        if self.search is not None:
            self.search.here = place
        self.go_to(place)

    def _go_on(self, search: LogFind, *, look: bool) -> None:
        """Search further back; then look at the first place that comes, if `look`."""
        if not self._searching:
            self.run_worker(work(self._search, search, look), group="log-search")

    async def _search(self, search: LogFind, look: bool) -> None:
        self._searching = True
        slices = max(1, MOST_BYTES // SLICE)
        try:
            for _ in range(slices):
                if search is not self.search or search.earlier.over:
                    break
                await asyncio.to_thread(search.earlier.go, SLICE, MOST_S / slices)
                if look and search is self.search and search.earlier.found:
                    look = False
                    place = search.earlier.found[-1] if search.here < 0 else search.step(-1)
                    if place >= 0:
                        self._look_at(place)
                self.draw()
        finally:
            self._searching = False
        current = self.search
        if current is None:
            return
        if current is not search:
            # Another search began meanwhile, and waited for this one to leave the file alone.
            self._go_on(current, look=current.here < 0)
        elif search.earlier.problem:
            self.app.notify(search.earlier.problem, severity="warning", markup=False)
        elif not search.found and search.earlier.over:
            self.app.notify(self._nothing(search.query), severity="warning", markup=False)

    @staticmethod
    def _nothing(query: str) -> str:
        return f"Nothing in the log holds {query!r}."

    def notes(self) -> tuple[str, str]:
        long, short = self.search.told() if self.search is not None else ("", "")
        if self.window is not None and not self.following:
            long = f"{long}{', ' if long else ''}not following"
        if self.search is not None and not self.search.earlier.over and not self._searching:
            long = f"{long}; , goes on"
        return long, short
