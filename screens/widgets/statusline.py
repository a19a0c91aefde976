"""The first and the last row of every room: where one is and what is saved, and the keys."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.screens import keys


class StatusLine(Horizontal):
    """Where one is, how far one has come, and whether the work is saved.

    The three parts have fixed widths, so that a change redraws one of them and moves nothing.
    """

    def __init__(self, where: str = "") -> None:
        super().__init__(id="status")
        self.where = Static(Content(where), markup=False, id="where")
        self.counts = Static(markup=False, id="counts")
        self.saved = Static(markup=False, id="saved")
        self._said: dict[str, Content] = {}

    def compose(self) -> ComposeResult:
        yield self.where
        yield self.counts
        yield self.saved

    def say(self, part: str, content: Content) -> None:
        """Change one part: `where`, `counts` or `saved`."""
        if self._said.get(part) == content:
            return
        self._said[part] = content
        {"where": self.where, "counts": self.counts, "saved": self.saved}[part].update(
            content, layout=False
        )


class KeyLine(Static):
    """The keys of this room, as many as fit; the help's key is always among them."""

    def __init__(self, *screens: str) -> None:
        super().__init__(markup=False, id="keys")
        self.screens = screens

    def on_resize(self, event: events.Resize) -> None:
        self.refresh()

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for key, word in keys.footer(self.size.width, *self.screens):
            parts += [(f" {key}", "bold $accent"), (f" {word} ", "")]
        return Content.assemble(*parts)
