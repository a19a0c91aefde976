"""Background runs: the queue of each device, following what runs, and adopting it after a restart.

A run's own directory is the truth about it while it is alive; the store keeps a row of it. A run
counts as ended only once everything that it wrote has been taken in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_tui.errors import HubError, RlhfError, UsageError, nearest
from rlhf_tui.hub.arrivals import Arrivals
from rlhf_tui.hub.devices import overlap
from rlhf_tui.hub.rows import (
    ALIVE,
    ENDED,
    changed,
    clear_unfinished,
    device_of,
    is_id,
    lives,
    never_started,
    now_ms,
    parting,
    times,
)
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import request_stop, spawn_supervisor
from rlhf_tui.runs.layout import RunArguments, RunKind
from rlhf_tui.runs.state import describe
from rlhf_tui.store.read import runs as stored_runs
from rlhf_tui.store.write import RunRow, save_run

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

log = logging.getLogger("rlhf_tui.hub")

FOLLOW_S = 0.5
"""Between two looks at the runs that are alive."""


class Jobs:
    """All runs of the workspace; used on the event loop's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.rows: dict[str, RunRow] = {}
        """Oldest first."""
        self._devices: dict[str, str] = {}
        self._queue: list[str] = []
        """Run ids in the order in which they came; `_waiting` says which starts first."""
        self._secrets: dict[str, dict[str, str]] = {}
        """Run id → the keys that its worker gets; here alone, so that a restart forgets them."""
        self._elsewhere: set[str] = set()
        """Runs of other machines, which take no device of this one."""
        self._arrivals: dict[str, Arrivals] = {}
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()

    # --- what there is ------------------------------------------------------------------------

    @property
    def active(self) -> int:
        return sum(row.state in ALIVE for row in self.rows.values() if self._is_here(row))

    @property
    def queued(self) -> int:
        return len(self._queue)

    def busy_devices(self) -> list[str]:
        """The device of each run that waits or runs."""
        return [
            self._devices.get(row.run_id, "cpu")
            for row in self.rows.values()
            if row.state not in ENDED and self._is_here(row)
        ]

    def _is_here(self, row: RunRow) -> bool:
        return row.run_id not in self._elsewhere

    def queue_position(self, run_id: str) -> int:
        """1 is next on its device; 0 when not queued."""
        if run_id not in self._queue:
            return 0
        device = self._devices.get(run_id, "cpu")
        same = [
            other
            for other in self._waiting()
            if other == run_id or overlap(self._devices.get(other, "cpu"), device)
        ]
        return same.index(run_id) + 1

    def _waiting(self) -> list[str]:
        """The queue in the order of its starts: by priority, then as they came."""
        return sorted(self._queue, key=lambda run_id: -self.rows[run_id].priority)

    def find(self, name: str) -> RunRow:
        """The run of this id, of this unique prefix, or the `latest`.

        Raises:
            UsageError: there is none, or more than one.
        """
        if name in self.rows:
            return self.rows[name]
        if name == "latest" and self.rows:
            return max(self.rows.values(), key=lambda row: (row.created_ms, row.run_id))
        matching = [row for run_id, row in self.rows.items() if name and run_id.startswith(name)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            several = ", ".join(row.run_id for row in matching[:8])
            raise UsageError(f"{name!r} begins several runs: {several}.", hint="Name one of them.")
        if not self.rows:
            raise UsageError(f"There is no run {name!r}; this workspace has no runs yet.")
        raise UsageError(f"There is no run {name!r}.", hint=nearest(name, self.rows))

    # --- what is asked for --------------------------------------------------------------------

    def new_directory(self, kind: RunKind) -> Path:
        """Make the directory of a new run; its name, the run's id, has not been used before."""
        runs = self._hub.workspace.runs
        runs.mkdir(exist_ok=True)
        used = [*self.rows, *(path.name for path in runs.iterdir())]
        numbers = [int(name.rpartition("-")[2]) for name in used if is_id(name, kind)]
        directory = runs / f"{kind}-{max(numbers, default=0) + 1:04d}"
        directory.mkdir()
        return directory

    async def enqueue(self, row: RunRow, device: str, secrets: Mapping[str, str]) -> None:
        """Put a run behind the others of its device; it starts at once when none is there.

        Args:
            secrets: variables of its worker's environment that nobody writes down.
        """
        self._devices[row.run_id] = device
        self._secrets[row.run_id] = dict(secrets)
        # Before anything is waited for: a stop that comes meanwhile finds it here.
        self._queue.append(row.run_id)
        await self._save(row)
        await self.turn()
        self._wake.set()

    async def stop(self, row: RunRow, *, force: bool) -> None:
        """End a run, or take it out of the queue.

        Raises:
            UsageError: it has ended already.
        """
        # Between the queue and its first process a run would hear of no stop.
        async with self._turn:
            row = self.rows[row.run_id]
            if row.run_id in self._queue:
                self._queue.remove(row.run_id)
                self._secrets.pop(row.run_id, None)
                ended = now_ms()
                message = "Taken out of the queue."
                await self._save(changed(row, state="stopped", ended_ms=ended, message=message))
                return
            if row.state in ENDED:
                raise UsageError(f"{row.run_id} has ended already: it is {row.state}.")
            if await asyncio.to_thread(request_stop, Path(row.directory), force=force):
                await self._save(changed(row, state="stopping"))
        await self.turn()

    async def prioritize(self, row: RunRow, priority: int) -> None:
        """Change when a run that waits gets its turn.

        Raises:
            UsageError: it does not wait.
        """
        async with self._turn:
            row = self.rows[row.run_id]
            if row.run_id not in self._queue:
                raise UsageError(
                    f"{row.run_id} is {row.state}: only a queued run has a turn to wait for."
                )
            await self._save(changed(row, priority=priority))

    # --- following ----------------------------------------------------------------------------

    async def adopt(self) -> None:
        """Know the runs that the hub before knew, and go on with those that are not over."""
        rows = await self._hub.read(stored_runs)
        self.rows = {row.run_id: row for row in rows}
        await asyncio.to_thread(clear_unfinished, self._hub.workspace.runs, set(self.rows))
        for row in rows:
            if row.state in ENDED:
                continue
            self._devices[row.run_id] = await asyncio.to_thread(device_of, row)
            if row.state == "queued" or await asyncio.to_thread(never_started, row):
                self.rows[row.run_id] = changed(row, state="queued")
                self._queue.append(row.run_id)
        self._wake.set()

    async def follow(self) -> None:
        """Until cancelled: look after the runs while there are any that are not over."""
        while True:
            if not self.active and not self._queue:
                self._wake.clear()
                await self._wake.wait()
            await self.turn()
            await asyncio.sleep(FOLLOW_S)

    async def turn(self) -> None:
        """Take in what the living runs wrote, note which ended, start what is next."""
        async with self._turn:
            for row in [row for row in self.rows.values() if row.state in ALIVE]:
                await self._look(row)
            passed: list[str] = []
            for run_id in self._waiting():
                device = self._devices[run_id]
                # A run of several devices would wait for ever behind others that take one each.
                if self._is_free(device) and not any(overlap(device, it) for it in passed):
                    await self._start(run_id)
                if run_id in self._queue:
                    passed.append(device)

    def _is_free(self, device: str) -> bool:
        return not any(
            row.state in ALIVE
            and self._is_here(row)
            and overlap(self._devices.get(row.run_id, "cpu"), device)
            for row in self.rows.values()
        )

    async def _look(self, row: RunRow) -> None:
        directory = Path(row.directory)
        try:
            # The state first: what was written before the end is then seen by the reading.
            facts = await asyncio.to_thread(describe, directory)
        except RlhfError as error:
            await self._save(changed(row, state="failed", ended_ms=now_ms(), message=str(error)))
            return
        except OSError as error:
            # Too many open files, a network that is away: the run goes on whatever we can see.
            log.warning("%s: %s", row.run_id, error)
            return
        if facts.elsewhere:
            self._elsewhere.add(row.run_id)
        message = await self._take(row)
        if message is None or facts.state == row.state or facts.state == "queued":
            return
        now = changed(self.rows[row.run_id], state=facts.state, **times(facts))
        if facts.state in ENDED:
            metrics = facts.status.metrics if facts.status else {}
            told = " ".join(part for part in (facts.message, message) if part)
            now = changed(now, metrics=metrics, message=told)
            self._arrivals.pop(row.run_id, None)
        await self._save(now)

    async def _take(self, row: RunRow) -> str | None:
        """Store what the run has written; a sentence when that is not possible, None when it may
        be later: a full disk must not cost what a run wrote."""
        if row.kind not in ("generate", "score"):
            return ""
        if row.run_id not in self._arrivals:
            arguments = layout.read(Path(row.directory) / layout.ARGS, RunArguments)
            chosen = arguments.arguments if arguments else {}
            self._arrivals[row.run_id] = Arrivals(self._hub, Path(row.directory), chosen)
        try:
            await self._arrivals[row.run_id].take()
        except RlhfError as error:
            log.error("%s: %s", row.run_id, error)
            # Read again from the start next time: what is stored already adds nothing.
            del self._arrivals[row.run_id]
            if isinstance(error, HubError):
                return None
            return f"Not everything it wrote could be stored: {error}"
        return ""

    async def _start(self, run_id: str) -> None:
        if run_id not in self._queue:
            return
        if await asyncio.to_thread(parting, Path(self.rows[run_id].directory)):
            return
        if run_id not in self._queue:
            # Taken out while we looked.
            return
        self._queue.remove(run_id)
        row = changed(self.rows[run_id], state="running", started_ms=now_ms(), ended_ms=0)
        # Noted first: a hub that dies between the two finds the run and adopts it.
        await self._save(changed(row, message=""))
        try:
            secrets = self._secrets.pop(run_id, {})
            await asyncio.to_thread(spawn_supervisor, Path(row.directory), secrets=secrets)
        except RlhfError as error:
            if not await asyncio.to_thread(lives, row):
                failed = changed(row, state="failed", ended_ms=now_ms(), message=str(error))
                await self._save(failed)

    async def _save(self, row: RunRow) -> None:
        self.rows[row.run_id] = row
        await self._hub.writer.do(save_run, self._hub.store, row)
