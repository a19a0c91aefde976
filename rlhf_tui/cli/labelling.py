"""`label`: rank and rate, on a screen or by lines."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import AsOption, WorkspaceOption
from rlhf_tui.cli.opening import open_label, open_plain


def register(app: typer.Typer) -> None:
    app.command("label", cls=pages.Command, rich_help_panel="Label")(label)


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
