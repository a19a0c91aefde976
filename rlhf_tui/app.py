"""The Textual program: opens rooms, gives them the hub, and closes without losing anything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import App
from textual.geometry import Size
from textual.notifications import SeverityLevel

from rlhf_tui.config.file_names import own_name
from rlhf_tui.config.settings import Settings, load_settings
from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.screens import theme
from rlhf_tui.screens.garbage import LOOK_S, Collector
from rlhf_tui.screens.keymap import Keymap, load_keymap
from rlhf_tui.screens.link import Link
from rlhf_tui.screens.messages import HubChanged
from rlhf_tui.screens.pasting import guard_pastes
from rlhf_tui.screens.personal import Personal, personal_path
from rlhf_tui.screens.room import Room
from rlhf_tui.screens.rooms import FILES, room, style_of
from rlhf_tui.screens.small import TooSmall, too_small
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.workspace import Workspace, init_workspace

if TYPE_CHECKING:
    from rlhf_tui.hub.early import EarlyStart

HANG_UP_S = 12.0
"""After a hang-up the program gets this long to put its work away; then it ends anyway, because
a terminal that is gone can block every further write."""
MakeLink = Callable[[Workspace], Link]


APP_STYLES = Path(theme.__file__).with_name("app.tcss")


class RlhfApp(App[int]):
    """The program in a terminal."""

    TITLE = "rlhf-tui"
    ENABLE_COMMAND_PALETTE = False  # its screenshot command writes files on the server
    DEFAULT_MODE = "start"

    def __init__(
        self,
        workspace: Workspace | None,
        start: str,
        make_link: MakeLink,
        settings: Settings | None = None,
        over: str = "",
        personal: Personal | None = None,
        keymap: Keymap | None = None,
        files: Sequence[Path] = (),
        person: str = "",
        view: str = "",
    ) -> None:
        """
        Args:
            person: whose dashboards are kept as they are left; empty: nobody's.
            view: how the first dashboard is shown, by the name of a saved view; empty: as it was
                left.
            workspace: None opens the home screen, which offers to make one; or `files`.
            files: what the room `files` shows, for which no workspace is needed.
            start: a name that `room` knows.
            personal: what the person chose before; None remembers nothing.
            keymap: the keys as this person has them; None as the table has them.
            over: a room that is opened over the first one, which is where leaving it leads.
            make_link: makes the connection to a workspace's hub, not yet started.
        """
        first = start if workspace or start == FILES else "home"
        self.files = tuple(files)
        self.person, self.view = person, view
        super().__init__(
            # Both sheets at once: with the room's own behind it, all would be read again.
            css_path=[APP_STYLES, style_of(first)],
            # With the terminal's own colours Textual leaves out all of them under NO_COLOR; else
            # it would turn them into greys.
            ansi_color="NO_COLOR" in os.environ or None,
        )
        self.workspace = workspace
        self.settings = settings or Settings()
        self.glyphs = theme.glyphs(self.settings.display.ascii)
        self._make_link = make_link
        self.link: Link | None = make_link(workspace) if workspace else None
        self._leaving = False
        self._over = over
        self.set_class(self.glyphs is theme.ASCII, "-ascii")
        self.guest = False
        """Somebody from outside: no program of this machine, an editor say, is started for them."""
        self.crash: BaseException | None = None
        """An error that nobody foresaw and that ended the program."""
        # The bottom of the stack as a mode: Textual loads a mode's style sheet, but not that of
        # `get_default_screen`.
        self.add_mode(self.DEFAULT_MODE, lambda: room(first))
        for one in theme.THEMES:
            self.register_theme(one)
        self._said: dict[tuple[str, str], float] = {}
        """Messages with their titles, and until when each is shown, in monotonic seconds."""
        self.personal = personal or Personal()
        self.keymap = keymap or Keymap()
        self.set_keymap(self.keymap.bindings())
        self.theme = theme.checked(self.settings.display.theme)
        if self.personal.choices.theme in [one.name for one in theme.THEMES]:
            self.theme = self.personal.choices.theme
        if self.no_color:
            self.theme = theme.MONO
        if workspace is not None:
            self.title = self.settings.workspace.name or workspace.root.name
        elif files:
            self.title = clean(", ".join(path.name or str(path) for path in files)).text

    def on_load(self) -> None:
        # Before anything is drawn: the first room then finds the hub there when it asks.
        if self.link is not None:
            self._open(self.link)

    def on_mount(self) -> None:
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGHUP, signal.SIGTERM):
                loop.add_signal_handler(number, self._hang_up, number)
            collector = Collector()
            self.call_after_refresh(collector.settle)
            self.set_interval(LOOK_S, collector.look)

    # --- the hub -------------------------------------------------------------------------------

    def _open(self, link: Link) -> None:
        link.on_change = self._link_changed
        self._connect(link)

    @work
    async def _connect(self, link: Link) -> None:
        try:
            await link.start()
        except RlhfError as error:
            self._tell_rooms(HubChanged("away", str(error)))
        else:
            self._link_changed("connected")

    def _link_changed(self, change: str) -> None:
        why = self.link.trouble if self.link is not None and change == "away" else ""
        self._tell_rooms(HubChanged(change, why))

    def _tell_rooms(self, message: HubChanged) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Room):
                screen.post_message(HubChanged(message.change, message.detail))

    def make_workspace(self) -> None:
        """Make a workspace in the current directory and open it.

        Raises:
            UsageError: it cannot be made.
        """
        self.workspace = init_workspace(Path.cwd())
        self.settings = load_settings(self.workspace)
        self.title = self.settings.workspace.name or self.workspace.root.name
        self.link = self._make_link(self.workspace)
        self._open(self.link)

    # --- rooms ---------------------------------------------------------------------------------

    def go(self, where: str) -> None:
        """Open a room over the one that is open."""
        self.push_screen(room(where))

    def on_ready(self) -> None:
        if self.personal.notice:
            self.notify(self.personal.notice, title="Your settings", timeout=10)
        if self._over:
            self.go(self._over)
        self._look_at_size(self.size)

    def on_resize(self, event: events.Resize) -> None:
        self._look_at_size(event.size)

    def _look_at_size(self, size: Size) -> None:
        width, height = size
        top = self.screen_stack[-1] if self.screen_stack else None
        if too_small(width, height):
            if isinstance(top, TooSmall):
                top.resized(width, height)
            elif top is not None:
                self.push_screen(TooSmall(width, height))
        elif isinstance(top, TooSmall):
            self.pop_screen()

    def clear_notifications(self) -> None:
        """Take all messages away; each may then be shown again."""
        self._said.clear()
        super().clear_notifications()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a short message, unless the same one stands there still.

        Never as markup, because a sentence may quote a file or a person.

        Args:
            markup: taken for the signature's sake; whatever it says, markup is not read.
        """
        now, said = time.monotonic(), (title, message)
        if self._said.get(said, 0.0) > now:
            # It still stands there: a second one would only hide more of the room.
            return
        self._said = {one: until for one, until in self._said.items() if until > now}
        self._said[said] = now + (self.NOTIFICATION_TIMEOUT if timeout is None else timeout)
        super().notify(
            clean(message).text,
            title=clean(title).text,
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    # --- the end -------------------------------------------------------------------------------

    async def shut_down(self) -> None:
        """Let every open room put its work away, then end."""
        if self._leaving:
            return
        self._leaving = True
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Room):
                await screen.before_leaving()
        self.exit(0)

    async def on_unmount(self) -> None:
        if self.link is not None:
            await self.link.close()

    def _hang_up(self, number: int) -> None:
        watchdog = threading.Timer(HANG_UP_S, os._exit, [128 + number])
        watchdog.daemon = True
        watchdog.start()
        self.run_worker(self.shut_down())

    def _fatal_error(self) -> None:
        """End on an error nobody foresaw, without drawing its traceback.

        Called while the error is being handled; `run_app` raises it when the terminal is whole.
        """
        self.crash = self.crash or sys.exception()
        self._close_messages_no_wait()


def run_app(
    workspace: Workspace | None,
    start: str = "home",
    as_name: str | None = None,
    over: str = "",
    early: EarlyStart | None = None,
    settings: Settings | None = None,
    files: Sequence[Path] = (),
    view: str = "",
) -> int:
    """Run the program in this terminal until the person leaves it.

    Args:
        workspace: None opens the home screen, which offers to make one here, or the files.
        as_name: the annotator to act as; for the workspace's owner only.
        over: a room that is opened over the first one.
        early: the connection to the workspace's hub, where it is being made already.
        settings: of the workspace, where they have been read already.
        files: what the room `files` shows.
        view: how the first dashboard is shown, by the name of a saved view.

    Returns:
        The exit code.

    Raises:
        UsageError: no terminal, settings or keys that cannot be read, keys that clash, or a theme
            that there is not.
        Exception: an error that nobody foresaw, once the terminal is as it was before.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "The screens need a terminal, and this is not one.",
            hint="Without one, use the commands: rlhf-tui --help lists them. "
            "(The screens are drawn on stderr: do not send it to a file.)",
        )
    if os.environ.get("TERM") == "dumb":
        raise UsageError(
            "The screens need a terminal that can move its cursor, and TERM is 'dumb'.",
            hint="Set TERM to what the terminal is, xterm-256color say.",
        )
    from rlhf_tui.hub.aio import AsyncHub

    for name in ("COLUMNS", "LINES"):
        # Exported by some shells and by readline: Textual would believe them for ever, and not
        # the terminal that is resized.
        os.environ.pop(name, None)
    if settings is None:
        settings = load_settings(workspace) if workspace is not None else Settings()
    person = as_name or own_name()
    guard_pastes()
    app = RlhfApp(
        workspace,
        start,
        lambda here: AsyncHub(here, client="tui", as_name=as_name, early=early),
        settings,
        over,
        Personal(personal_path(person)),
        load_keymap(settings.keys, workspace.config if workspace else None),
        files,
        person,
        view,
    )
    app.run()
    if app.crash is not None:
        raise app.crash
    return app.return_code or 0
