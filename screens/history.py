"""The history: what one person judged and skipped, newest first, to search, read and revise."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from textual import events, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import History, HistoryAnswer, HistoryEntry, Votes, VotesAnswer
from rlhf_tui.records import Event, TaskKind
from rlhf_tui.screens import keys
from rlhf_tui.screens.history_text import details, plain_row, row
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine

State = Literal["judged", "skipped", "flagged"]
STATES: tuple[State | None, ...] = (None, "judged", "skipped", "flagged")
KINDS: tuple[TaskKind | None, ...] = (None, "rank", "thumbs")
KIND_NAMES = {None: "rankings and thumbs", "rank": "rankings", "thumbs": "thumbs"}
PAGE = 100
"""Entries asked for at a time."""


class HistoryScreen(Room):
    """A list with a cursor; more of it is fetched as the cursor comes near its end."""

    ROOMS = ("history",)
    NAME = "History"
    BINDINGS = keys.bindings("history")
    CSS_PATH = Path(__file__).with_name("history.tcss")

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[HistoryEntry] = []
        self.at = 0
        """Index of the chosen entry."""
        self.top = 0
        """Index of the first entry on the screen."""
        self.complete = False
        """There are no older entries."""
        self.asked = False
        self.query_text = ""
        self.state: State | None = None
        self.kind: TaskKind | None = None
        self.problem = ""
        self.votes: dict[str, list[Event] | str] = {}
        """Others' judgements by task, or why they are not shown."""

    def compose(self) -> ComposeResult:
        self.status = StatusLine()
        self.filters = Static(markup=False, id="filters")
        self.rows = Static(markup=False, id="entries")
        self.details = Static(markup=False, id="entry")
        yield self.status
        yield self.filters
        yield self.rows
        yield self.details
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.fetch(anew=True)
        self.draw()

    def on_screen_resume(self) -> None:
        if self.asked:  # an item may have been revised meanwhile
            self.fetch(anew=True)

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def on_hub_changed(self, message: HubChanged) -> None:
        self.problem = message.detail
        if message.change != "away" and not self.entries:
            self.fetch(anew=True)
        self.draw()

    @property
    def chosen(self) -> HistoryEntry | None:
        return self.entries[self.at] if self.at < len(self.entries) else None

    # --- what the hub tells --------------------------------------------------------------------

    @work(exclusive=True, group="entries")
    async def fetch(self, *, anew: bool) -> None:
        """The next page, or with `anew` the list from its beginning, as far as it was read."""
        known = [] if anew else self.entries
        chosen = self.chosen.event.task_id if self.chosen is not None else ""
        request = History(
            limit=max(PAGE, self.at + PAGE) if anew else PAGE,
            before_seq=known[-1].event.seq if known else 0,
            kind=self.kind,
            search=self.query_text,
            states=[self.state] if self.state else [],
        )
        try:
            page = (await self.link.call(request, HistoryAnswer)).entries
        except RlhfError as error:
            self.problem = str(error)
        else:
            self.entries = [*known, *page]
            self.complete, self.asked, self.problem = len(page) < PAGE, True, ""
            # A revised item is the newest one now; the cursor goes with it.
            places = [i for i, one in enumerate(self.entries) if one.event.task_id == chosen]
            self.at = places[0] if places else min(self.at, max(0, len(self.entries) - 1))
        self.draw()

    @work(exclusive=True, group="votes")
    async def fetch_votes(self, task_id: str) -> None:
        try:
            answer = await self.link.call(Votes(task_id=task_id), VotesAnswer)
            self.votes[task_id] = answer.events
        except RlhfError as error:
            self.votes[task_id] = str(error)
        self.draw()

    # --- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        where = [self.NAME, self.program.title]
        if self.link.welcome is not None and self.size.width >= 80:
            where.append(self.link.welcome.annotator)
        self.status.say("where", Content(" " + f" {self.glyphs.dot} ".join(where)))
        more = "" if self.complete or not self.asked else " or more"
        self.status.say("counts", Content(f"{len(self.entries)}{more}" if self.asked else ""))
        self.filters.update(self.filter_line(), layout=False)
        entry = self.chosen
        self.details.display = entry is not None
        if entry is not None:
            votes = self.votes.get(entry.event.task_id)
            told, problem = (None, votes) if isinstance(votes, str) else (votes, "")
            self.details.update(details(entry, self.glyphs, told, problem))
        self.draw_rows()

    def draw_rows(self) -> None:
        height, width = max(1, self.rows.size.height), self.size.width
        self.top = min(max(self.top, self.at - height + 1), self.at)
        if not self.entries:
            self.rows.update(Content.styled(f" {self.nothing()}", "$quiet"), layout=False)
            return
        shown = self.entries[self.top : self.top + height]
        lines = [
            row(entry, self.glyphs, chosen=self.top + index == self.at, width=width)
            for index, entry in enumerate(shown)
        ]
        self.rows.update(Content("\n").join(lines), layout=False)

    def nothing(self) -> str:
        if self.problem:
            return self.problem
        if not self.asked:
            return f"Fetching{self.glyphs.more}"
        if self.query_text or self.state or self.kind:
            return "Nothing of yours matches."
        return "You have judged nothing yet."

    def filter_line(self) -> Content:
        state = self.state or "judged and skipped"
        parts = [(f" {KIND_NAMES[self.kind]}, {state}", "bold")]
        if self.query_text:
            parts.append((f"  with {plain_row(self.query_text, self.glyphs)!r}", "bold $accent"))
        if self.size.width >= 80:
            parts.append(("   ! flagged  ~ revised", "$quiet"))
        return Content.assemble(*parts)

    # --- keys ----------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        self.at = min(max(0, self.at + step), max(0, len(self.entries) - 1))
        if not self.complete and self.at >= len(self.entries) - PAGE // 2:
            self.fetch(anew=False)
        self.draw()

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.rows.size.height - 1))

    def action_first(self) -> None:
        self.action_move(-self.at)

    def action_state(self) -> None:
        self.state = STATES[(STATES.index(self.state) + 1) % len(STATES)]
        self.look_anew()

    def action_kind(self) -> None:
        self.kind = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]
        self.look_anew()

    @work(exclusive=True, group="search")
    async def action_search(self) -> None:
        from rlhf_tui.screens.search import SearchAsk

        typed = await self.app.push_screen_wait(SearchAsk(self.query_text))
        if typed is not None:
            self.query_text = typed.strip()
            self.look_anew()

    def look_anew(self) -> None:
        """The filter changed: the list from its beginning."""
        self.at = self.top = 0
        self.entries, self.asked, self.complete = [], False, False
        self.draw()
        self.fetch(anew=True)

    def action_votes(self) -> None:
        if self.chosen is not None:
            self.fetch_votes(self.chosen.event.task_id)

    def action_open(self) -> None:
        """The chosen item with its marks, to be read or revised."""
        entry = self.chosen
        if entry is not None:
            self.program.go(f"label:{entry.kind}:{entry.event.task_id}")
