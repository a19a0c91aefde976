"""Where the dashboard gets runs that other programs wrote: from files and directories."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.hub.messages import Answer, Launched, Request, RunInfo
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import ProcessMark, RunArguments, RunStatus
from rlhf_tui.screens.dashboard_directories import read_run
from rlhf_tui.screens.dashboard_source import ACTIVE
from rlhf_tui.tracking.follow import Follower, RunFollower
from rlhf_tui.tracking.foreign.detect import NAMES
from rlhf_tui.tracking.foreign.reader import Facts, Later, LogFollower
from rlhf_tui.tracking.foreign.scan import Found, Scan, Scanner, printable
from rlhf_tui.tracking.foreign.standing import Standing, Witness

A = TypeVar("A", bound=Answer)
LogState = Literal["running", "finished", "failed", "stopped"]
ONLY_SHOWN = UsageError("Runs of other programs are only shown.")
NOBODY = ProcessMark(0, 0.0, "", "")
"""Which process writes a log nobody tells."""
FACTS_WITHIN = 8
"""Pieces at the beginning of a log in which its settings stand, if it tells any."""


class FileSource:
    """The runs in what a person named; they are looked for again with every list."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.note = ""
        self.refused = ""
        self.older = 0
        self.archived = False
        self.only_shown = ONLY_SHOWN.message
        self.waiting = ""
        """A sentence while there is nothing to show yet."""
        self._scanner = Scanner(paths)
        self._found: dict[str, Found] = {}
        self._witnesses: dict[str, Witness] = {}
        self._followers: dict[str, Follower] = {}
        self._infos: dict[str, RunInfo] = {}

    async def list(self) -> list[RunInfo]:
        """All runs: live ones first, then the newest."""
        infos = await asyncio.to_thread(self.look)
        return sorted(infos, key=lambda info: (info.state not in ACTIVE, -info.created_ms))

    def look(self) -> Sequence[RunInfo]:
        """The same, in the order in which they were found; what was there once stays listed."""
        scan = self._scanner.scan()
        self._found.update((found.name, found) for found in scan.runs)
        for name, found in self._found.items():
            info = self._info(found)
            if info is not None:
                self._infos[name] = info
        # What was listed before it became one of the older ones stays.
        self.older = max(0, len(scan.runs) + scan.older - len(self._infos))
        self.waiting = _waiting(scan) if not self._infos else ""
        return [*self._infos.values()]

    def _info(self, found: Found) -> RunInfo | None:
        if found.format == "run":
            try:
                run = read_run(found.path)
                title = "" if run.title == found.name else run.title
                return msgspec.structs.replace(run, run_id=found.name, title=title)
            except (RlhfError, OSError, ValueError):
                # Deleted, or being written at this moment.
                return None
        follower = self._followers.get(found.name)
        reader = follower.reader if isinstance(follower, LogFollower) else None
        witness = self._witnesses.setdefault(found.name, Witness())
        standing = witness.look(found, reader.over if reader else "")
        if not standing.changed and found.name in self._infos:
            # It is gone: as it was, but no longer alive.
            before = self._infos[found.name]
            alive = before.state == "running"
            return msgspec.structs.replace(before, state="stopped") if alive else before
        return log_info(found, standing, follower if isinstance(follower, LogFollower) else None)

    def follow(self, info: RunInfo) -> Follower:
        """Begin to follow a log, or a run directory of ours; the same again when asked again."""
        follower = self._followers.get(info.run_id)
        if follower is None:
            found = self._found[info.run_id]
            if found.format == "run":
                return RunFollower(found.path)
            follower = LogFollower(found.path, Later(found.reader), found.log)
            self._followers[info.run_id] = follower
        return follower

    async def details(self, info: RunInfo) -> RunArguments | None:
        """The arguments of a run of ours; None for other programs'."""
        return info.arguments

    async def measured(self, info: RunInfo) -> Evaluation | None:
        """Figures of a run of ours on held-out rows."""
        found = self._found[info.run_id]
        if found.format != "run":
            return None
        try:
            return await asyncio.to_thread(layout.read, found.path / layout.EVALUATION, Evaluation)
        except (RlhfError, OSError):
            return None

    async def facts(self, info: RunInfo) -> Facts:
        """What the log knows beside its numbers."""
        found = self._found[info.run_id]
        if found.format == "run":
            return {}
        follower = self._followers.get(info.run_id)
        if isinstance(follower, LogFollower) and follower.reader.facts:
            return follower.reader.facts
        return await asyncio.to_thread(_first_facts, found)

    async def stop(self, run_id: str) -> RunInfo:
        raise ONLY_SHOWN

    async def resume(self, run_id: str) -> Launched:
        raise ONLY_SHOWN

    async def ask(self, request: Request, answer: type[A]) -> A:
        raise ONLY_SHOWN


def _first_facts(found: Found) -> Facts:
    try:
        reader = found.reader()
        for _ in range(FACTS_WITHIN):
            more = reader.read(layout.RESERVE_BYTES).more
            if not more:
                break
    except (RlhfError, OSError):
        return {}
    return reader.facts


def log_info(found: Found, standing: Standing, follower: LogFollower | None = None) -> RunInfo:
    """A log as the list of runs has it.

    Args:
        follower: what was read of it, where it is followed.
    """
    step, total = standing.progress.step, standing.progress.total
    title, message, lasted = NAMES[found.format], "", 0.0
    metrics: dict[str, float] = {}
    if follower is not None:
        step = max(step, int(min(follower.step, 1e15)))
        total = total or follower.reader.total
        name = follower.reader.title
        title = f"{title}, {name}" if name else title
        clock = follower.clocks.get("time")
        lasted = clock.values[-1] if clock else 0.0
        if follower.reader.over == "failed":
            message = "It ended with an error: its log or arguments may say which."
    # The only thing a log can be that a run of ours cannot: see widgets.run_list.state_word.
    state: LogState = "stopped" if standing.state == "quiet" else standing.state
    if standing.state == "quiet":
        message = _quiet(found, step, total)
    changed = standing.changed or time.time()
    changed_ms = round(changed * 1000)
    return RunInfo(
        run_id=found.name,
        kind="log",
        state=state,
        title=title,
        directory=printable(str(found.path)),
        created_ms=changed_ms,
        started_ms=round((changed - lasted) * 1000) if lasted else 0,
        ended_ms=0 if state == "running" else changed_ms,
        status=RunStatus(state, NOBODY, changed, step, total, message, metrics),
        message=message,
    )


def _quiet(found: Found, step: int, total: int) -> str:
    """What a log that grows no more lets one know of its run."""
    if step < total:
        return f"No more comes after step {step} of {total}: stopped, or broken off."
    if found.format == "wandb":
        return "It does not say that it ended: killed, or broken off."
    return "No more comes; whether its run ended it cannot tell."


def _waiting(scan: Scan) -> str:
    if scan.empty:
        return f"There is nothing in {printable(str(scan.empty[0]))} yet: it shows as it comes."
    if scan.gone:
        return f"{printable(str(scan.gone[0]))} is gone."
    return "Nothing here is a known log yet."
