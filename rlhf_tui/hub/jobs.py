"""Background runs: the queue of each device, following what runs, and adopting it after a restart.

A run's own directory is the truth about it while it is alive; the store keeps a row of it. A run
counts as ended only once everything that it wrote has been taken in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.hub.arrivals import Intake
from rlhf_tui.hub.devices import overlap
from rlhf_tui.hub.queue_order import Waiting, in_order, places
from rlhf_tui.hub.removal import finish_deletions
from rlhf_tui.hub.rows import (
    ALIVE,
    ENDED,
    changed,
    clear_unfinished,
    device_of,
    find,
    lives,
    never_started,
    new_directory,
    now_ms,
    parting,
    times,
    without_keys,
)
from rlhf_tui.runs.launch import request_stop, spawn_supervisor
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.state import describe
from rlhf_tui.runs.taking_over import take_over
from rlhf_tui.store.read import deleted_runs
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
        self.deleted: set[str] = set()
        """Ids that no run gets again."""
        self._devices: dict[str, str] = {}
        self._queue: list[str] = []
        """Run ids; `_waiting` says which starts first."""
        self._secrets: dict[str, dict[str, str]] = {}
        """Run id → the keys that its worker gets; here alone, so that a restart forgets them."""
        self._elsewhere: set[str] = set()
        """Runs of other machines, which take no device of this one."""
        self._intake = Intake(hub)
        self.lock = asyncio.Lock()
        """Held by whoever starts, ends or removes a run, or orders the queue."""
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
        return not self.is_elsewhere(row.run_id)

    def is_elsewhere(self, run_id: str) -> bool:
        """Whether a run is one of another machine, which can only be watched from here."""
        return run_id in self._elsewhere

    def queue_position(self, run_id: str) -> int:
        """1 is next on its device; 0 when not queued."""
        return self.queue_positions().get(run_id, 0)

    def queue_positions(self) -> dict[str, int]:
        """Run id → its place among those that wait for its device, from 1."""
        return places([run.run_id for run in self._waiting()], self._devices)

    def _waiting(self) -> list[Waiting]:
        """The queue in the order of its starts: by priority, then as they came."""
        rows = enumerate(self.rows[run_id] for run_id in self._queue)
        return in_order([Waiting(row.run_id, row.priority, (row.queued_ms, n)) for n, row in rows])

    def find(self, name: str) -> RunRow:
        """The run of this id or unique prefix, the `latest`, or the `current` policy's.

        Raises:
            UsageError: there is none, or more than one.
        """
        return find(name, self.rows, self.deleted)

    # --- what is asked for --------------------------------------------------------------------

    def new_directory(self, kind: RunKind) -> Path:
        """Make the directory of a new run; its name, the run's id, has not been used before."""
        return new_directory(self._hub.workspace.runs, kind, [*self.rows, *self.deleted])

    async def enqueue(self, row: RunRow, device: str, secrets: Mapping[str, str]) -> None:
        """Put a run behind the others of its device; it starts at once when none is there.

        Args:
            secrets: variables of its worker's environment that nobody writes down.
        """
        self._devices[row.run_id] = device
        self._secrets[row.run_id] = dict(secrets)
        # Before anything is waited for: a stop that comes meanwhile finds it here.
        # A clock that was set back puts nobody before those that are there.
        last = max((self.rows[run_id].queued_ms for run_id in self._queue), default=0)
        row = changed(row, queued_ms=max(now_ms(), last + 1))
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
        async with self.lock:
            row = self.find(row.run_id)
            if row.run_id in self._queue:
                self._queue.remove(row.run_id)
                self._secrets.pop(row.run_id, None)
                message = "Taken out of the queue."
                await self._change(row.run_id, state="stopped", ended_ms=now_ms(), message=message)
                return
            if row.state in ENDED:
                raise UsageError(f"{row.run_id} has ended already: it is {row.state}.")
            if await asyncio.to_thread(request_stop, Path(row.directory), force=force):
                await self._change(row.run_id, state="stopping")
        await self.turn()

    async def take_over(self, row: RunRow) -> RunRow:
        """End a run of another machine that will not come back.

        Raises:
            UsageError: it runs here, has ended, or its machine was heard of lately.
        """
        async with self.lock:
            await asyncio.to_thread(take_over, Path(row.directory))
            self._elsewhere.discard(row.run_id)
            await self._look(self.find(row.run_id))
            return self.find(row.run_id)

    def queue(self, run_id: str) -> tuple[list[Waiting], list[str]]:
        """The queue in order, and the ids of those in it that this run competes with, its own too.

        Raises:
            UsageError: it does not wait, or was deleted.
        """
        if run_id not in self._queue:
            state = self.find(run_id).state
            raise UsageError(f"{run_id} is {state}: only a queued run has a turn to wait for.")
        waiting, device = self._waiting(), self._devices.get(run_id, "cpu")
        ids = [run.run_id for run in waiting]
        return waiting, [one for one in ids if overlap(self._devices.get(one, "cpu"), device)]

    def forget(self, run_id: str) -> None:
        """Know a run that has ended no longer; nobody gets its id again."""
        self.rows.pop(run_id)
        self.deleted.add(run_id)
        for known in (self._devices, self._secrets):
            known.pop(run_id, None)

    def remember(self, row: RunRow) -> None:
        """Know a run again that was forgotten and could not be removed."""
        self.deleted.discard(row.run_id)
        rows = [*self.rows.values(), row]
        self.rows = {r.run_id: r for r in sorted(rows, key=lambda r: (r.created_ms, r.run_id))}

    async def edit(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Change fields of runs, by id: in the store, too, all or none.

        Raises:
            RlhfError: the store took none of it; they are then as before.
        """
        before = {
            run_id: {name: getattr(self.rows[run_id], name) for name in fields}
            for run_id, fields in changes.items()
        }
        try:
            await self._save(*(changed(self.rows[one], **new) for one, new in changes.items()))
        except RlhfError:
            for run_id, fields in before.items():
                if run_id in self.rows:
                    self.rows[run_id] = changed(self.rows[run_id], **fields)
            raise

    # --- following ----------------------------------------------------------------------------

    async def adopt(self) -> None:
        """Know the runs that the hub before knew, and go on with those that are not over."""
        await finish_deletions(self._hub)
        rows = await self._hub.read(stored_runs)
        self.rows = {row.run_id: row for row in rows}
        self.deleted = set(await self._hub.read(deleted_runs))
        await asyncio.to_thread(clear_unfinished, self._hub.workspace.runs, set(self.rows))
        for row in rows:
            if row.state in ENDED:
                continue
            self._devices[row.run_id] = await asyncio.to_thread(device_of, row)
            if row.state == "queued" or await asyncio.to_thread(never_started, row):
                self.rows[row.run_id] = changed(row, state="queued")
                told = await asyncio.to_thread(without_keys, row)
                if told:
                    stopped = {"state": "stopped", "ended_ms": now_ms(), "message": told}
                    await self._change(row.run_id, **stopped)
                else:
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
        async with self.lock:
            for row in [row for row in self.rows.values() if row.state in ALIVE]:
                await self._look(row)
            passed: list[str] = []
            for run_id in [run.run_id for run in self._waiting()]:
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
            await self._change(row.run_id, state="failed", ended_ms=now_ms(), message=str(error))
            return
        except OSError as error:
            # Too many open files, a network that is away: the run goes on whatever we can see.
            log.warning("%s: %s", row.run_id, error)
            return
        if facts.elsewhere:
            self._elsewhere.add(row.run_id)
        message = await self._intake.take(row)
        if message is None or facts.state == row.state or facts.state == "queued":
            return
        now: dict[str, Any] = {"state": facts.state, **times(facts)}
        if facts.state in ENDED:
            now["metrics"] = facts.status.metrics if facts.status else {}
            now["message"] = " ".join(part for part in (facts.message, message) if part)
            self._intake.forget(row.run_id)
        await self._change(row.run_id, **now)

    async def _start(self, run_id: str) -> None:
        if run_id not in self._queue:
            return
        if await asyncio.to_thread(parting, Path(self.rows[run_id].directory)):
            return
        if run_id not in self._queue:
            # Taken out while we looked.
            return
        self._queue.remove(run_id)
        row = self.rows[run_id]
        # Noted first: a hub that dies between the two finds the run and adopts it.
        await self._change(run_id, state="running", started_ms=now_ms(), ended_ms=0, message="")
        try:
            secrets = self._secrets.pop(run_id, {})
            await asyncio.to_thread(spawn_supervisor, Path(row.directory), secrets=secrets)
        except RlhfError as error:
            if not await asyncio.to_thread(lives, row):
                told = str(error)
                await self._change(run_id, state="failed", ended_ms=now_ms(), message=told)

    async def _change(self, run_id: str, **fields: Any) -> None:
        """Change fields of a run as it is now: others may have changed while one waited."""
        await self._save(changed(self.rows[run_id], **fields))

    async def _save(self, *rows: RunRow) -> None:
        self.rows.update((row.run_id, row) for row in rows)
        await self._hub.writer.do(save_run, self._hub.store, *rows)
