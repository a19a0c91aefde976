"""All that `dashboard --once` tells, read once: the list of runs, and one of them in full."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf_tui.cli.once_runs import Listed, of_files, of_workspace
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_pane import Watched
from rlhf_tui.screens.dashboard_source import place_of
from rlhf_tui.tracking.follow import Follower, RunFollower
from rlhf_tui.tracking.rules.finding import Finding
from rlhf_tui.tracking.rules.judge import judge
from rlhf_tui.tracking.rules.view import situation
from rlhf_tui.workspace import Workspace


@dataclass(frozen=True)
class Snapshot:
    """All that is told."""

    infos: list[RunInfo]
    chosen: Watched | None
    findings: list[Finding]
    waiting: str = ""
    """Why there is nothing to tell of, as a sentence."""
    older: int = 0
    """Runs beside those of the list, older ones."""
    note: str = ""
    """Why the runs are told from their directories alone, as a sentence; empty with a hub."""


def take(place: Workspace | None, run: str, files: Sequence[Path]) -> Snapshot:
    """Read the list of runs, and all of the chosen one.

    Args:
        place: the workspace; None with files.
        run: the one to tell of; empty: the first active one, else the newest.

    Raises:
        UsageError: no such run, or nothing in the files that can be shown.
        Denied: this person is shown no runs.
    """
    if files:
        listed = of_files(files)
    else:
        assert place is not None
        listed = of_workspace(place, run)
    if listed.chosen is None:
        waiting = listed.files.waiting if listed.files else "There are no runs yet."
        return Snapshot([], None, [], waiting, note=listed.note)
    chosen = _read(listed.chosen, listed)
    infos = listed.infos
    if listed.files is not None:
        # What was read tells more of it than the glance of the list.
        infos = sorted(listed.files.look(), key=place_of)
        info = next(i for i in infos if i.run_id == chosen.info.run_id)
        chosen = Watched(info, chosen.follower)
    findings = _judged(chosen.info, chosen.follower)
    return Snapshot(infos, chosen, findings, older=listed.older, note=listed.note)


def _read(info: RunInfo, listed: Listed) -> Watched:
    """A run with all that it has written so far."""
    files = listed.files
    follower = files.follow(info) if files else RunFollower(Path(info.directory))
    while True:
        batch = follower.read()
        follower.take(batch)
        if not batch.more:
            return Watched(info, follower)


def _judged(info: RunInfo, follower: Follower) -> list[Finding]:
    return judge(
        info.kind,
        follower.series,
        follower.samples,
        follower.distributions,
        follower.machine,
        info.arguments.arguments if info.arguments else None,
        situation(
            info.state,
            info.status,
            info.exit,
            message=info.message,
            lost=info.lost,
            now=time.time(),
        ),
    )
