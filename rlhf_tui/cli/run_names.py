"""Runs as commands name them: by id, the beginning of one, `latest`, or `current`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rlhf_tui.hub.client import HubClient
    from rlhf_tui.hub.messages import RunInfo

RUN_HELP = "A run's id, the beginning of one, 'latest', or 'current' for the promoted one."
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)]
SeveralRuns = Annotated[
    list[str], typer.Argument(metavar="RUN", help=f"{RUN_HELP} Several may be given.")
]


def named(client: HubClient, names: Sequence[str]) -> list[RunInfo]:
    """The runs of these names, each once; all are found before anything is done to one.

    Raises:
        UsageError: there is no such run, or a name begins several.
        HubError: the hub is away or refuses.
    """
    from rlhf_tui.hub.messages import RunAnswer, ShowRun

    found = [client.call(ShowRun(run_id=name), RunAnswer).run for name in names]
    return list({run.run_id: run for run in found}.values())


def marked(run: RunInfo) -> str:
    """A run's title, its tags, and what else is to be known of it, in one line."""
    parts = [run.title, *(f"#{tag}" for tag in run.tags)]
    parts += ["(current policy)"] if run.current else []
    parts += ["(archived)"] if run.archived else []
    return " ".join(part for part in parts if part)
