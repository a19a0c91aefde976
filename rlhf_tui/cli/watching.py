"""`dashboard`: watch the workspace's runs, or what other programs wrote; as a screen, or once."""

from __future__ import annotations

from typing import Annotated

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.opening import workspace
from rlhf_tui.cli.targets import open_dashboard, resolved
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
    workspace_option: WorkspaceOption = None,
) -> None:
    """Watch runs: curves, samples, warnings and logs as they grow."""
    if once or json:
        from rlhf_tui.cli.once import print_once

        run, files = resolved(targets or [], workspace_option)
        place = None if files else workspace(workspace_option)
        print_once(place, run, files, width=width, height=height, ascii_only=plain, json=json)
        return
    if width or height or plain:
        raise UsageError("--width, --height and --plain are for --once.")
    raise typer.Exit(open_dashboard(targets or [], workspace_option))
