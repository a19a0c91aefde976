"""Options that many commands share, and how they reach the workspace and its hub."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_tui.cli.opening import annotator_name, workspace
from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.workspace import VARIABLE

if TYPE_CHECKING:
    from rlhf_tui.hub.client import HubClient

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        help=f"The workspace; else ${VARIABLE}, or the nearest parent with rlhf.toml.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="NAME",
        help="Act as this annotator; only the workspace's owner may.",
        show_default=False,
    ),
]


def remember_workspace(option: Path | None) -> None:
    """Make `rlhf-tui -w DIR command` mean the same as `rlhf-tui command -w DIR`."""
    if option is not None:
        os.environ[VARIABLE] = str(option)


def remember_settings(given: Iterable[str]) -> None:
    """Make `rlhf-tui --set label.overlap=3 command` hold for the command and a hub it starts.

    Raises:
        UsageError: not TABLE.KEY=VALUE, an unknown table or key, or a bad value.
    """
    from rlhf_tui.config.settings import ENVIRONMENT_PREFIX, TABLES, from_environment

    for setting in given:
        path, equals, value = setting.partition("=")
        table, dot, key = path.strip().rpartition(".")
        if not equals or not dot or not key:
            raise UsageError(
                f"--set {setting} is not TABLE.KEY=VALUE.", hint="As in: --set label.overlap=3"
            )
        if table not in TABLES:
            raise UsageError(f"There is no table {table!r}.", hint=nearest(table, TABLES))
        name = f"{ENVIRONMENT_PREFIX}_{table.replace('.', '_').upper()}_{key.upper()}"
        from_environment(table, {name: value}, said_by=f"--set {setting}")
        os.environ[name] = value


def connect(option: Path | None, as_name: str | None = None) -> HubClient:
    """A client of the workspace's hub, which is started when it does not run.

    Raises:
        UsageError: no workspace, or an empty name.
        HubError: the hub cannot be reached or refuses.
    """
    from rlhf_tui.hub.client import HubClient

    return HubClient(workspace(option), as_name=annotator_name(as_name))


def checked(values: Iterable[str] | None, valid: Iterable[str], option: str) -> list[Any]:
    """The values of an option that may be repeated, each one a valid name.

    Raises:
        UsageError: one is not; the hint names the nearest.
    """
    names = list(valid)
    given = list(values or [])
    for value in given:
        if value not in names:
            raise UsageError(f"--{option} cannot be {value!r}.", hint=nearest(value, names))
    return given
