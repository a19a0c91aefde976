"""The statistics screen: one's own pace, and for reviewers agreement, bias, drift, what is left."""

from __future__ import annotations

from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.evaluation import wording
from rlhf_tui.hub.messages import (
    KindProgress,
    Progress,
    ProgressAnswer,
    Stats,
    StatsAnswer,
)
from rlhf_tui.records import TaskKind
from rlhf_tui.screens import keys
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.statistics_pages import PAGES, Seen, page
from rlhf_tui.screens.widgets.scroller import Scroller
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine

NAMES: dict[TaskKind, str] = {"rank": "rankings", "thumbs": "thumbs"}


class StatisticsScreen(Room):
    """Pages of figures; the hub works them out while the keys go on working."""

    ROOMS = ("statistics",)
    NAME = "Statistics"
    BINDINGS = keys.bindings("statistics")
    CSS_PATH = Path(__file__).with_name("statistics.tcss")

    def __init__(self, kind: TaskKind = "rank") -> None:
        super().__init__()
        self.kind: TaskKind = kind
        self.page = "yours"
        self.seen: Seen | None = None
        """What the hub told of this kind; None before it has."""
        self.problem = ""
        self.asking = False

    def compose(self) -> ComposeResult:
        self.status = StatusLine()
        self.tabs = Static(markup=False, id="pages")
        self.figures = Static(markup=False)
        self.body = Scroller(self.figures, id="figures")
        yield self.status
        yield self.tabs
        yield self.body
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.draw()
        self.look()

    def on_hub_changed(self, message: HubChanged) -> None:
        self.problem = message.detail
        if message.change == "connected" and self.seen is None and not self.asking:
            self.look()
        self.draw()

    def look(self, max_age_s: float = 10.0) -> None:
        """Ask the hub in the background."""
        if self.link.connected:
            self.asking = True
            self.ask(self.kind, max_age_s)
        self.draw()

    @work(exclusive=True, group="statistics")
    async def ask(self, kind: TaskKind, max_age_s: float) -> None:
        try:
            counts = await self.link.call(Progress(), ProgressAnswer)
            mine: KindProgress = counts.rank if kind == "rank" else counts.thumbs
            answer = await self.link.call(Stats(kind=kind, max_age_s=max_age_s), StatsAnswer)
        except RlhfError as error:
            self.problem = str(error)
        else:
            self.problem = ""
            me = self.link.welcome.annotator if self.link.welcome else ""
            self.seen = Seen(answer.report, me, mine)
            if self.page not in self.pages:
                self.page = "yours"
        # Not where another question has taken the place of this one: that one goes on.
        self.asking = False
        self.draw()

    @property
    def pages(self) -> list[str]:
        """Names of the pages that this person has."""
        everyone = self.seen is not None and self.seen.everyone
        return list(PAGES) if everyone else ["yours"]

    # --- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        dot = self.glyphs.dot
        where = f" Statistics of {NAMES[self.kind]} {dot} {self.program.title}"
        self.status.say("where", Content(where))
        self.status.say("counts", Content(self.as_of()))
        self.status.say("saved", Content.styled(self.state(), "$waiting"))
        self.tabs.display = len(self.pages) > 1
        self.tabs.update(self.tab_row(), layout=False)
        self.figures.update(self.text())

    def as_of(self) -> str:
        if self.seen is None:
            return ""
        moment = wording.clock(self.seen.report.computed_ms)
        return f"as of {moment} " if self.app.size.width >= 100 else f"{moment[-8:]} "

    def state(self) -> str:
        if not self.link.connected:
            return f"{self.glyphs.off} hub away "
        return f"computing{self.glyphs.more} " if self.asking else ""

    def tab_row(self) -> Content:
        parts: list[tuple[str, str]] = []
        for number, name in enumerate(self.pages, 1):
            chosen = name == self.page
            heading = PAGES[name][0]
            # Where not all fit, the others are numbers.
            word = heading if chosen or self.app.size.width >= 70 else ""
            text = f" {number} {word} " if word else f" {number} "
            parts += [(text, "bold reverse" if chosen else "$quiet"), (" ", "")]
        return Content.assemble(*parts)

    def text(self) -> Content:
        if self.problem and self.seen is None:
            return Content.assemble(("There are no figures.\n", "bold $error"), self.problem)
        if self.seen is None:
            return Content.styled(f"The figures are worked out{self.glyphs.more}", "$quiet")
        width = self.body.scrollable_content_region.width or self.app.size.width - 4
        shown = page(self.page, self.seen, width, self.glyphs)
        if self.problem:
            head = Content.assemble(("These are old: ", "bold $error"), f"{self.problem}\n\n")
            return head + shown
        return shown

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    # --- keys ----------------------------------------------------------------------------------

    def open(self, name: str) -> None:
        """Show a page from its top."""
        self.page = name
        self.draw()
        self.body.go(0)

    def action_page(self, step: int) -> None:
        names = self.pages
        self.open(names[(names.index(self.page) + step) % len(names)])

    def action_view(self, number: int) -> None:
        if number <= len(self.pages):
            self.open(self.pages[number - 1])

    def action_kind(self) -> None:
        self.kind = "thumbs" if self.kind == "rank" else "rank"
        self.seen = None
        self.problem = ""
        self.look()
        self.body.go(0)

    def action_refresh(self) -> None:
        self.look(max_age_s=0)

    def action_scroll(self, lines: int) -> None:
        self.body.turn(lines)

    def action_scroll_page(self, pages: int) -> None:
        self.body.turn(pages * max(1, self.body.size.height - 1))
