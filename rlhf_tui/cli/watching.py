"""`dashboard`: watch the workspace's runs, or what other programs wrote; as a screen, or once."""

from __future__ import annotations

from typing import Annotated

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.opening import workspace
from rlhf_tui.cli.output import note, say, say_json
from rlhf_tui.cli.targets import open_dashboard, resolved, saved_views
from rlhf_tui.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command("dashboard", cls=pages.Command, rich_help_panel="Train")(dashboard)


def dashboard(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|PATH",
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
    view: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Show runs as this view does, which v on the screen saves; standard: as at first. "
            "Without it the dashboard stands as you left it.",
            show_default=False,
        ),
    ] = "",
    views: Annotated[
        bool, typer.Option("--views", help="Print the names of your saved views, and leave.")
    ] = False,
    workspace_option: WorkspaceOption = None,
) -> None:
    """Watch runs: curves, samples, warnings and logs as they grow."""
    if views:
        list_views(as_json=json)
        return
    if once or json:
        if view:
            raise UsageError("--view is for the screen: --once prints all there is.")
        from rlhf_tui.cli.once import print_once

        run, files = resolved(targets or [], workspace_option)
        place = None if files else workspace(workspace_option)
        print_once(place, run, files, width=width, height=height, ascii_only=plain, json=json)
        return
    if width or height or plain:
        raise UsageError("--width, --height and --plain are for --once.")
    raise typer.Exit(open_dashboard(targets or [], workspace_option, view))


def list_views(*, as_json: bool) -> None:
    """Print the names of this person's views, one a line."""
    names = saved_views().names()
    if as_json:
        say_json(names)
        return
    for name in names:
        say(name)
    if not names:
        note("No view is saved yet: v on the dashboard saves one.")
