"""`runs stop|resume|priority|move`: end runs, go on with them, and order the queue."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption, connect
from rlhf_tui.cli.output import agreed, is_terminal, note, say, say_json
from rlhf_tui.cli.run_names import RunArgument
from rlhf_tui.errors import NothingToDo, UsageError

if TYPE_CHECKING:
    from rlhf_tui.hub.messages import RunInfo

FAR = 1_000_000
"""Places: farther than any queue is long."""


def stop(
    run: RunArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Kill it at once, without a checkpoint.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop a run: it writes a checkpoint first, and can be resumed."""
    from rlhf_tui.hub.messages import RunAnswer, StopRun

    with connect(workspace) as client:
        info = client.call(StopRun(run_id=run, force=force), RunAnswer).run
    if json:
        say_json(info)
        return
    say(f"{info.run_id} is {info.state}.")


def resume(
    run: RunArgument,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return at once; do not follow.")
    ] = False,
    host_gone: Annotated[
        bool,
        typer.Option(
            "--host-gone", help="Take it over from a machine that will not come back. Asks first."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Go on with a stopped or failed run from its latest checkpoint."""
    from rlhf_tui.cli.follow import come_back
    from rlhf_tui.cli.follow import follow as follow_run
    from rlhf_tui.cli.launching import ended
    from rlhf_tui.hub.messages import Launched, ResumeRun
    from rlhf_tui.runs.environment import secrets

    if yes and not host_gone:
        raise UsageError("--yes is for --host-gone: nothing else is asked.")
    if host_gone and not yes and not _given_up(run):
        raise NothingToDo(f"{run} was not taken over.")
    request = ResumeRun(run_id=run, secrets=secrets(os.environ), host_gone=host_gone)
    with connect(workspace) as client:
        launched = client.call(request, Launched)
        for sentence in launched.notes:
            note(sentence)
        if not detach:
            raise typer.Exit(ended(follow_run(client, launched), as_json=json))
    if json:
        say_json(launched)
        return
    say(launched.run_id)
    note(come_back(launched.run_id))


def _given_up(run: str) -> bool:
    """Whether the person is sure that a run's machine is gone.

    Raises:
        UsageError: nobody is there to ask.
    """
    if not is_terminal():
        raise UsageError("--host-gone asks first, and nobody is here.", hint="Give --yes.")
    note(f"Should {run} still run on its machine, both would write to the same files.")
    return agreed("Is that machine gone for good?")


def priority(
    run: RunArgument,
    number: Annotated[
        int,
        typer.Argument(metavar="N", help="The highest starts first; 0 is usual, below 0 is later."),
    ],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Change when a queued run gets its turn."""
    from rlhf_tui.hub.messages import RunAnswer, SetPriority

    with connect(workspace) as client:
        info = client.call(SetPriority(run_id=run, priority=number), RunAnswer).run
    if json:
        say_json(info)
        return
    _say_place(info)


def move(
    run: RunArgument,
    by: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="So many places later; below 0: earlier.", show_default=False
        ),
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="To the head of the queue.")] = False,
    last: Annotated[bool, typer.Option("--last", help="To its end.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Move a queued run among those that wait for its device.

    The others keep their order. Priorities are changed where that takes it.
    """
    from rlhf_tui.hub.messages import MoveRun, RunAnswer

    if (by is not None) + first + last != 1:
        raise UsageError("Where to?", hint="Give one of --by N, --first and --last.")
    places = -FAR if first else FAR if last else by or 0
    with connect(workspace) as client:
        info = client.call(MoveRun(run_id=run, by=places), RunAnswer).run
    if json:
        say_json(info)
        return
    _say_place(info)


def _say_place(info: RunInfo) -> None:
    place = f": number {info.queue_position} in the queue" if info.queue_position else ""
    say(f"{info.run_id} has priority {info.priority}{place}.")
