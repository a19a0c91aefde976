"""Follow a background run: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rlhf_tui.cli.output import note, printable
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Launched, RunInfo
from rlhf_tui.hub.watch import OVER, looks, story

PLAIN_S = 5.0
"""Between two lines without a terminal: a log that can be read afterwards."""


def come_back(run_id: str) -> str:
    return (
        f"{run_id} goes on in the background. Watch it: rlhf-tui dashboard {run_id}   "
        f"stop it: rlhf-tui runs stop {run_id}"
    )


def follow(client: HubClient, launched: Launched) -> RunInfo:
    """Show a run's progress until it is over; returns what the hub says of it then.

    Raises:
        KeyboardInterrupt: after saying how to come back; the run goes on.
    """
    run_id = launched.run_id
    console = Console(stderr=True)
    try:
        # Inside the try: whoever reads the sentence may press Ctrl-C before the next line runs.
        note(f"{run_id} is {launched.state}. Ctrl-C stops following, not the run.")
        if console.is_terminal:
            return _follow_live(client, run_id, console)
        return _follow_plain(client, run_id)
    except KeyboardInterrupt:
        note(come_back(run_id))
        raise


def _follow_live(client: HubClient, run_id: str, console: Console) -> RunInfo:
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
    )
    with progress:
        task = progress.add_task(run_id, total=None, note="")
        for run, status in looks(client, run_id):
            progress.update(
                task,
                completed=status.step if status else 0,
                total=(status.total_steps or None) if status else None,
                note=printable(story(run, status)),
            )
    return run


def _follow_plain(client: HubClient, run_id: str) -> RunInfo:
    told, last = "", 0.0
    for run, status in looks(client, run_id):
        if run.state == "failed" or (status and status.phase == "failed"):
            # Why is said once, by whoever asked to follow.
            continue
        line = story(run, status)
        if status and status.total_steps:
            line = f"step {status.step} of {status.total_steps}  {line}"
        now = time.monotonic()
        if line != told and (now - last >= PLAIN_S or run.state in OVER):
            note(f"{run_id}: {line}")
            told, last = line, now
    sys.stderr.flush()
    return run
