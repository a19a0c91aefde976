"""`runs logs`: what a run printed, also as it grows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from rlhf_tui.cli.common import WorkspaceOption, connect
from rlhf_tui.cli.output import say
from rlhf_tui.cli.run_names import RunArgument
from rlhf_tui.errors import NothingToDo

LOG_POLL_S = 0.2


def logs(
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as it grows, until the run is over.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", help="Only so many lines from the end; 0: all.", min=0)
    ] = 0,
    workspace: WorkspaceOption = None,
) -> None:
    """Print what a run wrote to its log."""
    import sys

    from rlhf_tui.hub.messages import RunAnswer, ShowRun
    from rlhf_tui.runs.layout import LOG

    with connect(workspace) as client:
        info = client.call(ShowRun(run_id=run), RunAnswer).run
        path = Path(info.directory) / LOG
        if not path.exists() and not follow:
            # Of a run that has ended its message says why, a removed directory say.
            known = info.message or f"The run is {info.state}."
            raise NothingToDo(f"{info.run_id} has no log.", hint=known)
        offset = _print_tail(path, lines)
        while follow:
            # Asked before reading: what was written up to the end is then read for certain.
            over = info.state in ("finished", "stopped", "failed")
            offset = _print_from(path, offset)
            sys.stdout.flush()
            if over:
                return
            time.sleep(LOG_POLL_S)
            info = client.call(ShowRun(run_id=info.run_id), RunAnswer).run


def _print_tail(path: Path, lines: int) -> int:
    """Print the last lines, or all for 0; returns the offset to go on from."""
    if not path.exists():
        return 0
    if not lines:
        return _print_from(path, 0)
    data = path.read_bytes()
    text = data.decode(errors="replace").splitlines()
    for line in text[-lines:]:
        say(line)
    return len(data)


def _print_from(path: Path, offset: int) -> int:
    """Print whole lines from a byte offset on; returns the offset behind the last one."""
    if not path.exists():
        return offset
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            say(line.decode(errors="replace").rstrip("\n"))
            offset += len(line)
    return offset
