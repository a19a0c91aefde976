"""Answers about background runs: launch, list, show, stop, resume."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui import __version__
from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import Options
from rlhf_tui.config.resolve import resolve_options as options_of
from rlhf_tui.config.settings import Settings, load_settings
from rlhf_tui.dataset.from_file import from_file, located, snapshot_from_file
from rlhf_tui.dataset.snapshot import MANIFEST, Manifest, write_snapshot
from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.hub import logout
from rlhf_tui.hub.hub import Hub, now_ms
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import (
    Launch,
    Launched,
    ListRuns,
    ResumeRun,
    RunAnswer,
    RunInfo,
    RunList,
    ShowRun,
    StopRun,
)
from rlhf_tui.hub.models import resolve_options
from rlhf_tui.hub.placing import place
from rlhf_tui.hub.rows import ENDED, state_of
from rlhf_tui.runs import layout
from rlhf_tui.runs.checkpoints import complete
from rlhf_tui.runs.environment import SECRETS, carried
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.runs.naming import check_priority, check_title
from rlhf_tui.runs.state import Ended
from rlhf_tui.store.write import RunRow, save_snapshot_row

VERSIONS = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "duckdb")
MOST_LISTED = 1_000
_ENDED = Ended()


async def launch(hub: Hub, _who: Identity, request: Launch) -> Launched:
    priority, title = check_priority(request.priority), check_title(request.title)
    settings = load_settings(hub.workspace)
    hub.refresh_settings()
    wanted = options_of(
        request.kind, settings, config_file=None, environ={}, given=request.arguments
    )
    cwd = Path(request.cwd or hub.workspace.root)
    chosen = resolve_options(located(wanted, cwd), settings, hub.jobs.rows, cwd)
    environment = carried(request.environment)
    device, chosen = place(chosen, environment, hub.jobs.busy_devices(), cwd)
    # Again, now that the number of processes is known.
    check(request.kind, chosen.options)
    directory = hub.jobs.new_directory(request.kind)
    try:
        manifest = await _make_dataset(hub, request.kind, chosen.options, directory, settings)
        arguments = RunArguments(
            run_id=directory.name,
            kind=request.kind,
            arguments=msgspec.to_builtins(chosen.options),
            title=title,
            recipe=request.recipe,
            created_ms=now_ms(),
            workspace=str(hub.workspace.root),
            cwd=str(cwd),
            environment=environment,
            keys=sorted(_needed(request.secrets)),
            versions=_versions(),
            device=device,
            lineage=chosen.lineage,
        )
        await asyncio.to_thread(layout.write_atomic, directory / layout.ARGS, arguments)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    raw = (directory / layout.DATASET / MANIFEST).read_bytes()
    await hub.writer.do(save_snapshot_row, hub.store, directory.name, request.kind, raw)
    row = msgspec.structs.replace(_row(arguments, directory), priority=priority)
    gone = [parent for parent in chosen.lineage.values() if parent not in hub.jobs.rows]
    if gone:
        # Deleted while the data set was made: the run could only fail.
        shutil.rmtree(directory, ignore_errors=True)
        raise UsageError(f"{gone[0]} was deleted meanwhile.", hint="Name another run.")
    await hub.jobs.enqueue(row, device, _needed(request.secrets))
    return await _launched(hub, directory.name, [*chosen.notes, *manifest.notes])


async def _make_dataset(
    hub: Hub, kind: layout.RunKind, options: Options, directory: Path, settings: Settings
) -> Manifest:
    """The snapshot of a run, of the workspace's labels or of the file that was named."""
    target = directory / layout.DATASET
    if from_file(options):
        rules = settings.workspace
        return await asyncio.to_thread(snapshot_from_file, kind, options, target, rules)
    return await hub.read_at_length(write_snapshot, kind, options, target)


def _row(arguments: RunArguments, directory: Path) -> RunRow:
    return RunRow(
        run_id=arguments.run_id,
        kind=arguments.kind,
        state="queued",
        title=arguments.title,
        directory=str(directory),
        created_ms=arguments.created_ms,
        arguments=arguments.arguments,
    )


def _versions() -> dict[str, str]:
    """Versions of what decides a run's results, read without importing any of it."""
    found = {"rlhf-tui": __version__}
    for name in VERSIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _needed(secrets: Mapping[str, str]) -> dict[str, str]:
    """The keys that a worker may have, whatever a client sends."""
    return {name: value for name, value in secrets.items() if name in SECRETS}


async def _launched(hub: Hub, run_id: str, notes: list[str]) -> Launched:
    ends = await asyncio.to_thread(logout.warning)
    if ends:
        notes = [*notes, ends]
    row = hub.jobs.find(run_id)
    place = hub.jobs.queue_position(run_id)
    if place:
        notes = [*notes, f"It waits for its device: number {place} in the queue."]
    return Launched(run_id=run_id, state=state_of(row), directory=row.directory, notes=notes)


async def resume(hub: Hub, _who: Identity, request: ResumeRun) -> Launched:
    row = hub.jobs.find(request.run_id)
    if request.host_gone:
        row = await hub.jobs.take_over(row)
    if row.state not in ("stopped", "failed"):
        hint = ""
        if hub.jobs.is_elsewhere(row.run_id):
            hint = (
                "It is on another machine. Should that not come back: "
                f"rlhf-tui runs resume {row.run_id} --host-gone"
            )
        raise UsageError(
            f"{row.run_id} is {row.state}; only a stopped or failed run can be resumed.", hint=hint
        )
    directory = Path(row.directory)
    arguments = layout.read(directory / layout.ARGS, RunArguments)
    if arguments is None:
        raise UsageError(f"{directory} holds no {layout.ARGS} any more.", hint="Launch it anew.")
    saved = complete(directory / layout.CHECKPOINTS)
    if saved:
        note = f"It goes on from {saved[-1].name}."
    elif (directory / layout.SHARES).is_dir():
        note = "The shares of its learning curve that are done are kept; the next one begins anew."
    elif row.kind == "generate":
        note = "The completions that it wrote are kept; it makes those that are missing."
    else:
        note = "It has no checkpoint to go on from: it begins anew."
    back = {"state": "queued", "ended_ms": 0, "message": "", "archived": False}
    queued = msgspec.structs.replace(row, **back)
    await hub.jobs.enqueue(queued, arguments.device, _needed(request.secrets))
    return await _launched(hub, row.run_id, [note])


async def stop(hub: Hub, _who: Identity, request: StopRun) -> RunAnswer:
    row = hub.jobs.find(request.run_id)
    await hub.jobs.stop(row, force=request.force)
    return await show(hub, _who, ShowRun(run_id=row.run_id))


async def show(hub: Hub, _who: Identity, request: ShowRun) -> RunAnswer:
    row = hub.jobs.find(request.run_id)
    place = hub.jobs.queue_position(row.run_id)
    return RunAnswer(run=await asyncio.to_thread(_info, row, place, full=True))


async def list_runs(hub: Hub, _who: Identity, request: ListRuns) -> RunList:
    found = [
        row
        for row in reversed(hub.jobs.rows.values())
        if (not request.kinds or row.kind in request.kinds)
        and (request.archived or not row.archived)
    ]
    rows = within(found, min(max(request.limit, 1), MOST_LISTED))
    places = hub.jobs.queue_positions()
    infos = await asyncio.to_thread(
        lambda: [_info(row, places.get(row.run_id, 0), full=False) for row in rows]
    )
    return RunList(runs=infos, left_out=len(found) - len(rows))


def within(rows: Sequence[RunRow], most: int) -> list[RunRow]:
    """At most so many of the rows, in their order: what runs or waits first, then the first."""
    room = max(0, most - sum(row.state not in ENDED for row in rows))
    ended = [row for row in rows if row.state in ENDED][:room]
    kept = {row.run_id for row in ended}
    return [row for row in rows if row.state not in ENDED or row.run_id in kept][:most]


def _info(row: RunRow, place: int, *, full: bool) -> RunInfo:
    info = RunInfo(
        run_id=row.run_id,
        kind=msgspec.convert(row.kind, layout.RunKind),
        state=state_of(row),
        title=row.title,
        directory=row.directory,
        created_ms=row.created_ms,
        queue_position=place,
        priority=row.priority,
        note=row.note,
        tags=row.tags,
        archived=row.archived,
        current=bool(row.promoted_ms),
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        message=row.message,
    )
    if place:
        return info
    try:
        facts = _ENDED.describe(Path(row.directory))
    except RlhfError:
        # Its directory was removed: the row is all that is left of it.
        return info
    info.status, info.exit = facts.status, facts.exit
    if row.state not in ENDED:
        info.lost, info.message = facts.lost, facts.message
    if full:
        info.arguments = facts.arguments
    return info


HANDLERS: dict[Any, Any] = {
    Launch: launch,
    ListRuns: list_runs,
    ShowRun: show,
    StopRun: stop,
    ResumeRun: resume,
}
