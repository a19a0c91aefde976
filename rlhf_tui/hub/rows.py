"""The store's row of a run beside the run's directory: what the one says and the other knows."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.errors import RlhfError
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import is_starting, processes
from rlhf_tui.runs.layout import RunArguments, State
from rlhf_tui.runs.process import alive
from rlhf_tui.runs.reading import SCRATCH
from rlhf_tui.runs.state import RunFacts, describe
from rlhf_tui.store.write import RunRow

ALIVE: frozenset[str] = frozenset({"running", "stopping"})
ENDED: frozenset[str] = frozenset({"finished", "stopped", "failed"})

RUN_ID = re.compile(r"[a-z]+-\d+")
START_S = 30.0
"""A supervisor that has left no mark by then never will; a start of Python takes less."""
START_LOOK_S = 0.02


def is_id(name: str, kind: str) -> bool:
    """Whether a name is that of a run of this kind."""
    start, _, number = name.rpartition("-")
    return start == kind and number.isdigit()


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
    """Remove what launches left whose data set was never whole, as their hub was killed."""
    if not runs.is_dir():
        return
    for path in runs.iterdir():
        if path.name in known or not RUN_ID.fullmatch(path.name) or not path.is_dir():
            continue
        if {inner.name for inner in path.iterdir()} <= {SCRATCH, layout.DATASET}:
            shutil.rmtree(path, ignore_errors=True)


def device_of(row: RunRow) -> str:
    """Where a run works, as its directory says; one that cannot be read must not end the hub."""
    try:
        arguments = layout.read(Path(row.directory) / layout.ARGS, RunArguments)
    except (RlhfError, OSError):
        return "cpu"
    return arguments.device if arguments else "cpu"


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
