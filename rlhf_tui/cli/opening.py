"""Open the screens: is there a terminal, which workspace, and as whom.

Without typer: `quick` opens them before the tree of commands is imported.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_tui.cli.output import is_terminal
from rlhf_tui.errors import UsageError
from rlhf_tui.records import TaskKind
from rlhf_tui.workspace import VARIABLE, Workspace, find_workspace, has_workspace

if TYPE_CHECKING:
    from rlhf_tui.config.settings import Settings
    from rlhf_tui.hub.early import EarlyStart

INSTEAD = {
    "home": "See what the shell can do: rlhf-tui --help",
    "label": "Without one, label by lines: rlhf-tui label --plain",
    "dashboard": "In a pipe use: rlhf-tui dashboard --once",
    "demo": "Without a terminal use: rlhf-tui demo --auto",
}
"""What to do without a terminal, by command."""


def workspace(option: Path | None) -> Workspace:
    """The workspace of a command, its settings checked, so that a typo is told at once."""
    from rlhf_tui.config.settings import load_settings

    found = find_workspace(option)
    load_settings(found)
    return found


def annotator_name(name: str | None) -> str | None:
    """`--as`, checked: a name is one printable line of at most 64 characters.

    Raises:
        UsageError: it is not.
    """
    if name is not None and (not name.strip() or not name.isprintable() or len(name) > 64):
        raise UsageError(
            f"{name!r} cannot be an annotator's name.", hint="Use 1 to 64 printable characters."
        )
    return name


def need_terminal(command: str) -> None:
    """Raises UsageError where nobody could see the screen or press a key."""
    if not is_terminal():
        raise UsageError("This needs a terminal, and there is none here.", hint=INSTEAD[command])
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "This terminal cannot draw screens (TERM is unset or 'dumb').", hint=INSTEAD[command]
        )


def open_home(option: Path | None) -> int:
    """The home screen; in a directory that is no workspace it offers to make one."""
    need_terminal("home")
    named = option is not None or bool(os.environ.get(VARIABLE))
    if not named and not has_workspace(Path.cwd()):
        return open_screens(None, "home")
    return open_screens(workspace(option), "home")


def open_label(mode: TaskKind, as_name: str | None, option: Path | None) -> int:
    """The ranking or the thumbs screen."""
    from rlhf_tui.config.settings import load_settings

    need_terminal("label")
    place, name = find_workspace(option), annotator_name(as_name)
    settings = load_settings(place)
    early = ask_early(place, mode, settings.label.prefetch, name)
    return open_screens(place, f"label:{mode}", name, early=early, settings=settings)


def ask_early(place: Workspace, kind: TaskKind, prefetch: int, as_name: str | None) -> EarlyStart:
    """Ask for the first items while the screens are being imported, in the queue's own words."""
    from rlhf_tui.hub.early import EarlyStart, Question
    from rlhf_tui.hub.messages import Lease, Leased, Progress, ProgressAnswer

    lease = Lease(kind=kind, limit=prefetch + 1)
    questions: list[Question] = [(Progress(), ProgressAnswer), (lease, Leased)]
    return EarlyStart(place, questions, client="tui", as_name=as_name)


def open_plain(mode: TaskKind, as_name: str | None, option: Path | None) -> int:
    """The same by lines, on any terminal or none."""
    from rlhf_tui.config.settings import load_settings
    from rlhf_tui.plain.program import run_plain

    place = find_workspace(option)
    return run_plain(place, load_settings(place), mode, annotator_name(as_name))


def open_screens(
    place: Workspace | None,
    start: str,
    as_name: str | None = None,
    *,
    over: str = "",
    early: EarlyStart | None = None,
    settings: Settings | None = None,
    files: Sequence[Path] = (),
    view: str = "",
) -> int:
    """Run the screens until the person leaves them; returns their exit code."""
    # A collection while everything is being imported finds nothing; the program settles the
    # collector once its first screen is there.
    gc.disable()
    # Textual waits a frame between two drawings, 17 ms as it comes: the word "saved" would wait.
    os.environ.setdefault("TEXTUAL_FPS", "1000")
    from rlhf_tui.app import run_app

    return run_app(place, start, as_name, over, early, settings, files, view)
