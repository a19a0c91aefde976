"""The launch screen: choose the options of a background run, start it, and go to its curves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content

from rlhf_tui.config.settings import Settings, load_settings
from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.hub.messages import Launch, Launched, Preview
from rlhf_tui.runs.environment import carried, secrets
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.screens import keys
from rlhf_tui.screens.launch_asking import Asking
from rlhf_tui.screens.launch_fields import FIRST, KINDS, RECIPE, TITLE, Field
from rlhf_tui.screens.launch_form import Form
from rlhf_tui.screens.launch_summary import brief_rows, side_rows
from rlhf_tui.screens.launch_view import FormView, foot_rows, kind_row
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.widgets.canvas_view import CanvasView
from rlhf_tui.screens.widgets.statusline import KeyLine, StatusLine
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.workspace import enclosing

HIGH = 28
"""Rows from which there are margins."""
WIDE = 132
"""Columns from which the summary stands beside the form."""
COPIED = (
    "It was sent to your terminal's clipboard (OSC 52). A terminal that does not take it shows"
    " nothing; in tmux it needs: set -g set-clipboard on"
)


class LaunchScreen(Room):
    """A form for every kind of run that people start."""

    NAME = "Launch"
    ROOMS = ("launch",)
    CSS_PATH = Path(__file__).with_name("launch.tcss")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("launch")

    def __init__(self, kind: str = "sft") -> None:
        """
        Args:
            kind: one of `launch_fields.KINDS`; anything else opens SFT.
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
        self.side = CanvasView(id="side")
        self.brief = CanvasView(id="brief")
        self.foot = CanvasView(id="foot")
        yield self.status
        with Vertical(id="form"):
            yield self.kinds
            with Horizontal(id="middle"):
                yield self.view
                yield self.side
            yield self.brief
            yield self.foot
        yield KeyLine(*self.ROOMS)

    def on_mount(self) -> None:
        self.form = self._make_form()
        self.asking = Asking(self)
        self.call_after_refresh(self.draw)

    def _make_form(self) -> Form:
        try:
            if self.program.workspace is None:
                raise UsageError("This needs a workspace.", hint="Make one: rlhf-tui init")
            place = self.program.workspace
            # A shell finds the workspace that its directory is in.
            named = "" if enclosing(Path.cwd()) == place.root else str(place.root)
            return Form(self.first_kind, load_settings(place), os.environ, named)
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
            problem = self.problem or self.form.conflict()
            rows = foot_rows(self.form, self.field, problem, width, self.glyphs)
            self.foot.show(rows)
        hidden = len(self.form.fields) - len(self.fields)
        self.status.say("counts", Content(f"{hidden} more options: a" if hidden else ""))
        if not self._broken and self.program.link is not None:
            self.asking.changed(examples=1 if self.is_wide else 0)
        self.draw_summary()

    @property
    def is_wide(self) -> bool:
        """Whether the summary stands beside the form."""
        return self.size.width >= WIDE

    def draw_summary(self) -> None:
        """Show what is known of the launch."""
        told = self.asking.told
        if self.is_wide:
            width, height = self.side.size
            if width:
                self.side.show(side_rows(told, width, height, self.glyphs))
        elif width := self.brief.size.width:
            self.brief.show(brief_rows(told, width, self.glyphs))

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(event.size.height >= HIGH, "-high")
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        if hasattr(self, "asking") and not self._broken:
            # People may have judged meanwhile, and runs may have finished.
            self.asking.changed(examples=1 if self.is_wide else 0, force=True)

    def on_hub_changed(self, message: HubChanged) -> None:
        self.status.say("saved", Content("hub away " if message.change == "away" else ""))
        if message.change != "away" and not self._broken:
            self.asking.changed(examples=1 if self.is_wide else 0, force=True)

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
            self._changed()
            self.draw()

    def action_edit(self) -> None:
        """Take the next choice, or open a window to type a value."""
        from rlhf_tui.screens.launch_windows import window_of

        field = self.field
        if self.form.turn(field, 1):
            self._changed()
            self.draw()
            return

        def edited(text: str | None) -> None:
            if text is not None:
                self._changed()
                self.form.set(field, text)
                self.draw()

        link = self.program.link
        self.app.push_screen(window_of(field, self.form, link, self.glyphs), edited)

    def _changed(self) -> None:
        """What was wrong with the form before is wrong no more, or will be told again."""
        if not self._broken:
            self.problem = ""

    def action_preview(self) -> None:
        """The data set, and its first rows as the model will see them."""
        from rlhf_tui.screens.launch_preview import LaunchPreview

        if self._broken or self.program.link is None:
            return

        async def ask(examples: int) -> Preview:
            return await self.link.call(self.asking.request(examples), Preview)

        ways = {name: self.key(f"launch.{name}") for name in ("previous", "next", "down", "up")}
        way = (
            f"{ways['next']} {ways['previous']} rows of the data set    {ways['down']} {ways['up']}"
            f" scroll    {self.key('leave')} back"
        )
        self.app.push_screen(LaunchPreview(self.form.kind, ask, self.glyphs, way))

    def action_copy(self) -> None:
        """The shell command to the clipboard, and whole on the screen."""
        from rlhf_tui.screens.launch_edit import CommandShown

        command = self.form.command
        self.app.copy_to_clipboard(command)
        self.app.push_screen(CommandShown(command, COPIED))

    def action_reset(self) -> None:
        self.form.reset(self.field)
        self._changed()
        self.draw()

    def action_start(self) -> None:
        """Launch the run, once: a second press while the hub works on it does nothing."""
        self.problem = self._broken or self.form.conflict(afresh=True)
        if self.problem:
            self.draw()
        elif not self._starting:
            self._starting = True
            self.status.say(
                "saved", Content("starting … " if self.glyphs.more == "…" else "starting ")
            )
            self.draw()
            self.run_worker(work(self._start), group="start")

    async def _start(self) -> None:
        request = Launch(
            kind=self.form.kind,
            arguments=self.form.arguments,
            title=self.form.title,
            cwd=str(Path.cwd()),
            environment=carried(os.environ),
            secrets=secrets(os.environ),
            recipe=self.form.recipe,
            priority=self.form.priority,
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
        from rlhf_tui.screens.launch_edit import LaunchNotes

        def read(go: bool | None) -> None:
            if go:
                self.program.go(f"dashboard:{launched.run_id}")

        self.app.push_screen(LaunchNotes(launched.run_id, launched.state, launched.notes), read)
