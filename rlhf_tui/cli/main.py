"""`rlhf-tui`: the tree of commands, and how errors become sentences and exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

import rlhf_tui
from rlhf_tui.cli import (
    exporting,
    hub,
    importing,
    labelling,
    merging,
    pages,
    pushing,
    runs,
    stats,
    training,
    watching,
    workspaces,
)
from rlhf_tui.cli.common import WorkspaceOption, remember_settings, remember_workspace
from rlhf_tui.cli.ending import leave_with
from rlhf_tui.cli.opening import open_home
from rlhf_tui.cli.output import say
from rlhf_tui.cli.refusals import usage_error

PROGRAM = "rlhf-tui"
app = typer.Typer(
    name=PROGRAM,
    help="Reinforcement learning from human feedback in a terminal: label, train, compare.",
    cls=pages.Group,
    rich_markup_mode=None,
    invoke_without_command=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for group in (
    workspaces,
    importing,
    labelling,
    stats,
    training,
    watching,
    runs,
    merging,
    exporting,
    pushing,
    hub,
):
    group.register(app)


@app.callback(invoke_without_command=True)
def home(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="TABLE.KEY=VALUE",
            help="A setting of rlhf.toml, for this command and the hub it starts; repeatable.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Reinforcement learning from human feedback in a terminal: label, train, compare.

    Without a command the home screen opens.
    """
    if version:
        say(f"{PROGRAM} {rlhf_tui.__version__}")
        raise typer.Exit
    remember_workspace(workspace)
    remember_settings(settings or [])
    if context.invoked_subcommand is None:
        raise typer.Exit(open_home(workspace))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code; what `__main__` starts."""
    leave_with(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> Any:
    try:
        return typer.main.get_command(app).main(
            args=arguments, prog_name=PROGRAM, standalone_mode=False
        )
    except typer.TyperException as error:
        raise usage_error(error) from None
    except typer.Abort:
        raise KeyboardInterrupt from None
