"""`rlhf-tui`: the tree of commands, and how errors become sentences and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from rlhf_tui.cli import exporting, hub, importing, labelling, pages, runs, training, workspaces
from rlhf_tui.cli.common import WorkspaceOption, remember_settings, remember_workspace
from rlhf_tui.cli.crash import INTERRUPTED
from rlhf_tui.cli.output import drop_output, say, say_error, use_what_the_terminal_can_write
from rlhf_tui.errors import RlhfError, UsageError

PROGRAM = "rlhf-tui"
READER_LEFT = 141
"""128 + SIGPIPE: what a shell tells of a program whose reader went away."""

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
for group in (workspaces, importing, labelling, training, runs, exporting, hub):
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
        from importlib.metadata import version as installed

        say(f"{PROGRAM} {installed(PROGRAM)}")
        raise typer.Exit
    remember_workspace(workspace)
    remember_settings(settings or [])
    if context.invoked_subcommand is None:
        labelling.open_home(workspace)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code; what `__main__` starts."""
    use_what_the_terminal_can_write()
    try:
        code = typer.main.get_command(app).main(
            args=arguments, prog_name=PROGRAM, standalone_mode=False
        )
        sys.stdout.flush()
    except RlhfError as error:
        say_error(error.message, error.hint)
        code = error.exit_code
    except typer.TyperException as error:
        say_error(error.format_message().rstrip("."), _help_hint(error))
        code = UsageError.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        drop_output()
        code = READER_LEFT
    except OSError as error:
        drop_output()
        place = f" ({error.filename})" if error.filename else ""
        say_error(f"{error.strerror or error}{place}.")
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _help_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"See: {context.command_path} --help" if context is not None else ""
