"""A run whose machine will not come back: ended by word of a person, so that it can be resumed."""

from __future__ import annotations

import time
from pathlib import Path

from rlhf_tui.errors import UsageError
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import LOST_AFTER_S, RunExit
from rlhf_tui.runs.state import describe


def take_over(directory: Path) -> None:
    """Write down that a run of another machine has failed, as its machine is gone.

    What its worker wrote stays. Should it write still, two would: the heartbeat has to be silent.

    Raises:
        UsageError: the run is on this machine, has ended, or was heard of lately.
        InputError: not a run directory.
    """
    facts = describe(directory)
    if not facts.elsewhere:
        raise UsageError(
            f"{directory.name} does not run on another machine: it is {facts.state}.",
            hint=f"Without --host-gone: rlhf-tui runs resume {directory.name}",
        )
    beat = facts.status.updated if facts.status is not None else facts.started
    if not facts.lost:
        raise UsageError(
            f"{directory.name} lives: {facts.elsewhere} was heard of "
            f"{max(0.0, time.time() - beat):.0f} s ago.",
            hint=f"Stop it there, or wait for {LOST_AFTER_S:.0f} s of silence.",
        )
    message = f"Its machine, {facts.elsewhere}, was given up for gone."
    layout.write_atomic(directory / layout.EXIT, RunExit(None, None, False, beat, message))
