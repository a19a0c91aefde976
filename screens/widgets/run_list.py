"""The list of runs: two rows each, state by sign and colour, and what people say of them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size
from textual.events import Click, Resize
from textual.message import Message

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.chart_data import ASCII_MARKS, MARKS
from rlhf_tui.screens.widgets.text import clean

SIGNS = {
    "queued": "○",
    "running": "●",
    "stopping": "◐",
    "finished": "✓",
    "stopped": "■",
    "quiet": "·",
    "failed": "✗",
    "lost": "!",
}
ASCII_SIGNS = {
    "queued": "o",
    "running": "*",
    "stopping": "~",
    "finished": "+",
    "stopped": "=",
    "quiet": ".",
    "failed": "x",
    "lost": "!",
}
STYLES = {
    "queued": "dim",
    "running": "accent",
    "stopping": "warn",
    "finished": "good",
    "stopped": "dim",
    "quiet": "dim",
    "failed": "bad",
    "lost": "bad",
}
CURRENT = ("★", "*")
"""Marks the run whose model is the current policy; the second on terminals of ASCII."""
ROWS = 2
"""Rows a run takes."""


def state_word(info: RunInfo) -> str:
    """The state for people: a run without a heartbeat is lost.

    Another program's log that grows no more, and does not say why, is quiet: nobody stopped it.
    """
    if info.kind == "log" and info.state == "stopped":
        return "quiet"
    return "lost" if info.lost and info.state in ("running", "stopping") else info.state


def duration(seconds: float) -> str:
    """A length of time in one unit and five characters: `<1m`, `7m`, `3h`, `12d`."""
    if seconds < 60:
        return "<1m"
    if seconds < 3600:
        return f"{seconds // 60:.0f}m"
    if seconds < 2 * 86400:
        return f"{seconds // 3600:.0f}h"
    return f"{seconds // 86400:.0f}d"


def steps(info: RunInfo) -> str:
    """`83/150`, as far as they are known."""
    if info.state == "queued":
        return (
            f"#{info.queue_position} next"
            if info.queue_position == 1
            else (f"#{info.queue_position}" if info.queue_position else "")
        )
    if info.status is None:
        return ""
    total = info.status.total_steps
    return f"{info.status.step}/{total}" if total else f"{info.status.step or ''}"


class RunList(CanvasView):
    """Runs and a cursor; the cursor stays on its run when the list changes."""

    DEFAULT_CSS = "RunList { width: 26; }"

    class Chosen(Message):
        """The cursor moved to another run."""

        def __init__(self, info: RunInfo | None) -> None:
            super().__init__()
            self.info = info

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.infos: list[RunInfo] = []
        self.nothing = "no runs yet"
        """What an empty list says."""
        self.older = 0
        """Runs that there are beside these, older than the list goes back."""
        self.index = 0
        self.kept: dict[str, int] = {}
        """Runs kept for comparison, with the style of their curves in the charts."""
        self._top = 0
        self._glyphs = glyphs

    @property
    def chosen(self) -> RunInfo | None:
        return self.infos[self.index] if self.infos else None

    def fill(self, infos: list[RunInfo], want: str = "") -> None:
        """Take a new list.

        Args:
            want: put the cursor on this run; empty: leave it on the run it is on.
        """
        before = self.chosen
        want = want or (before.run_id if before else "")
        self.infos = infos
        self.index = next(
            (i for i, info in enumerate(infos) if info.run_id == want),
            min(self.index, max(0, len(infos) - 1)),
        )
        self.redraw()
        if (self.chosen and self.chosen.run_id) != (before and before.run_id):
            self.post_message(self.Chosen(self.chosen))

    def mark(self, kept: Mapping[str, int]) -> None:
        """Show which runs, by id, are kept for comparison, by the marks of their styles."""
        if kept != self.kept:
            self.kept = dict(kept)
            self.redraw()

    def move(self, by: int) -> None:
        """Move the cursor down by so many runs, as far as the list goes."""
        self.choose(self.index + by)

    def choose(self, index: int) -> None:
        index = max(0, min(len(self.infos) - 1, index))
        if index != self.index and self.infos:
            self.index = index
            self.redraw()
            self.post_message(self.Chosen(self.chosen))

    def redraw(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        whole = len(self.infos) * ROWS <= height and not self.older
        # The last row tells how many more there are.
        fitting = max(1, (height if whole else height - 1) // ROWS)
        self._top = max(0, min(self._top, self.index, len(self.infos) - fitting))
        self._top = max(self._top, self.index - fitting + 1)
        rows: list[Row] = []
        for index in range(self._top, min(len(self.infos), self._top + fitting)):
            info = self.infos[index]
            rows.extend(self._run(info, width, index == self.index))
        if not self.infos:
            rows = [[], [(f" {self.nothing}", "dim")]]
        left = max(0, len(self.infos) - self._top - fitting)
        more = f"{left} more" if left else ""
        if self.older:
            more = f"{more}, {self.older} older" if more else f"{self.older} older"
        if more and len(rows) < height:
            rows.append([(f" {self._glyphs.more} {more}", "dim")])
        self.show(rows)

    @property
    def _plain(self) -> bool:
        return self._glyphs.encoding != "utf-8"

    def _run(self, info: RunInfo, width: int, chosen: bool) -> list[Row]:
        word = state_word(info)
        sign = (ASCII_SIGNS if self._plain else SIGNS)[word]
        marker = self._glyphs.marker if chosen else " "
        marks = CURRENT[self._plain] if info.current else ""
        if info.run_id in self.kept:
            curves = ASCII_MARKS if self._plain else MARKS
            marks += curves[self.kept[info.run_id] % len(curves)]
        right = f"{marks} {steps(info)}".strip()
        # Of other programs' logs it is a file's name, in any script.
        name = clean(info.run_id, encoding=self._glyphs.encoding).text
        longest = max(4, width - len(right) - 5)
        name = name if cell_len(name) <= longest else set_cell_size(name, longest)
        gap = " " * max(1, width - 4 - cell_len(name) - len(right) - 1)
        detail = self._detail(info, word, width - 5)
        plain, dim = ("cursor", "cursor-dim") if chosen else ("", "dim")
        style = plain if chosen else STYLES[word]
        # Put away: there, and not what one looks for.
        name_style = dim if info.archived else plain
        return [
            [
                (f"{marker}", plain),
                (f" {sign} ", style),
                (f"{name}{gap}", name_style),
                (f"{right} ", name_style),
            ],
            [(set_cell_size(f"    {detail}", width), dim)],
        ]

    def _detail(self, info: RunInfo, word: str, room: int) -> str:
        """What people say of it, with its age where there is room; else its state in words."""
        past = time.time() - (info.ended_ms or info.started_ms or info.created_ms) / 1000
        age = duration(past)
        age = age if word in ("running", "stopping", "queued") else f"{age} ago"
        tags = " ".join(f"#{tag}" for tag in info.tags)
        said = clean(f"{info.title} {tags}".strip(), encoding=self._glyphs.encoding).text
        said = said.replace("\n", " ")
        if not said:
            return f"{'archived' if info.archived else word}, {age}"
        said = f"archived {self._glyphs.dot} {said}" if info.archived else said
        if cell_len(said) + 1 + len(age) <= room:
            return set_cell_size(said, room - len(age)) + age
        more = self._glyphs.more
        return said if cell_len(said) <= room else set_cell_size(said, room - len(more)) + more

    def on_resize(self, event: Resize) -> None:
        self.redraw()

    def on_click(self, event: Click) -> None:
        self.choose(self._top + event.y // ROWS)
