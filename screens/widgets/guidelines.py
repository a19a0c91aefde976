"""The panel of guidelines: beside what is judged where there is room, else over it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.hub.messages import Guidelines
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.page import Page
from rlhf_tui.screens.widgets.page_view import PageView
from rlhf_tui.screens.widgets.scroller import Scroller
from rlhf_tui.screens.widgets.text import clean, renderable

NONE = "There are no guidelines yet: whoever runs the labelling writes them into guidelines.md."
WORDED = 56
"""Columns of a panel whose title has room for words."""
SHORT = 8
"""Characters of a version that people are shown: it is a hash."""


class GuidelinesPanel(Vertical):
    """A title with the version, and the text, which scrolls."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="guidelines")
        self.glyphs = glyphs
        self.heading = Static(markup=False, id="guidelines-title")
        self.text = PageView(classes="text")
        self.body = Scroller(self.text, id="guidelines-text")
        self.body.moved = self.draw_heading
        self.version = ""
        self._active = False

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.body

    def put(self, found: Guidelines | None, *, code_theme: str) -> None:
        """Show these guidelines; None says that there are none."""
        text = found.text if found is not None and found.text.strip() else NONE
        self.version = found.version if found is not None else ""
        self.text.show(
            Page(
                renderable(
                    text,
                    markdown=True,
                    encoding=self.glyphs.encoding,
                    code_theme=code_theme,
                    flow=True,
                )
            )
        )
        self.draw_heading()

    def activate(self, active: bool) -> None:
        """Show whether the guidelines are what scrolls."""
        self._active = active
        self.draw_heading()

    def draw_heading(self) -> None:
        version = clean(self.version[:SHORT]).text
        narrow = self.size.width < WORDED
        more = self.body.more(self.glyphs, room=5 if narrow else 12)
        scrolls = self.glyphs.marker + ("" if narrow else " scrolls")
        parts = [
            f"  {scrolls}" if self._active else "",
            f"  {more}" if more else "",
            f"  version {version}" if version else "",
        ]
        self.heading.update(
            Content.assemble((" Guidelines ", "bold reverse"), ("".join(parts), "$quiet")),
            layout=False,
        )
