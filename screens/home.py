"""The first screen: what is here, and what to do next, each by one key."""

from __future__ import annotations

from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import KindProgress, Progress, ProgressAnswer
from rlhf_tui.screens import keys
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine
from rlhf_tui.screens.widgets.text import clean

LOOK_AGAIN_S = 3.0
"""How often the counts are asked for; nothing is drawn while they stay the same."""
WITHOUT = {row.id: "" for row in keys.of("home")} | {"home.init": "make a workspace"}
"""Words of the footer where there is no workspace: of all keys only one does something."""
BAR = 14
"""Cells of a progress bar."""


class HomeScreen(Room):
    """The loop as a menu with its counts."""

    ROOMS = ("home",)
    NAME = "Home"
    BINDINGS = keys.bindings("home")
    CSS_PATH = Path(__file__).with_name("home.tcss")

    def __init__(self) -> None:
        super().__init__()
        self.progress: ProgressAnswer | None = None
        self.problem = ""

    def compose(self) -> ComposeResult:
        self.status = StatusLine()
        self.overview = Static(markup=False, id="overview")
        self.menu = Static(markup=False, id="menu")
        yield self.status
        yield self.overview
        yield self.menu
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self._drawn: tuple[Content, Content] | None = None
        self.set_interval(LOOK_AGAIN_S, self.look)
        self.draw()
        self.look()

    def on_screen_resume(self) -> None:
        self.look()

    def on_hub_changed(self, message: HubChanged) -> None:
        self.problem = message.detail
        self.draw()
        self.look()

    def look(self) -> None:
        """Ask for the counts in the background."""
        link = self.program.link
        if link is not None and link.connected and self.is_current:
            self.ask()

    @work(exclusive=True, group="counts")
    async def ask(self) -> None:
        try:
            self.progress = await self.link.call(Progress(), ProgressAnswer)
            self.problem = ""
        except RlhfError as error:
            self.problem = str(error)
        self.draw()

    # --- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        here = self.overview_text(), self.menu_text()
        if here != self._drawn:
            self._drawn = here
            self.overview.update(here[0])
            self.menu.update(here[1])
        self.query_one(KeyLine).tell(WITHOUT if self.program.workspace is None else {})
        link, glyphs = self.program.link, self.glyphs
        where = ["rlhf-tui", self.program.title] if self.program.workspace else ["rlhf-tui"]
        if link is not None and link.welcome is not None and self.app.size.width >= 80:
            where.append(link.welcome.annotator)
        self.status.say("where", Content(" " + f" {glyphs.dot} ".join(where)))
        if link is None:
            mark = Content("")
        elif link.connected:
            mark = Content.assemble((f"{glyphs.on} connected ", "$picked"))
        else:
            mark = Content.assemble((f"{glyphs.off} hub away ", "$waiting"))
        self.status.say("saved", mark)

    def overview_text(self) -> Content:
        if self.program.workspace is None:
            return Content.assemble(
                ("There is no workspace here.\n\n", "bold"),
                "A workspace is a directory that holds your prompts, completions, judgements "
                "and training runs. ",
                (self.key("home.init"), "bold $accent"),
                f" makes one in {clean(str(Path.cwd())).text}.\n\n",
                (
                    "One that is elsewhere: rlhf-tui -w DIR. A sample to try: rlhf-tui demo.",
                    "$quiet",
                ),
            )
        if self.problem:
            return Content.assemble(("The hub does not answer.\n", "bold $error"), self.problem)
        here = self.progress
        if here is None:
            return Content.styled(f"Calling the hub{self.glyphs.more}\n", "$quiet")
        if self.app.size.width < 80:
            return Content.assemble(
                (f"{here.prompts:,}", "bold"),
                (" prompts  ", "$quiet"),
                (f"{here.completions:,}", "bold"),
                (" completions", "$quiet"),
            )
        runs = "no run active" if not here.runs_active else f"{here.runs_active} active"
        facts = (
            *(
                (f"{number:,}", word if number == 1 else f"{word}s")
                for number, word in (
                    (here.prompts, "prompt"),
                    (here.completions, "completion"),
                    (here.rank.judgements + here.thumbs.judgements, "judgement"),
                    (here.annotators, "annotator"),
                )
            ),
            (runs, "" if not here.runs_active else "runs"),
        )
        parts: list[tuple[str, str]] = []
        for number, word in facts:
            parts += [(number, "bold"), (f" {word}   ", "$quiet")]
        return Content.assemble(*parts)

    def menu_text(self) -> Content:
        if self.program.workspace is None:
            return Content("")
        here = self.progress
        best = next_step(here)
        rows = (
            ("home.generate", "Generate", "completions with a model", None),
            ("home.rank", "Rank", "completions, best first", here.rank if here else None),
            ("home.thumbs", "Thumbs", "good or bad, one by one", here.thumbs if here else None),
            ("home.train", "Train", "SFT, reward model, PPO", None),
            ("home.runs", "Runs", "curves, logs, samples", None),
        )
        width, height = self.app.size
        between = "\n\n" if height >= 20 else "\n"
        parts: list[tuple[str, str]] = []
        for row, name, what, counts in rows:
            marker = self.glyphs.marker if row == best else " "
            parts += [
                (f"{marker} ", "bold $accent"),
                (f" {self.key(row)} ", "bold reverse"),
                (f"  {name:<10}", "bold"),
                (f"{what:<28}" if width >= 60 else "", "$quiet"),
            ]
            if counts is not None and counts.judgements_wanted:
                parts += progress_parts(counts, self.glyphs, width=width)
            elif row == best:
                parts.append(("next", "bold $accent"))
            parts.append((between, ""))
        return Content.assemble(*parts)

    def on_resize(self) -> None:
        self.draw()

    # --- keys ----------------------------------------------------------------------------------

    def action_go(self, where: str) -> None:
        if self.program.workspace is None:
            init = self.key("home.init")
            self.notify(f"A workspace is needed first: {init} makes one here.", timeout=4)
            return
        self.program.go(where)

    def action_make_workspace(self) -> None:
        if self.program.workspace is not None:
            self.notify("This is a workspace already.", timeout=4)
            return
        try:
            self.program.make_workspace()
        except RlhfError as error:
            self.notify(str(error), title="No workspace made", severity="error", timeout=10)
        self.draw()


def next_step(here: ProgressAnswer | None) -> str:
    """The id of the key that moves the loop on: label what is open, generate what is missing."""
    if here is None:
        return ""
    if here.rank.open_for_me:
        return "home.rank"
    if here.thumbs.open_for_me:
        return "home.thumbs"
    if here.runs_active:
        return "home.runs"
    return "home.train" if here.rank.judgements + here.thumbs.judgements else "home.generate"


def progress_parts(counts: KindProgress, glyphs: Glyphs, *, width: int) -> list[tuple[str, str]]:
    """Judged of wanted as a bar and in numbers, and one's own share."""
    share = min(1.0, counts.judgements / counts.judgements_wanted)
    full = round(share * BAR)
    numbers = f" {counts.judgements:,} of {counts.judgements_wanted:,}"
    if width < 80:
        return [(numbers.strip(), "")]
    parts = [(glyphs.full * full, "$picked"), (glyphs.empty * (BAR - full), "$quiet")]
    parts.append((numbers, ""))
    if width >= 100:
        parts.append((f" {glyphs.dot} {counts.mine:,} yours", "$quiet"))
    return parts
