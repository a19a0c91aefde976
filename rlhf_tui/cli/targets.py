"""What `dashboard` is given: runs of the workspace, or files and directories; without typer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_tui.cli.opening import need_terminal, open_screens
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import VARIABLE, Workspace, find_workspace, has_workspace

if TYPE_CHECKING:
    from rlhf_tui.hub.early import EarlyStart
    from rlhf_tui.tracking.views import SavedViews

ARGS = "args.json"
"""What a run directory holds: `runs.layout.ARGS`, which is imported with the screens only."""


def open_dashboard(targets: Sequence[str], option: Path | None, view: str = "") -> int:
    """The dashboard on a screen, of the workspace or of files; returns its exit code.

    Args:
        view: the name of a saved view; empty: as it was left.

    Raises:
        UsageError: no terminal, no workspace, no such view, or nothing in the files that can be
            shown.
    """
    run, files = resolved(targets, option)
    if view:
        saved_views().read(view)
    need_terminal("dashboard")
    if files:
        return open_files(files, option, view)
    from rlhf_tui.config.settings import load_settings

    place = find_workspace(option)
    settings = load_settings(place)
    start = f"dashboard:{run}" if run else "dashboard"
    early = ask_runs_early(place)
    return open_screens(place, start, early=early, settings=settings, view=view)


def saved_views() -> SavedViews:
    """The views that this person has saved."""
    from rlhf_tui.config.file_names import own_name
    from rlhf_tui.tracking.views import SavedViews

    return SavedViews(own_name())


def ask_runs_early(place: Workspace) -> EarlyStart:
    """Ask for the list of runs while the screens are being imported, in the dashboard's words."""
    from rlhf_tui.hub.early import EarlyStart
    from rlhf_tui.hub.messages import ListRuns, RunList

    return EarlyStart(place, [(ListRuns(), RunList)], client="tui", as_name=None)


def open_files(files: Sequence[Path], option: Path | None, view: str = "") -> int:
    """The dashboard of files and directories, with the settings of the workspace if there is one.

    Raises:
        UsageError: nothing in them can be shown.
    """
    from rlhf_tui.config.settings import load_settings
    from rlhf_tui.tracking.foreign.scan import Scanner, check

    check(Scanner(files).scan())
    here = option is not None or bool(os.environ.get(VARIABLE)) or has_workspace(Path.cwd())
    settings = load_settings(find_workspace(option)) if here else None
    return open_screens(None, "files", settings=settings, files=files, view=view)


def resolved(targets: Sequence[str], option: Path | None) -> tuple[str, list[Path]]:
    """What was named: one run of the workspace, or paths.

    Of several, runs of the workspace become the paths of their directories.

    Returns:
        The run, empty where none or several things were named; and the paths.

    Raises:
        UsageError: a path that is not there.
    """
    runs: list[Path | None] = []
    place = _workspace(option) if targets else None
    for target in targets:
        directory = place.runs / target if place is not None and "/" not in target else None
        if not target or (directory is not None and not (directory / ARGS).is_file()):
            directory = None
        runs.append(directory)
    if len(targets) == 1 and targets[0]:
        (target,) = targets
        if runs[0] is not None or ("/" not in target and place and not Path(target).exists()):
            # A name that nothing has is said on the screen: the run may just have been deleted.
            return target, []
    paths = [run or Path(target) for run, target in zip(runs, targets, strict=True) if target]
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"There is no run, file or directory {str(path)!r}.",
                hint="Runs of a workspace are found in it, or with -w DIR: rlhf-tui runs list",
            )
    return "", [path.expanduser() for path in paths]


def _workspace(option: Path | None) -> Workspace | None:
    """The workspace, if there is one: paths are shown without any."""
    try:
        return find_workspace(option)
    except UsageError:
        if option is not None:
            raise
        return None
