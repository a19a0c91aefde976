"""Following the runs of the dashboard: the list, the chosen run, and those beside it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from textual.content import Content

from rlhf_tui.counting import count
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs.crowd import Crowd
from rlhf_tui.screens.dashboard_curves import Styles
from rlhf_tui.screens.dashboard_pane import Seen, Source, Watched
from rlhf_tui.screens.dashboard_panes import Panes
from rlhf_tui.screens.dashboard_source import ACTIVE, LIVE
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.run_list import RunList
from rlhf_tui.screens.widgets.run_list_head import RunHead
from rlhf_tui.screens.widgets.statusline import StatusLine
from rlhf_tui.tracking.follow import Batch, Follower

TICK_S = 0.5
"""Twice a second: what people call live; four charts then cost under 2 % of a core."""
CROWDED_TICK_S = 1.0
"""While programs of this machine wait for a processor: a run is not slowed by who watches it. Keys
draw at once all the same."""
LIST_S = 2.0
"""How often the list is asked for while any run is active."""
IDLE_LIST_S = 4.0
"""… and while none is: a run may be launched from a shell."""
PATIENCE_S = 4.0
"""A hub that has to be started first is there by then."""
NO_RUNS = "No runs yet.\nStart one on the launch screen,\nor from a shell: rlhf-tui train sft"
MOST_OTHERS = 5
"""Runs beside the chosen one: more curves than colours and marks tell nothing."""


class Live(Room):
    """Reads and draws what is new, twice a second, or once where the machine has no time for it."""

    status: StatusLine
    runs: RunList
    head: RunHead
    panes: Panes
    looks: Styles
    """Which colour and mark each of the runs has that are compared."""
    source: Source
    want: str
    """The run to put the cursor on once it is listed."""
    view: int

    def __init__(self) -> None:
        super().__init__()
        self.followed: Watched | None = None
        """The chosen run."""
        self.others: dict[str, Watched] = {}
        """Runs kept for comparison, by id."""
        self.leaving: set[str] = set()
        """Runs that this person has put away or deleted, which need not be told to them."""
        self._settled: set[str] = set()
        """Runs that have ended and of which all that they wrote is read."""
        self._listed = 0.0
        self._noted = ""
        self._away_since = 0.0
        self._drawn = 0.0
        self._wake = asyncio.Event()
        self.crowd = Crowd()

    @property
    def tick(self) -> float:
        """Seconds until the next look at the runs."""
        return CROWDED_TICK_S if self.crowd.crowded() else TICK_S

    async def follow_all(self) -> None:
        """Read and draw until the screen goes."""
        while True:
            await self._read_list()
            self.remember()
            if not await self._read_runs():
                try:
                    await asyncio.wait_for(self._wake.wait(), self.tick)
                except TimeoutError:
                    continue
                self._wake.clear()

    def left_on(self, infos: list[RunInfo]) -> str:
        """The run of this list that the person left the dashboard on; empty: the first one."""
        return ""

    def remember(self) -> None:
        """Keep how the dashboard stands, for the next time."""

    def look_again(self) -> None:
        """Ask for the list now."""
        self._listed = 0.0
        self._wake.set()

    # --- the list -----------------------------------------------------------------------------

    async def _read_list(self) -> None:
        active = self.source.note or any(i.state in ACTIVE for i in self.runs.infos)
        now = time.monotonic()
        if self._listed and now - self._listed < (LIST_S if active else IDLE_LIST_S):
            return
        infos = await self.source.list()
        self._listed = now
        want, self.want = self.want, ""
        if want and not self.source.refused and all(info.run_id != want for info in infos):
            why = "There is no run" if not self.source.older else "Not among the newest runs:"
            self.notify(f"{why} {want!r}.", severity="warning", markup=False)
        await self._tell_of_gone(infos)
        self.runs.older = self.source.older
        self.runs.nothing = "not shown" if self.source.refused else "no runs yet"
        self.runs.fill(infos, want or ("" if self.runs.infos else self.left_on(infos)))
        self._take_infos(infos)
        self._say_source()
        running = sum(info.state in LIVE for info in infos)
        queued = sum(info.state == "queued" for info in infos)
        there = len(infos) + self.source.older
        counts = f"{count(there, 'run')}, {running} running, {queued} queued "
        self.status.say("counts", Content("" if self.source.refused else counts))
        self.tell_head()

    async def _tell_of_gone(self, infos: list[RunInfo]) -> None:
        """Say why the run that is looked at leaves the list."""
        chosen = self.runs.chosen
        if chosen is None or self.source.refused or chosen.run_id in {i.run_id for i in infos}:
            return
        if chosen.run_id not in self.leaving:
            there = await asyncio.to_thread(Path(chosen.directory).exists)
            why = "is no longer in the list" if there else "was deleted"
            self.notify(f"{chosen.run_id} {why}.", severity="warning", markup=False)
        self.leaving.discard(chosen.run_id)

    def _take_infos(self, infos: list[RunInfo]) -> None:
        """Bring what is known of the followed runs up to date."""
        known = {info.run_id: info for info in infos}
        if self.followed and (info := known.get(self.followed.info.run_id)):
            self.followed = Watched(info, self.followed.follower)
        for run_id, watched in list(self.others.items()):
            if run_id in known:
                self.others[run_id] = Watched(known[run_id], watched.follower)
            else:
                del self.others[run_id]
                self._mark()
        self._settled -= {info.run_id for info in infos if info.state in LIVE}

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

    # --- the runs -----------------------------------------------------------------------------

    async def _read_runs(self) -> bool:
        """Read a piece of every followed run; whether there is more to read at once."""
        batch: Batch | None = Batch()
        more = False
        chosen = self.followed
        for watched in [*([chosen] if chosen else []), *self.others.values()]:
            if watched.info.run_id in self._settled:
                continue
            read = await asyncio.to_thread(watched.follower.read)
            watched.follower.take(read)
            more = more or read.more
            if watched is chosen and batch is not None:
                batch = read
            elif not read.empty:
                batch = None
            if read.empty and not read.more and watched.info.state not in ACTIVE:
                self._settled.add(watched.info.run_id)
                # What was measured at its end is told beside the arguments.
                batch = None
        # While an old run's thousands of lines are read, a picture twice a second is enough.
        now = time.monotonic()
        if chosen is self.followed and (not more or now - self._drawn > TICK_S):
            self._drawn = now
            self.draw(batch)
        return more

    def seen(self, batch: Batch | None = None) -> Seen:
        """What the panes are told."""
        chosen = self.followed
        others = [o for o in self.others.values() if chosen is None or o.info != chosen.info]
        return Seen(self.source, chosen, others, batch, self.runs.infos)

    def draw(self, batch: Batch | None = None) -> None:
        """Draw the pane that is seen; with a batch, only what it has changed."""
        if hasattr(self, "source"):
            seen = self.seen(batch)
            there = self.panes.there
            for pane in there:
                pane.heed(seen)
            if (chosen := self.panes[self.view]) in there:
                chosen.tell(seen)
            self.draw_tabs()

    def draw_tabs(self) -> None:
        """Draw the row above the pane."""
        raise NotImplementedError

    def tell_head(self) -> None:
        """Bring the head of the chosen run up to date."""
        chosen, info = self.followed, self.runs.chosen
        problem = chosen.follower.problem if chosen else self.source.refused
        if info is None and not problem and self._listed:
            problem = NO_RUNS
        if chosen is not None and info is not None and chosen.follower.gone:
            what = "file" if info.kind == "log" else "directory"
            problem = f"The {what} of {info.run_id} is gone: {info.directory}"
        self.head.tell(info, problem, chosen.follower if chosen else None)

    def on_run_list_chosen(self, message: RunList.Chosen) -> None:
        info = message.info
        self.followed = Watched(info, self._follower(info)) if info else None
        self._mark()
        self.tell_head()
        self.draw()
        self._wake.set()

    def _mark(self) -> None:
        """Show in the list which runs are compared, by the marks of their curves."""
        seen = self.seen()
        runs = [*([seen.run] if seen.run else []), *seen.others]
        styles = {w.info.run_id: n for w, n in zip(runs, self.looks.of(runs), strict=True)}
        self.runs.mark({run_id: styles[run_id] for run_id in self.others if run_id in styles})

    def _follower(self, info: RunInfo) -> Follower:
        beside = self.others.get(info.run_id)
        if beside is not None:
            return beside.follower
        self._settled.discard(info.run_id)
        return self.source.follow(info)

    def action_overlay(self) -> None:
        """Keep the chosen run for comparison, or no longer."""
        info = self.runs.chosen
        if info is None:
            return
        if self.followed is None or self.followed.info.run_id != info.run_id:
            # Keys that come together are quicker than the news that another run is chosen.
            self.followed = Watched(info, self._follower(info))
        chosen = self.followed
        if self.others.pop(info.run_id, None) is None:
            if len(self.others) >= MOST_OTHERS:
                self.notify(f"At most {MOST_OTHERS} runs stand beside one.", markup=False)
                return
            self.others[info.run_id] = chosen
        self._mark()
        self.draw()
