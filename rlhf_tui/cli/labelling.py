"""The commands that open screens: `label` and `dashboard`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import AsOption, WorkspaceOption
from rlhf_tui.cli.opening import need_terminal, open_label, open_plain, open_screens, workspace


def register(app: typer.Typer) -> None:
    app.command("label", cls=pages.Command, rich_help_panel="Label")(label)
    app.command("dashboard", cls=pages.Command, rich_help_panel="Train")(dashboard)


def label(
    mode: Annotated[
        Literal["rank", "thumbs"],
        typer.Option(help="Rank completions side by side, or rate one at a time."),
    ] = "rank",
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="By lines instead of a screen: for screen readers and slow links."
        ),
    ] = False,
    as_name: AsOption = None,
    workspace_option: WorkspaceOption = None,
) -> None:
    """Rank completions or rate them, with the keyboard."""
    if plain:
        raise typer.Exit(open_plain(mode, as_name, workspace_option))
    raise typer.Exit(open_label(mode, as_name, workspace_option))


def dashboard(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run to show first.", show_default=False)
    ] = "",
    workspace_option: WorkspaceOption = None,
) -> None:
    """Watch runs: loss and reward curves as they grow, log and samples."""
    need_terminal("dashboard")
    start = f"dashboard:{run}" if run else "dashboard"
    raise typer.Exit(open_screens(workspace(workspace_option), start))
