"""The launch screen: choose the options of a background run, start it, and go to its curves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content

from rlhf_tui.config.settings import Settings, load_settings
from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.hub.messages import Launch, Launched
from rlhf_tui.runs.environment import carried, secrets
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.screens import keys
from rlhf_tui.screens.launch_edit import EditValue, LaunchNotes
from rlhf_tui.screens.launch_form import FIRST, KINDS, RECIPE, TITLE, Field, Form, shown
from rlhf_tui.screens.launch_view import FormView, foot_rows, kind_row
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.canvas_view import CanvasView
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine


class LaunchScreen(Room):
    """A form for every kind of run that people start."""

    NAME = "Launch"
    ROOMS = ("launch",)
    CSS_PATH = Path(__file__).with_name("launch.tcss")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("launch")

    def __init__(self, kind: str = "sft") -> None:
        """
        Args:
            kind: one of `launch_form.KINDS`; anything else opens SFT.
        """
        super().__init__()
        self.first_kind: RunKind = next((one for one in KINDS if one == kind), "sft")
        self.index = 1
        self.all_options = False
        self.problem = ""
        self._broken = ""
        """Why nothing can be launched: settings that cannot be read."""
        self._starting = False

    def compose(self) -> ComposeResult:
        self.status = StatusLine(f" {self.NAME} {self.glyphs.dot} {self.program.title}")
        self.kinds = CanvasView(id="kinds")
        self.view = FormView(self.glyphs)
        self.foot = CanvasView(id="foot")
        yield self.status
        with Vertical(id="form"):
            yield self.kinds
            yield self.view
            yield self.foot
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.form = self._make_form()
        self.call_after_refresh(self.draw)

    def _make_form(self) -> Form:
        try:
            if self.program.workspace is None:
                raise UsageError("This needs a workspace.", hint="Make one: rlhf-tui init")
            return Form(self.first_kind, load_settings(self.program.workspace), os.environ)
        except UsageError as error:
            self._broken = self.problem = str(error)
            return Form(self.first_kind, Settings(), {})

    # --- drawing ----------------------------------------------------------------------------

    @property
    def fields(self) -> list[Field]:
        """The fields that are shown now."""
        if self.all_options:
            return self.form.fields
        first = {TITLE.name, RECIPE.name, *FIRST[self.form.kind]}
        return [
            field
            for field in self.form.fields
            if field.name in first or self.form.origin(field) != "default"
        ]

    @property
    def field(self) -> Field:
        """The field under the cursor."""
        return self.fields[min(self.index, len(self.fields) - 1)]

    def draw(self) -> None:
        """Bring the screen up to date with the form."""
        self.index = max(0, min(self.index, len(self.fields) - 1))
        self.kinds.show(kind_row(self.form.kind, self.kinds.size.width, self.glyphs))
        self.view.tell(self.form, self.fields, self.index)
        width = self.foot.size.width
        if width:
            rows = foot_rows(self.form, self.field, self.problem, width, self.glyphs)
            self.foot.show(rows)
        hidden = len(self.form.fields) - len(self.fields)
        self.status.say("counts", Content(f"{hidden} more options: a" if hidden else ""))

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def on_hub_changed(self, message: HubChanged) -> None:
        self.status.say("saved", Content("hub away " if message.change == "away" else ""))

    def on_form_view_picked(self, message: FormView.Picked) -> None:
        self.index = message.index
        self.draw()

    # --- keys -------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self.index = (self.index + by) % len(self.fields)
        self.draw()

    def action_kind(self, by: int) -> None:
        """Turn to the form of the next kind; what was typed stays."""
        kind = KINDS[(KINDS.index(self.form.kind) + by) % len(KINDS)]
        try:
            self.form.turn_to(kind)
        except UsageError as error:
            self._broken = self.problem = str(error)
            self.form = Form(kind, Settings(), {})
        if not self._broken:
            self.problem = ""
        self.index = 1
        self.draw()

    def action_all(self) -> None:
        """Show the rest of the options, or only the first ones again."""
        name = self.field.name
        self.all_options = not self.all_options
        names = [field.name for field in self.fields]
        self.index = names.index(name) if name in names else 0
        self.draw()

    def action_turn(self, by: int) -> None:
        if self.form.turn(self.field, by):
            self.draw()

    def action_edit(self) -> None:
        """Take the next choice, or open a window to type a value."""
        field = self.field
        if self.form.turn(field, 1):
            self.draw()
            return

        def edited(text: str | None) -> None:
            if text is not None:
                self.form.set(field, text)
                self.draw()

        value = shown(self.form.value(field))
        window = EditValue(
            field.name, field.meaning, field.takes, value, lambda text: self.form.parse(field, text)
        )
        self.app.push_screen(window, edited)

    def action_reset(self) -> None:
        self.form.reset(self.field)
        self.draw()

    def action_start(self) -> None:
        """Launch the run, once: a second press while the hub works on it does nothing."""
        self.problem = self._broken or self._conflict()
        if self.problem:
            self.draw()
        elif not self._starting:
            self._starting = True
            self.status.say(
                "saved", Content("starting … " if self.glyphs.more == "…" else "starting ")
            )
            self.draw()
            self.run_worker(self._start(), group="start")

    def _conflict(self) -> str:
        """Which options exclude each other; empty for none."""
        try:
            self.form.check()
        except UsageError as error:
            return str(error)
        return ""

    async def _start(self) -> None:
        request = Launch(
            kind=self.form.kind,
            arguments=self.form.arguments,
            title=self.form.title,
            cwd=str(Path.cwd()),
            environment=carried(os.environ),
            secrets=secrets(os.environ),
            recipe=self.form.recipe,
        )
        try:
            launched = await self.link.call(request, Launched)
        except RlhfError as error:
            self.problem = str(error)
        else:
            self._launched(launched)
        finally:
            self._starting = False
            self.status.say("saved", Content(""))
        self.draw()

    def _launched(self, launched: Launched) -> None:
        def read(go: bool | None) -> None:
            if go:
                self.program.go(f"dashboard:{launched.run_id}")

        self.app.push_screen(LaunchNotes(launched.run_id, launched.state, launched.notes), read)
