"""`init` and `demo`: make a workspace, or open the sample one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.output import say, say_json
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import VARIABLE, init_workspace

DEMO_DIRECTORY = Path("demo-workspace")


def register(app: typer.Typer) -> None:
    app.command("init", cls=pages.Command, rich_help_panel="Workspace")(init)
    app.command("demo", cls=pages.Command, rich_help_panel="Workspace")(demo)


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The directory; this one if not given.")
    ] = Path(),
    name: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Shown in titles; the directory's name if not given."),
    ] = "",
    seed: Annotated[
        int, typer.Option(metavar="INT", help="Decides which prompts are held out.", min=0)
    ] = 0,
    validation: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of prompts for validation; 0.1 if not given."),
    ] = None,
    test: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of prompts for evaluation; 0.1 if not given."),
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Let the directory's group label here too.")
    ] = False,
    json: JsonOption = False,
    workspace_option: WorkspaceOption = None,
) -> None:
    """Make a workspace: a directory with settings, and room for the store, runs and exports."""
    given: dict[str, Any] = {"validation": validation, "test": test, "shared": shared or None}
    settings = {"workspace": {key: value for key, value in given.items() if value is not None}}
    place = chosen(directory, workspace_option, Path())
    workspace = init_workspace(place, name=name, seed=seed, settings=settings)
    if json:
        say_json({"workspace": str(workspace.root), "config": str(workspace.config)})
        return
    say(f"Made the workspace {workspace.root}.")
    if shared:
        say(f"Members of the group {_group(workspace.root)} can label here. For another group,")
        say(f"before the hub starts: chgrp GROUP {place}")
    say(f"Its settings are in {workspace.config}. Next:")
    say(f"  rlhf-tui import -w {place} FILE…   prompts, completions or judgements")
    say(f"  rlhf-tui generate -w {place}       completions by a model")
    say(f"  rlhf-tui label -w {place}          rank them")


def _group(directory: Path) -> str:
    """The group that a directory belongs to, by its name if it has one."""
    try:
        return directory.group()
    except KeyError:
        return str(directory.stat().st_gid)


def demo(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where the sample workspace lies.")
    ] = None,
    auto: Annotated[
        bool,
        typer.Option("--auto", help="Run the whole loop without a person, and measure it."),
    ] = False,
    seed: Annotated[int, typer.Option(metavar="INT", help="Seed of --auto.", min=0)] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the figures of --auto.")] = False,
    workspace_option: WorkspaceOption = None,
) -> None:
    """Open a sample workspace: reviews by a small model, side by side, ready to rank."""
    place = chosen(directory, workspace_option, DEMO_DIRECTORY)
    if auto:
        from rlhf_tui.demo.auto import run_auto

        raise typer.Exit(run_auto(place, seed=seed, json_output=json))
    if json or seed:
        raise UsageError("--json and --seed belong to --auto.", hint="rlhf-tui demo --auto --json")
    from rlhf_tui.cli.opening import need_terminal, open_screens
    from rlhf_tui.cli.sample import sample_workspace

    need_terminal("demo")
    raise typer.Exit(open_screens(sample_workspace(place), "home", over="label:rank"))


def chosen(argument: Path | None, option: Path | None, otherwise: Path) -> Path:
    """Where to make a workspace: the argument, else -w, else the environment's, else `otherwise`.

    Raises:
        UsageError: argument and option name two places.
    """
    if argument is not None and option is not None:
        raise UsageError(f"{argument} and -w {option} name two places.", hint="Name one.")
    named = os.environ.get(VARIABLE)
    return argument or option or (Path(named) if named else otherwise)
