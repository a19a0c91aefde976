"""The statistics as the hub has them: worked out by a process beside it, kept, and shared.

The hub writes the current judgements without their texts, a niced process works out the figures,
and whoever asks meanwhile waits for the same ones.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rlhf_tui.errors import HubError
from rlhf_tui.evaluation.report import Report
from rlhf_tui.evaluation.worked import FACTS, JUDGEMENTS, WORKED, Facts, Worked
from rlhf_tui.evaluation.worker_process import ONE_THREAD
from rlhf_tui.records import TaskKind
from rlhf_tui.store.judged import write_judged

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

log = logging.getLogger("rlhf_tui.hub")

PROGRAM = ("-P", "-m", "rlhf_tui.evaluation.statistics")
"""-P: a pandas.py in the working directory is not meant."""
LIMIT_S = 300.0
"""320,000 rankings of four take 12 s on two cores; who waits longer than this has given up."""
UNCHANGED_S = 60.0
"""Figures of a log that has not grown are worked out anew after it: known answers may have been
given or taken away, and 'lately' moves on."""


class Mark(NamedTuple):
    """How far store had come."""

    next_seq: int
    next_task: int

    def covers(self, other: Mark) -> bool:
        return self.next_seq >= other.next_seq and self.next_task >= other.next_task


class Kept(NamedTuple):
    """Figures, what they rest on, and when they were begun (seconds of the loop's clock)."""

    worked: Worked
    mark: Mark
    begun: float


class Figures:
    """The figures of one workspace, by kind of task; used on the event loop's thread."""

    def __init__(self, hub: Hub, program: tuple[str, ...] = PROGRAM) -> None:
        self._hub = hub
        self._program = program
        self._kept: dict[TaskKind, Kept] = {}
        self._under_way: dict[TaskKind, asyncio.Task[Kept]] = {}
        self.computations = 0
        """Processes started so far."""

    def _mark(self) -> Mark:
        store = self._hub.store
        return Mark(store.next_seq, store.next_position["tasks"])

    async def of(self, kind: TaskKind, max_age_s: float) -> Worked:
        """The figures of a kind.

        Args:
            max_age_s: figures begun less long ago will do, though people have judged since; with
                0 they cover all that was stored before the call.

        Raises:
            HubError: they could not be worked out.
        """
        asked = self._mark()
        loop = asyncio.get_running_loop()
        while True:
            kept = self._kept.get(kind)
            if kept is not None:
                age = loop.time() - kept.begun
                if age < (UNCHANGED_S if kept.mark.covers(asked) else max_age_s):
                    return kept.worked
            under_way = self._under_way.get(kind)
            if under_way is None:
                under_way = asyncio.create_task(self._work_out(kind))
                self._under_way[kind] = under_way
                under_way.add_done_callback(lambda task: self._ended(kind, task))
            # Shielded: one who goes away does not take the figures from the others.
            kept = await asyncio.shield(under_way)
            if max_age_s > 0 or kept.mark.covers(asked):
                return kept.worked

    def _ended(self, kind: TaskKind, task: asyncio.Task[Kept]) -> None:
        del self._under_way[kind]
        if not task.cancelled() and task.exception() is not None:
            # Told to those who wait; looked at here, too, for when nobody does any more.
            log.error("statistics of %s: %s", kind, task.exception())

    async def _work_out(self, kind: TaskKind) -> Kept:
        loop = asyncio.get_running_loop()
        mark, begun = self._mark(), loop.time()
        try:
            worked = await self._worked(kind)
        except OSError as error:
            raise HubError(
                f"The statistics could not be worked out: {error.strerror or error}.",
                hint=f"Is there room on the disk of {self._hub.workspace.exports}?",
            ) from error
        self._kept[kind] = kept = Kept(worked, mark, begun)
        log.info("statistics of %s in %.1f s", kind, loop.time() - begun)
        return kept

    async def _worked(self, kind: TaskKind) -> Worked:
        place = self._hub.workspace.exports / ".fetching"  # cleared when a hub starts
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="statistics-", dir=place) as name:
            directory = Path(name)
            facts = await self._hub.read_at_length(write_judged, directory / JUDGEMENTS, kind)
            if not facts.judgements:
                return Worked(nothing_judged(facts), {})
            (directory / FACTS).write_bytes(msgspec.json.encode(facts))
            await self._run(directory)
            return msgspec.json.decode((directory / WORKED).read_bytes(), type=Worked)

    async def _run(self, directory: Path) -> None:
        self.computations += 1
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self._program,
            str(directory),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **ONE_THREAD},
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                _, said = await process.communicate()
        except TimeoutError:
            raise HubError(
                f"The statistics were not worked out within {LIMIT_S:.0f} s.",
                hint="Try again when the machine has less to do.",
            ) from None
        finally:
            # Also when the hub leaves: nobody would read the figures.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            log.error("statistics: %s", "\n".join(lines[-20:]))
            ended = f"signal {-process.returncode}" if process.returncode < 0 else lines[-1:]
            raise HubError(
                f"The statistics could not be worked out ({''.join(ended) or 'no reason given'}).",
                hint=f"{self._hub.workspace.hub_log} says more.",
            )


def nothing_judged(facts: Facts) -> Report:
    """What can be told without a judgement."""
    return Report(
        kind=facts.kind,
        tasks=facts.tasks,
        wanted=facts.wanted,
        remaining=facts.remaining,
        computed_ms=facts.now_ms,
    )
