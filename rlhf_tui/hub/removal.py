"""Removing runs for good: what is refused, what goes, and what a crash leaves to be finished.

The directory is moved aside first. From then on the run is gone: what a hub that is killed has
not done yet, the next one does at its start.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_tui.errors import HubError, RlhfError, UsageError
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import DeleteRun, Done
from rlhf_tui.hub.rows import ENDED, parting
from rlhf_tui.store.database import StoreUnsure
from rlhf_tui.store.read import runs as stored_runs
from rlhf_tui.store.write import RunRow, delete_run

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

log = logging.getLogger("rlhf_tui.hub")

ASIDE = ".deleted"
"""Folder beside the run directories that holds those on their way out."""
PARTING_S = 10.0
"""A run's supervisor looks for a hub after its end, which takes a start of Python."""
PARTING_LOOK_S = 0.05
MOST_NAMED = 3


async def delete(hub: Hub, _who: Identity, request: DeleteRun) -> Done:
    run_id = hub.jobs.find(request.run_id).run_id
    check(hub.jobs.rows[run_id], hub.jobs.rows, force=request.force)
    await _left_alone(Path(hub.jobs.rows[run_id].directory))
    async with hub.jobs.lock:
        row = hub.jobs.find(run_id)
        check(row, hub.jobs.rows, force=request.force)
        directory = _own_directory(hub.workspace.runs, row, force=request.force)
        # Forgotten in the same moment as it is found free: nobody can resume it meanwhile.
        hub.jobs.forget(run_id)
        aside = hub.workspace.runs / ASIDE / run_id
        try:
            if directory is not None:
                await asyncio.to_thread(_put, directory, aside)
            await hub.writer.do(delete_run, hub.store, run_id)
        except StoreUnsure:
            # The hub leaves; the next one finds what was moved aside.
            raise
        except (RlhfError, OSError) as error:
            if directory is not None and aside.exists():
                await asyncio.to_thread(_put, aside, directory)
            hub.jobs.remember(row)
            if isinstance(error, OSError):
                raise HubError(
                    f"{row.directory} could not be removed: {error.strerror or error}."
                ) from error
            raise
    # Its own alone: another's may still have to be put back.
    await asyncio.to_thread(_clear, [aside])
    return Done()


def check(run: RunRow, rows: Mapping[str, RunRow], *, force: bool) -> None:
    """
    Raises:
        UsageError: the run has not ended; or without `force` others need it.
    """
    name = run.run_id
    if run.state == "queued":
        raise UsageError(
            f"{name} waits for its turn.", hint=f"Take it out first: rlhf-tui runs stop {name}"
        )
    if run.state not in ENDED:
        raise UsageError(
            f"{name} is {run.state}.", hint=f"Stop it first: rlhf-tui runs stop {name}"
        )
    if force:
        return
    hint = f"To delete it nevertheless: rlhf-tui runs delete {name} --force"
    if run.promoted_ms:
        raise UsageError(f"{name} is the workspace's current policy.", hint=hint)
    others = users(run, rows)
    active = [row for row in others if row.state not in ENDED]
    if active:
        raise UsageError(f"{active[0].run_id}, which is {active[0].state}, uses {name}.", hint=hint)
    if others:
        raise UsageError(f"{_listed(others)} started from {name}.", hint=hint)


def users(run: RunRow, rows: Mapping[str, RunRow]) -> list[RunRow]:
    """The runs whose arguments name this one: its directory, what lies in it, or its id."""
    return [
        row
        for row in rows.values()
        if row.run_id != run.run_id and _names(row.arguments, run.run_id, run.directory)
    ]


def _names(value: Any, run_id: str, directory: str) -> bool:
    if isinstance(value, str):
        return value in (run_id, directory) or f"{directory}/" in value
    if isinstance(value, Mapping):
        value = list(value.values())
    return isinstance(value, list) and any(_names(item, run_id, directory) for item in value)


def _listed(rows: list[RunRow]) -> str:
    names = [row.run_id for row in rows]
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _own_directory(runs: Path, row: RunRow, *, force: bool) -> Path | None:
    """The run's directory; None when only its row is to go.

    Raises:
        UsageError: it is not where this workspace keeps its runs, as after a copy of the
            workspace, whose runs' directories are those of the original.
    """
    directory = Path(row.directory)
    if directory == runs / row.run_id:
        return directory if directory.exists() or directory.is_symlink() else None
    if force:
        return None
    raise UsageError(
        f"{row.run_id}'s directory, {directory}, is not among this workspace's runs.",
        hint="To forget the run and leave the directory where it is, give --force.",
    )


async def _left_alone(directory: Path) -> None:
    """Wait for the last process of a run that has ended.

    Raises:
        UsageError: it stays.
    """
    deadline = time.monotonic() + PARTING_S
    while await asyncio.to_thread(parting, directory):
        if time.monotonic() > deadline:
            raise UsageError(
                f"{directory.name} has ended, but a process of it is still there.",
                hint="Try again in a moment.",
            )
        await asyncio.sleep(PARTING_LOOK_S)


def _put(source: Path, target: Path) -> None:
    while True:
        target.parent.mkdir(exist_ok=True)
        try:
            source.rename(target)
        except FileNotFoundError:
            # The folder was empty for a moment, and another deletion's end removed it.
            if source.exists() or source.is_symlink():
                continue
            raise
        return


async def finish_deletions(hub: Hub) -> None:
    """Forget the runs whose directories a hub before has moved aside, and remove those."""
    runs = hub.workspace.runs
    aside = await asyncio.to_thread(_aside, runs)
    if not aside:
        return
    known = {row.run_id for row in await hub.read(stored_runs)}
    try:
        for path in aside:
            if path.name in known:
                await hub.writer.do(delete_run, hub.store, path.name)
    except RlhfError as error:
        # A full disk, say: people label on, and the next hub tries again.
        log.error("%s could not be forgotten: %s", path.name, error)
        return
    await asyncio.to_thread(_clear, aside)


def _aside(runs: Path) -> list[Path]:
    try:
        return sorted((runs / ASIDE).iterdir())
    except OSError:
        return []


def _clear(aside: Sequence[Path]) -> None:
    """Remove what was moved aside, and the folder after the last of it."""
    for path in aside:
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            log.warning("%s could not be removed whole", path)
    for folder in {path.parent for path in aside}:
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Another run is on its way out, or there is none at all.
        return
