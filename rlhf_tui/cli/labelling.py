"""The commands that open screens: home, `label` and `dashboard`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import AsOption, WorkspaceOption, annotator_name, workspace
from rlhf_tui.cli.output import is_terminal
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import VARIABLE, Workspace, has_workspace

INSTEAD = {
    "home": "See what the shell can do: rlhf-tui --help",
    "label": "Judgements from elsewhere come in by: rlhf-tui import FILE",
    "dashboard": "In a pipe use: rlhf-tui runs list --json",
    "demo": "Without a terminal use: rlhf-tui demo --auto",
}
"""What to do without a terminal, by command."""


def register(app: typer.Typer) -> None:
    app.command("label", cls=pages.Command, rich_help_panel="Label")(label)
    app.command("dashboard", cls=pages.Command, rich_help_panel="Train")(dashboard)


def label(
    mode: Annotated[
        Literal["rank", "thumbs"],
        typer.Option(help="Rank completions side by side, or rate one at a time."),
    ] = "rank",
    as_name: AsOption = None,
    workspace_option: WorkspaceOption = None,
) -> None:
    """Rank completions or rate them, with the keyboard."""
    need_terminal("label")
    open_screens(workspace(workspace_option), f"label:{mode}", annotator_name(as_name))


def dashboard(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run to show first.", show_default=False)
    ] = "",
    workspace_option: WorkspaceOption = None,
) -> None:
    """Watch runs: loss and reward curves as they grow, log and samples."""
    need_terminal("dashboard")
    open_screens(workspace(workspace_option), f"dashboard:{run}" if run else "dashboard")


def open_home(option: Path | None) -> None:
    """The home screen; in a directory that is no workspace it offers to make one."""
    need_terminal("home")
    named = option is not None or bool(os.environ.get(VARIABLE))
    if not named and not has_workspace(Path.cwd()):
        open_screens(None, "home")
    open_screens(workspace(option), "home")


def need_terminal(command: str) -> None:
    """Raises UsageError where nobody could see the screen or press a key."""
    if not is_terminal():
        raise UsageError("This needs a terminal, and there is none here.", hint=INSTEAD[command])
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "This terminal cannot draw screens (TERM is unset or 'dumb').", hint=INSTEAD[command]
        )


def open_screens(
    place: Workspace | None, start: str, as_name: str | None = None, over: str = ""
) -> NoReturn:
    """Run the screens until the person leaves them; the exit code is theirs."""
    from rlhf_tui.app import run_app

    raise typer.Exit(run_app(place, start, as_name, over))
