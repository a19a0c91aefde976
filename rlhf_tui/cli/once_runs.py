"""Which runs `dashboard --once` tells of: as the hub knows them, or as their files alone do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf_tui.errors import Denied, HubError, UsageError, nearest
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import ListRuns, RunAnswer, RunInfo, RunList, ShowRun
from rlhf_tui.runs import layout
from rlhf_tui.screens.dashboard_directories import read_run, read_runs
from rlhf_tui.screens.dashboard_files import FileSource
from rlhf_tui.screens.dashboard_source import place_of
from rlhf_tui.tracking.foreign.scan import Scanner, check, passed_over
from rlhf_tui.workspace import Workspace

WITHOUT = "Read from the run directories, which know no changed titles, notes, tags and archive."


@dataclass(frozen=True)
class Listed:
    """The runs there are, in the dashboard's order, and the one to tell of."""

    infos: list[RunInfo]
    chosen: RunInfo | None
    older: int = 0
    """Runs beside those of the list, older ones."""
    note: str = ""
    """Why the list comes from the directories alone, or which files are no logs, as a sentence."""
    files: FileSource | None = None
    """Where runs of other programs come from."""


def of_workspace(place: Workspace, run: str) -> Listed:
    """As the hub has them, which is started as for every other command.

    From the directories where none can be had: nobody may write there, or it is another's.

    Args:
        run: the one to tell of, by id, the beginning of one, `latest` or `current`; empty: the
            first of the list.

    Raises:
        UsageError: there is no such run.
        Denied: this person is shown no runs.
    """
    try:
        with HubClient(place) as client:
            answer = client.call(ListRuns(), RunList)
            infos = sorted(answer.runs, key=place_of)
            return Listed(infos, _asked(client, place, run, infos), answer.left_out)
    except Denied:
        raise
    except HubError as error:
        infos = sorted(read_runs(place.runs), key=place_of)
        return Listed(infos, _among(infos, run), note=f"{error.message} {WITHOUT}")


def _asked(client: HubClient, place: Workspace, run: str, infos: list[RunInfo]) -> RunInfo | None:
    """The run with all that the hub knows of it; of a copied directory what that tells."""
    wanted = run or (infos[0].run_id if infos else "")
    if not wanted:
        return None
    try:
        return client.call(ShowRun(run_id=wanted), RunAnswer).run
    except UsageError:
        if not run:
            # Deleted since the list was made.
            return infos[0]
        if "/" in run or not (place.runs / run / layout.ARGS).is_file():
            raise
    try:
        return read_run(place.runs / run)
    except (OSError, ValueError) as error:
        raise UsageError(f"{place.runs / run} cannot be read: {error}.") from None


def of_files(files: Sequence[Path]) -> Listed:
    """What other programs wrote; the first run is told of.

    Raises:
        UsageError: nothing in the files that can be shown.
    """
    source = FileSource(files)
    check(Scanner(files).scan())
    infos = sorted(source.look(), key=place_of)
    chosen = infos[0] if infos else None
    return Listed(infos, chosen, source.older, files=source, note=passed_over(files))


def _among(infos: list[RunInfo], run: str) -> RunInfo | None:
    if not run:
        return infos[0] if infos else None
    newest = max(infos, key=lambda info: (info.created_ms, info.run_id), default=None)
    if run == "latest" and newest is not None:
        return newest
    exact = [info for info in infos if info.run_id == run]
    found = exact or [info for info in infos if info.run_id.startswith(run)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(info.run_id for info in found[:8])
        raise UsageError(f"{run!r} begins several runs: {several}.", hint="Name one of them.")
    raise UsageError(
        f"There is no run {run!r}.", hint=nearest(run, [info.run_id for info in infos])
    )
