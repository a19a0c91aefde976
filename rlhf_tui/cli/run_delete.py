"""`runs delete`: remove runs for good, after asking."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption, connect
from rlhf_tui.cli.output import agreed, is_terminal, note, say, say_json
from rlhf_tui.cli.run_names import SeveralRuns, marked, named
from rlhf_tui.errors import NothingToDo, UsageError

if TYPE_CHECKING:
    from rlhf_tui.hub.messages import RunInfo


def delete(
    runs: SeveralRuns,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also the current policy, and runs that others started from."),
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Delete runs that have ended, with their models, metrics and logs.

    The completions and scores that they made stay. Asks first; scripts give --yes. To have runs
    out of the way and keep them: runs archive.
    """
    from rlhf_tui.hub.messages import DeleteRun, Done

    with connect(workspace) as client:
        # The newest first: what started from another one of them is gone before that.
        found = sorted(named(client, runs), key=lambda run: (run.created_ms, run.run_id))[::-1]
        if not yes and not _agreed(found):
            raise NothingToDo("Nothing was deleted.")
        gone = []
        for run in found:
            client.call(DeleteRun(run_id=run.run_id, force=force), Done)
            gone.append(run.run_id)
            if not json:
                say(f"{run.run_id} is deleted.")
    if json:
        say_json({"deleted": gone})


def _agreed(runs: Sequence[RunInfo]) -> bool:
    """Whether the person says yes; anything but a y is a no.

    Raises:
        UsageError: nobody is there to ask.
    """
    if not is_terminal():
        raise UsageError("Deleting asks first, and nobody is here.", hint="To go on, give --yes.")
    for run in runs:
        size = _size(Path(run.directory))
        note(f"  {run.run_id}  {run.state}, {size / 1e6:,.1f} MB  {marked(run)}".rstrip())
    what = "this run and its files" if len(runs) == 1 else f"these {len(runs)} runs and their files"
    return agreed(f"Delete {what}?")


def _size(directory: Path) -> int:
    """Bytes of all files, as far as they can be seen."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
    return total
