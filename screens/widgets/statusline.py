"""The first and the last row of every room: where one is and what is saved, and the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.screens import keys
from rlhf_tui.screens.widgets.text import FORBIDDEN, clean

if TYPE_CHECKING:
    from rlhf_tui.app import RlhfApp


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
        """Change one part: `where`, `counts` or `saved`.

        Names of directories and people stand here: what acts on a terminal is taken out.
        """
        if FORBIDDEN.search(content.plain):
            content = Content(clean(content.plain).text)
        if self._said.get(part) == content:
            return
        self._said[part] = content
        {"where": self.where, "counts": self.counts, "saved": self.saved}[part].update(
            content, layout=False
        )


class KeyLine(Static):
    """The keys of this room, as many as fit; the help's key is always among them.

    A click on one does what the key does.
    """

    def __init__(self, *screens: str) -> None:
        super().__init__(markup=False, id="keys")
        self.screens = screens
        self.words: Mapping[str, str] = {}
        """Of rows, by id, the words that hold now instead of the table's."""

    def tell(self, words: Mapping[str, str]) -> None:
        """Show these words from now on; of a row with an empty one nothing."""
        if words != self.words:
            self.words = words
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.refresh()

    def hints(self) -> list[keys.Hint]:
        """What the row shows, from left to right."""
        table = cast("RlhfApp", self.app).keymap.table
        return keys.footer(self.size.width, *self.screens, table=table, words=self.words)

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for hint in self.hints():
            parts += [(f" {hint.key}", "bold $accent"), (f" {hint.word} ", "")]
        return Content.assemble(*parts)

    async def on_click(self, event: events.Click) -> None:
        at = event.x
        for hint in self.hints():
            if at < hint.width:
                if hint.action:
                    await self.screen.run_action(hint.action)
                return
            at -= hint.width
