"""The list of runs from their directories alone, for when there is no hub to ask.

It looks at processes, which takes longer to import than the rest of the dashboard's first picture.
"""

from __future__ import annotations

from pathlib import Path

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs import layout
from rlhf_tui.runs.state import Ended

_ENDED = Ended()


def read_runs(runs: Path) -> list[RunInfo]:
    """The runs as their directories tell them; what cannot be read is left out."""
    infos = []
    try:
        directories = sorted(path for path in runs.iterdir() if (path / layout.ARGS).exists())
    except OSError:
        return []
    for directory in directories:
        try:
            infos.append(read_run(directory))
        except (RlhfError, OSError, ValueError):
            # Deleted or being written at this moment: it comes with the next look.
            continue
    return infos


def read_run(directory: Path) -> RunInfo:
    """One run from its directory.

    Raises:
        InputError: not a run directory.
        OSError, ValueError: files that cannot be read or hold something else.
    """
    facts = _ENDED.describe(directory)
    arguments = facts.arguments
    return RunInfo(
        run_id=arguments.run_id,
        kind=arguments.kind,
        state=facts.state,
        title=arguments.title,
        directory=str(directory),
        created_ms=arguments.created_ms,
        started_ms=round(facts.started * 1000),
        ended_ms=round(facts.ended * 1000),
        status=facts.status,
        exit=facts.exit,
        arguments=arguments,
        message=facts.message,
        lost=facts.lost,
    )
