"""The store's row of a run beside the run's directory: what the one says and the other knows."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.errors import RlhfError, UsageError, nearest
from rlhf_tui.runs import layout
from rlhf_tui.runs.environment import lost_keys
from rlhf_tui.runs.launch import is_starting, processes
from rlhf_tui.runs.layout import RunArguments, State
from rlhf_tui.runs.process import alive
from rlhf_tui.runs.reading import SCRATCH
from rlhf_tui.runs.state import RunFacts, describe
from rlhf_tui.store.write import RunRow

ALIVE: frozenset[str] = frozenset({"running", "stopping"})
ENDED: frozenset[str] = frozenset({"finished", "stopped", "failed"})

LATEST = "latest"
CURRENT = "current"
"""What people call the newest run, and the one whose model is the current policy."""
RUN_ID = re.compile(r"[a-z]+-\d+")
START_S = 30.0
"""A supervisor that has left no mark by then never will; a start of Python takes less."""
START_LOOK_S = 0.02


def new_directory(runs: Path, kind: str, used: Iterable[str]) -> Path:
    """Make the directory of a new run, of a name that is neither among `used` nor there."""
    runs.mkdir(exist_ok=True)
    names = [*used, *(path.name for path in runs.iterdir())]
    numbers = [int(name.rpartition("-")[2]) for name in names if is_id(name, kind)]
    directory = runs / f"{kind}-{max(numbers, default=0) + 1:04d}"
    directory.mkdir()
    return directory


def is_id(name: str, kind: str) -> bool:
    """Whether a name is that of a run of this kind."""
    start, _, number = name.rpartition("-")
    return start == kind and number.isdigit()


def find(name: str, rows: Mapping[str, RunRow], deleted: Collection[str]) -> RunRow:
    """The run of this id or unique prefix, the `latest`, or the `current` policy's.

    Raises:
        UsageError: there is none, or more than one.
    """
    if name in rows:
        return rows[name]
    if name == CURRENT:
        return current(rows)
    if name == LATEST and rows:
        return max(rows.values(), key=lambda row: (row.created_ms, row.run_id))
    if name in deleted:
        # Before the beginnings: sft-1000 also begins sft-10000.
        raise UsageError(f"There is no run {name!r} any more: it was deleted.")
    matching = [row for run_id, row in rows.items() if name and run_id.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        several = ", ".join(row.run_id for row in matching[:8])
        raise UsageError(f"{name!r} begins several runs: {several}.", hint="Name one of them.")
    if not rows:
        raise UsageError(f"There is no run {name!r}; this workspace has no runs yet.")
    raise UsageError(f"There is no run {name!r}.", hint=nearest(name, rows))


def promoted(rows: Mapping[str, RunRow]) -> RunRow | None:
    """The run whose model is the workspace's current policy."""
    those = [row for row in rows.values() if row.promoted_ms]
    return max(those, key=lambda row: row.promoted_ms, default=None)


def current(rows: Mapping[str, RunRow]) -> RunRow:
    """
    Raises:
        UsageError: the workspace has no current policy.
    """
    found = promoted(rows)
    if found is None:
        raise UsageError(
            "This workspace has no current policy yet.",
            hint="Make a run's model the current one: rlhf-tui runs promote RUN",
        )
    return found


def parting(directory: Path) -> bool:
    """Whether a process of a run that is resumed has yet to go: its supervisor looks for a hub
    after it has written how the run ended."""
    try:
        return any(mark is not None and alive(mark) for mark in processes(directory))
    except (RlhfError, OSError):
        # What cannot be read is told when the run is started.
        return False


def never_started(row: RunRow) -> bool:
    """Whether the hub before died between noting a start and starting.

    A supervisor that it had started nevertheless is waited for.
    """
    deadline = time.monotonic() + START_S
    try:
        while is_starting(Path(row.directory)) and time.monotonic() < deadline:
            time.sleep(START_LOOK_S)
        return describe(Path(row.directory)).state == "queued"
    except (RlhfError, OSError):
        return False


def clear_unfinished(runs: Path, known: Collection[str]) -> None:
    """Remove what launches left that never came into the queue, as their hub was killed."""
    if not runs.is_dir():
        return
    for path in runs.iterdir():
        if path.name in known or not RUN_ID.fullmatch(path.name) or not path.is_dir():
            continue
        if {inner.name for inner in path.iterdir()} <= {SCRATCH, layout.DATASET, layout.ARGS}:
            shutil.rmtree(path, ignore_errors=True)


def device_of(row: RunRow) -> str:
    """Where a run works, as its directory says; one that cannot be read must not end the hub."""
    try:
        arguments = layout.read(Path(row.directory) / layout.ARGS, RunArguments)
    except (RlhfError, OSError):
        return "cpu"
    return arguments.device if arguments else "cpu"


def without_keys(row: RunRow) -> str:
    """Why a run that waits cannot start any more, as a hub takes its keys along; empty: it can."""
    try:
        arguments = layout.read(Path(row.directory) / layout.ARGS, RunArguments)
    except (RlhfError, OSError):
        # What cannot be read is told when the run is started.
        return ""
    lost = lost_keys(arguments, os.environ) if arguments else []
    if not lost:
        return ""
    return (
        f"It waited when the hub was restarted, and keys are written nowhere: {', '.join(lost)} is "
        f"needed again. Set it and give: rlhf-tui runs resume {row.run_id}"
    )


def lives(row: RunRow) -> bool:
    """Whether the run's directory says that it runs."""
    try:
        return describe(Path(row.directory)).state in ALIVE
    except RlhfError:
        return False


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def changed(row: RunRow, **fields: Any) -> RunRow:
    return msgspec.structs.replace(row, **fields)


def times(facts: RunFacts) -> dict[str, Any]:
    """When a run started and ended, as far as it did, as fields of its row."""
    found = {"started_ms": int(facts.started * 1000), "ended_ms": int(facts.ended * 1000)}
    return {name: value for name, value in found.items() if value}


def state_of(row: RunRow) -> State:
    """The row's state, typed."""
    state: State = msgspec.convert(row.state, State)
    return state
