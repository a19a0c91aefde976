"""A window to choose a model or a file: what there is, found as it is typed, and free text."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.widgets import Input, Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.screens.launch_edit import STYLE, Checked
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.line import Line
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.work import work

SHOWN = 10
"""Rows of the list."""
NAMES = 30
"""Cells of the first column."""
LISTED = 200
"""Entries of a directory that are looked at."""


@dataclass(frozen=True)
class Choice:
    """One line of the list."""

    value: str
    words: str = ""
    """What it is, beside it."""


class ChooseValue(Checked):
    """A value as text, or one of those listed; returns it, None when left as it was."""

    DEFAULT_CSS = (
        "ChooseValue {" + STYLE + "& > Vertical { width: 100; } & CanvasView { height: 10; } }"
    )
    CSS = "ChooseValue { background: $background 60%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,tab", "move(1)", "Next"),
        ("up,shift+tab", "move(-1)", "Previous"),
        ("escape,ctrl+c", "leave", "Leave as it was"),
    ]

    def __init__(
        self,
        title: str,
        meaning: str,
        value: str,
        glyphs: Glyphs,
        *,
        choices: Callable[[], Awaitable[list[Choice]]],
        paths: Callable[[str], list[Choice]],
        check: Callable[[str], str | None],
    ) -> None:
        """
        Args:
            choices: what there is, without paths; asked once.
            paths: the files that a typed text begins.
            check: as of `launch_edit.EditValue`.
        """
        super().__init__()
        self.heading, self.meaning, self.value = title, meaning, value
        self.check = check
        self.at = -1
        """The chosen line; -1: the text as typed."""
        self.list: list[Choice] = []
        self._choices, self._paths = choices, paths
        self._known: list[Choice] = []
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self.heading, markup=False, classes="title")
            yield Static(f"{self.meaning}.", markup=False, classes="quiet")
            yield Line(self._take, self.value, select_on_focus=True)
            self.view = CanvasView()
            yield self.view
            yield Static(markup=False, classes="problem")
            yield Static(markup=False, classes="warning")
            yield Static("Down and Up choose, Enter takes it", markup=False, classes="quiet")

    def on_mount(self) -> None:
        self.run_worker(work(self._fetch), group="fetch")

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.draw)

    async def _fetch(self) -> None:
        try:
            self._known = await self._choices()
        except RlhfError as error:
            self.query_one(".warning", Static).update(str(error))
        self.draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.at = -1
        self.draw()

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def draw(self) -> None:
        """List what fits the text; all of it while the text is what it was."""
        text = self.text
        wanted = "" if text == self.value else text.lower()
        fitting = [
            one for one in self._known if wanted in one.value.lower() or wanted in one.words.lower()
        ]
        self.list = [*fitting, *(self._paths(text) if wanted else [])]
        self.at = min(self.at, len(self.list) - 1)
        top = max(0, self.at - SHOWN + 1)
        width = self.view.size.width
        lines = enumerate(self.list[top : top + SHOWN], start=top)
        self.view.show([self._row(one, number == self.at, width) for number, one in lines])
        if self.at < 0:
            self.problem(text)

    def _row(self, one: Choice, chosen: bool, width: int) -> Row:
        marker = self._glyphs.marker if chosen else " "
        name = clean(one.value, encoding=self._glyphs.encoding).text
        words = clean(one.words, encoding=self._glyphs.encoding).text
        room = max(0, width - max(NAMES, len(name)) - 4)
        text = f"{marker} {name:<{NAMES}} "
        style = "cursor" if chosen else ""
        return [(text[:width], style), (words[:room], "cursor-dim" if chosen else "dim")]

    def action_move(self, by: int) -> None:
        """To the next line, or from the first one back to the text."""
        self.at = max(-1, min(self.at + by, len(self.list) - 1))
        self.draw()

    def _take(self, typed: str) -> None:
        """Take the line or the text; a directory that is no model is gone into."""
        text = self.list[self.at].value if self.at >= 0 else self.text
        if self.at >= 0 and text.endswith(os.sep):
            field = self.query_one(Input)
            field.value = text
            field.cursor_position = len(text)
            return
        if not self.problem(text):
            self.dismiss(text)


def paths_of(text: str, takes: Callable[[Path], str | None]) -> list[Choice]:
    """What a typed path begins: directories to go into, and what may be chosen.

    Args:
        takes: says what a path is, None for one that cannot be chosen.
    """
    if not text or not (text.startswith((".", "~", os.sep)) or os.sep in text):
        return []
    directory, _, begun = text.rpartition(os.sep)
    place = Path(directory or os.sep).expanduser()
    found: list[Choice] = []
    try:
        with os.scandir(place) as entries:
            names = sorted(
                entry.name for entry in _first(entries, LISTED) if entry.name.startswith(begun)
            )
    except OSError:
        return []
    for name in names:
        path = place / name
        value = f"{directory}{os.sep}{name}"
        if (words := takes(path)) is not None:
            found.append(Choice(value, words))
        elif path.is_dir() and not (name.startswith(".") and not begun):
            found.append(Choice(value + os.sep, "directory"))
    return found


def _first(entries: Iterable[os.DirEntry[str]], count: int) -> Iterable[os.DirEntry[str]]:
    for number, entry in enumerate(entries):
        if number >= count:
            return
        yield entry
