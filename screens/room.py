"""What every room shares: the way to the hub, the keys that work everywhere, and leaving."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.binding import BindingType
from textual.screen import Screen

from rlhf_tui.screens import keys
from rlhf_tui.screens.link import Link
from rlhf_tui.screens.theme import THEMES, Glyphs

if TYPE_CHECKING:
    from rlhf_tui.app import RlhfApp
    from rlhf_tui.screens.palette import Entry


LOW = 16
"""Rows under which a room leaves out its margins."""
NARROW = 80
"""Columns under which a room leaves out what it can."""


class Room(Screen[None]):
    """A full screen of the program."""

    ROOMS: ClassVar[tuple[str, ...]] = ()
    """Names of the key table's screens whose rows hold here; `everywhere` is added."""
    NAME: ClassVar[str] = ""
    """What the first row calls this room."""
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("everywhere")
    ALLOW_SELECT = False

    @on(events.Resize)
    def fit(self, event: events.Resize) -> None:
        """Leave out what there is no room for."""
        # By hand: Textual's breakpoints set a class at every start, and style every widget anew.
        self.set_class(event.size.height < LOW, "-low")
        self.set_class(event.size.width < NARROW, "-narrow")

    @property
    def program(self) -> RlhfApp:
        return cast("RlhfApp", self.app)

    @property
    def link(self) -> Link:
        """The hub.

        Raises:
            RuntimeError: without a workspace there is none; only the home screen opens then.
        """
        if self.program.link is None:
            raise RuntimeError("this room needs a workspace")
        return self.program.link

    @property
    def glyphs(self) -> Glyphs:
        return self.program.glyphs

    def key(self, id: str) -> str:
        """The key of a row of the table as the person has it, for what is said of it on screen."""
        return self.program.keymap.key(id)

    async def before_leaving(self) -> None:
        """Put away what must not be lost; called once before the room closes."""

    def action_help(self) -> None:
        from rlhf_tui.screens.help import HelpScreen

        table = self.program.keymap.table
        self.program.push_screen(HelpScreen(self.NAME, *self.ROOMS, table=table))

    def palette_entries(self) -> Iterable[Entry]:
        """What this room adds to the palette: things that have a name, but no key."""
        return ()

    def action_command_palette(self) -> None:
        from rlhf_tui.screens.palette import open_palette

        open_palette(self)

    async def action_leave(self) -> None:
        """Back to the room below, or out of the program."""
        await self.before_leaving()
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.app.exit(0)

    async def action_leave_program(self) -> None:
        await self.program.shut_down()

    def action_next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        at = names.index(self.app.theme) if self.app.theme in names else -1
        self.app.theme = names[(at + 1) % len(names)]
        self.program.personal.set(theme=self.app.theme)
