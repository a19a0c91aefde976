"""The rows of the launch form: name, value, what it means; and the lines below them."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from textual.events import Click, Resize
from textual.message import Message

from rlhf_tui.config.meanings import of_zero
from rlhf_tui.screens.launch_fields import KINDS, Field
from rlhf_tui.screens.launch_form import Form, shown
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import CanvasView, Row
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.wrapping import wrap

NAME = 22
VALUE = 20
"""Cells of the first two columns."""
FOOT = 4
"""Rows below the form on the lowest screen."""
TITLES = {
    "generate": "Completions from a model",
    "sft": "Fine-tune on demonstrations",
    "rm": "Reward model from rankings",
    "ppo": "Policy against rewards",
    "dpo": "Policy from rankings",
    "kto": "Policy from thumbs",
    "rloo": "PPO without a critic",
    "grpo": "PPO by groups of responses",
    "evaluate": "Figures on held-out rows",
}


class FormView(CanvasView):
    """The options with a cursor."""

    class Picked(Message):
        """A row was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.form: Form | None = None
        self.fields: list[Field] = []
        self.index = 0
        self._glyphs = glyphs
        self._top = 0

    def tell(self, form: Form, fields: list[Field], index: int) -> None:
        """Show these fields of a form."""
        self.form, self.fields, self.index = form, fields, index
        self.redraw()

    def redraw(self) -> None:
        width, height = self.size
        if not height or self.form is None:
            return
        self._top = max(0, min(self._top, self.index, len(self.fields) - height))
        self._top = max(self._top, self.index - height + 1)
        end = min(len(self.fields), self._top + height)
        rows = [self._row(self.fields[i], width, i == self.index) for i in range(self._top, end)]
        self.show(rows)

    def _row(self, field: Field, width: int, chosen: bool) -> Row:
        assert self.form is not None
        value = shown(self.form.value(field)) or ("newest" if field.name != "title" else "")
        if value == "newest" and "newest" not in field.meaning:
            value = ""
        origin = self.form.origin(field)
        value = clean(_in_words(field, value), encoding=self._glyphs.encoding).text
        value = value.replace("\n", " ")
        style = {"typed": "accent", "settings": "strong", "default": ""}[origin]
        sign = {"typed": self._glyphs.on, "settings": self._glyphs.dot, "default": " "}[origin]
        if field.choices and not field.repeated and chosen:
            value = f"< {value} >"
        if cell_len(value) >= VALUE:
            value = set_cell_size(value, VALUE - 2) + self._glyphs.more[0]
        value = set_cell_size(value, VALUE)
        marker = self._glyphs.marker if chosen else " "
        room = max(0, width - NAME - VALUE - 5)
        rest = clean(field.meaning, encoding=self._glyphs.encoding).text.ljust(room)
        if len(rest) > room:
            rest = rest[: max(0, room - len(self._glyphs.more))] + self._glyphs.more
        if chosen:
            return [
                (f"{marker} {field.name:<{NAME}} {value}{sign} ", "cursor"),
                (rest, "cursor-dim"),
            ]
        return [
            (f"{marker} {field.name:<{NAME}} ", ""),
            (value, style),
            (f"{sign} ", style),
            (rest, "dim"),
        ]

    def on_resize(self, event: Resize) -> None:
        self.redraw()

    def on_click(self, event: Click) -> None:
        if self._top + event.y < len(self.fields):
            self.post_message(self.Picked(self._top + event.y))


def _in_words(field: Field, value: str) -> str:
    """A value for people: a zero that has a meaning of its own stands as that meaning.

    A learning rate of 0.0 would be read as one that learns nothing.
    """
    return (of_zero(field.meaning) if value in ("0", "0.0") else "") or value


def kind_row(kind: str, width: int, glyphs: Glyphs) -> list[Row]:
    """The kinds of runs side by side, and what the chosen one does."""
    row: Row = []
    for name in KINDS:
        chosen = name == kind
        marker = glyphs.marker if chosen else " "
        row += [(f"{marker}{name} ", "cursor" if chosen else "dim"), (" ", "")]
    room = width - sum(len(text) for text, _ in row)
    row.append((TITLES[kind].rjust(room) if room > len(TITLES[kind]) else "", "dim"))
    return [row]


def foot_rows(form: Form, field: Field, problem: str, width: int, glyphs: Glyphs) -> list[Row]:
    """Four rows: the chosen field, as far as they go, and the shell command; or less of the field,
    and what went wrong."""
    help_text = f"{field.meaning} ({field.takes})."
    if form.origin(field) != "default":
        help_text += f" Default: {shown(field.default) or 'empty'}."
    help_text = clean(help_text, encoding=glyphs.encoding).text
    launched = clean(form.command, encoding=glyphs.encoding).text
    command = wrap([("$ ", "dim"), (launched, "strong")], width)[:2]
    rows = wrap([(help_text, "dim")], width)[: 1 if problem else FOOT - len(command)]
    rows += command
    if problem:
        rows += [[]] * (2 - len(command))
        told = clean(problem, encoding=glyphs.encoding).text
        rows += wrap([(told, "bad")], width)[:2]
    return rows
