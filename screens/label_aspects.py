"""The aspects of completions, each a Likert scale: a table at the bottom, filled in by digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from rlhf_tui.screens import keys
from rlhf_tui.screens.label_ask import Panel
from rlhf_tui.screens.label_marks import Marks
from rlhf_tui.screens.widgets.text import clean

COLUMN = 4
"""Cells of a completion's column: a sign on both sides of its point."""
ROWS_LEFT = 10
"""Rows of the terminal that the table leaves to the texts above it and to the panel's own."""


class AspectsAsk(Panel[Marks]):
    """Completions across, aspects down. A digit rates and goes on to the next cell."""

    ROOMS = ("aspects",)
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings("aspects"),
        *keys.borrowed({"leave": "leave", "quit": "leave"}),
    ]

    def __init__(
        self,
        marks: Marks,
        shown: Sequence[str],
        aspects: Sequence[str],
        scale: int,
        *,
        pane: int = 1,
        look: Callable[[int], None],
        page: Callable[[int], None],
        keep: Callable[[Marks], None],
    ) -> None:
        """
        Args:
            shown: completion ids in the order of the panes.
            scale: points of each aspect, 1 is worst.
            pane: where to begin.
            look: called with the pane that is being rated.
            page: scrolls that pane by pages.
            keep: called with the marks at every change, so that a lost connection loses none.
        """
        title = f"Aspects: 1 is worst, {scale} is best"
        super().__init__(title, f"1-{scale} rates   arrows or hjkl move   Enter done   q as before")
        self.marks, self.shown, self.aspects, self.scale = marks, shown, aspects, scale
        self.column, self.row = pane - 1, 0
        self.look, self.page, self.keep = look, page, keep
        self.table = Static(markup=False, id="ask-list")

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.look(self.column + 1)
        self.draw_table()

    def on_resize(self) -> None:
        self.draw_table()

    # --- drawing -------------------------------------------------------------------------------

    def draw_table(self) -> None:
        rows = max(2, self.app.size.height - ROWS_LEFT)
        top = max(0, min(self.row - rows // 2, len(self.aspects) - rows))
        names = [clean(name).text.replace("\n", " ") for name in self.aspects]
        room = max(8, self.app.size.width - COLUMN * len(self.shown) - 4)
        width = min(max(map(cell_len, names)), room)
        head = " " * (width + 3) + "".join(f" {n}  " for n in range(1, len(self.shown) + 1))
        lines = [Content.styled(head, "bold")]
        for index in range(top, min(top + rows, len(names))):
            here = index == self.row
            parts = [(f" {'>' if here else ' '} {set_cell_size(names[index], width)}", "")]
            parts += [self.cell(index, column) for column in range(len(self.shown))]
            lines.append(Content.assemble(*parts))
        self.table.update(Content("\n").join(lines))

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """A point or a dot; brackets and bold mark the cell that a digit would fill."""
        point = self.marks.aspects.get(self.shown[column], {}).get(self.aspects[row])
        text = "." if point is None else str(point)
        if (row, column) == (self.row, self.column):
            return f"[{text}] ", "bold reverse"
        return f" {text}  ", "" if point is None else "bold"

    # --- keys ----------------------------------------------------------------------------------

    def action_rate(self, point: int) -> None:
        if point > self.scale:
            self.hint.update(Content(f" The scale goes from 1 to {self.scale}."))
            return
        self.give(point)
        at = self.column * len(self.aspects) + self.row + 1
        if at < len(self.aspects) * len(self.shown):
            column, self.row = divmod(at, len(self.aspects))
            self.go_to(column)
        self.draw_table()

    def action_clear(self) -> None:
        self.give(None)
        self.draw_table()

    def give(self, point: int | None) -> None:
        completion, aspect = self.shown[self.column], self.aspects[self.row]
        self.marks = self.marks.rated(completion, aspect, point)
        self.keep(self.marks)

    def action_move(self, down: int, right: int) -> None:
        self.row = (self.row + down) % len(self.aspects)
        self.go_to((self.column + right) % len(self.shown))
        self.draw_table()

    def go_to(self, column: int) -> None:
        if column != self.column:
            self.column = column
            self.look(column + 1)

    def action_page(self, step: int) -> None:
        self.page(step)

    def action_done(self) -> None:
        self.dismiss(self.marks)
