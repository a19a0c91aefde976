"""`dashboard --once`: how the runs stand, printed for logs and CI; drawn on no terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rlhf_tui.cli.once_json import as_json
from rlhf_tui.cli.once_snapshot import take
from rlhf_tui.cli.once_text import text
from rlhf_tui.cli.output import note, say, say_json
from rlhf_tui.screens.widgets.canvas import unicode_terminal
from rlhf_tui.workspace import Workspace

WIDTH = 100
"""Columns without a terminal: what most logs show without wrapping."""


def print_once(
    place: Workspace | None,
    run: str,
    files: Sequence[Path],
    *,
    width: int,
    height: int,
    ascii_only: bool,
    json: bool,
) -> None:
    """Print how the runs stand.

    Args:
        place: the workspace; None with files.
        run: the one to tell of; empty: the first active one, else the newest.
        width, height: columns and lines at most; 0: as the terminal has, or as it takes.

    Raises:
        UsageError: no such run, or nothing in the files that can be shown.
        Denied: this person is shown no runs.
    """
    taken = take(place, run, files)
    if taken.note:
        note(taken.note)
    if json:
        say_json(as_json(taken))
        return
    on_terminal = sys.stdout.isatty()
    columns = width or (shutil.get_terminal_size((WIDTH, 0)).columns if on_terminal else WIDTH)
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    ascii_only = ascii_only or encoding != "utf8" or not unicode_terminal()
    lines = text(taken, max(40, columns), ascii_only=ascii_only)
    for line in lines[: height or None]:
        say(line)
