"""`dashboard`: watch the workspace's runs, or what other programs wrote; as a screen, or once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.opening import need_terminal, open_files, open_screens, workspace
from rlhf_tui.errors import UsageError
from rlhf_tui.runs import layout
from rlhf_tui.workspace import find_workspace

if TYPE_CHECKING:
    from rlhf_tui.workspace import Workspace


def register(app: typer.Typer) -> None:
    app.command("dashboard", cls=pages.Command, rich_help_panel="Train")(dashboard)


def dashboard(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|PATH…",
            help="A run of the workspace to show first; or files and directories that other "
            "programs wrote: trainer_state.json, TensorBoard, LLaMA-Factory, W&B, CSV, JSON Lines. "
            "A name that is both is the run; write ./NAME for the file.",
            show_default=False,
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Print how the runs stand, and leave.")
    ] = False,
    json: JsonOption = False,
    width: Annotated[
        int,
        typer.Option(
            metavar="INT", help="Columns that --once prints; 0: the terminal's, or 100.", min=0
        ),
    ] = 0,
    height: Annotated[
        int,
        typer.Option(
            metavar="INT", help="Lines that --once prints at most; 0: as many as it takes.", min=0
        ),
    ] = 0,
    plain: Annotated[
        bool, typer.Option("--plain", help="Charts and signs of --once in ASCII alone.")
    ] = False,
    workspace_option: WorkspaceOption = None,
) -> None:
    """Watch runs: curves, samples, warnings and logs as they grow."""
    run, files = resolved(targets or [], workspace_option)
    if once or json:
        from rlhf_tui.cli.once import print_once

        place = None if files else workspace(workspace_option)
        print_once(place, run, files, width=width, height=height, ascii_only=plain, json=json)
        return
    if width or height or plain:
        raise UsageError("--width, --height and --plain are for --once.")
    if files:
        raise typer.Exit(open_files(files, workspace_option))
    need_terminal("dashboard")
    start = f"dashboard:{run}" if run else "dashboard"
    raise typer.Exit(open_screens(workspace(workspace_option), start))


def resolved(targets: list[str], option: Path | None) -> tuple[str, list[Path]]:
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
        if not target or (directory is not None and not (directory / layout.ARGS).is_file()):
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
