"""What the hub holds in memory: the store, its writer, the scheduler, and who is connected."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rlhf_tui.config.settings import Settings
from rlhf_tui.hub.disputing import Disputes
from rlhf_tui.hub.figures import Figures
from rlhf_tui.hub.guidelines import NONE, Known
from rlhf_tui.hub.informing import Informing
from rlhf_tui.hub.live import LiveSettings
from rlhf_tui.hub.recovery import build_scheduler
from rlhf_tui.hub.selection import plan_of
from rlhf_tui.hub.shown import Shown
from rlhf_tui.hub.writer import Writer
from rlhf_tui.records import Task, TaskKind
from rlhf_tui.store.database import Store
from rlhf_tui.workspace import Workspace

if TYPE_CHECKING:
    from rlhf_tui.hub.jobs import Jobs

T = TypeVar("T")

log = logging.getLogger("rlhf_tui.hub")

READERS = 3
"""Threads for reads that people wait for."""
LONG_READERS = 2
"""Threads for reads that take seconds, which must not hold up the people who label."""

MOST_REMEMBERED = 20_000
"""Tasks: some 10 MB."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Hub:
    """One workspace's hub; made and used on the event loop's thread.

    Attributes:
        leaving: set when the hub is to end.
        trouble: why, if not in good order; it then leaves without further writes.
        clients: connections that have said Hello.
        exports: export id → file, until the hub ends.
        recent_tasks: tasks that were leased lately, to check judgements of them without a read.
        shown: what each connection has before it.
        on_their_way: ids of events that wait for their commit.
        figures: the statistics.
        disputes: what people disagree on.
        informing: keeps the order by information up with the scores.
        before_today: annotator → (midnight, judgements older than it by kind).
        guidelines: as last read from their file.
    """

    jobs: Jobs

    def __init__(self, workspace: Workspace, settings: Settings, store: Store) -> None:
        self.workspace = workspace
        self._live = LiveSettings(workspace, settings)
        self.store = store
        self.owner = workspace.root.stat().st_uid
        self.started_ms = now_ms()
        self.leaving = asyncio.Event()
        self.trouble: BaseException | None = None
        self.clients = 0
        self.exports: dict[str, Path] = {}
        self.recent_tasks: dict[str, Task] = {}
        self.shown = Shown()
        self.on_their_way: set[str] = set()
        self.before_today: dict[str, tuple[int, dict[TaskKind, int]]] = {}
        self.figures = Figures(self)
        self.disputes = Disputes(self)
        self.guidelines: Known = NONE
        self.writer = Writer(store, self.fail)
        self.scheduler = build_scheduler(
            store, settings.label.lease_minutes * 60_000, now_ms(), plan_of(settings)
        )
        self.informing = Informing(self)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._long_readers = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="long-reader")

    @property
    def settings(self) -> Settings:
        """As they are now: [label] follows rlhf.toml."""
        return self._live.now

    @property
    def settings_trouble(self) -> str:
        """Why rlhf.toml as it is now is not followed; empty when it is."""
        return self._live.trouble

    def refresh_settings(self) -> None:
        """Follow rlhf.toml, if it has changed and can be used."""
        if self._live.refresh():
            self.scheduler.lease_ms = self.settings.label.lease_minutes * 60_000
            self.scheduler.arrange(plan_of(self.settings))
            self.informing.tell()

    async def read(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run one of the store's reading functions in a thread; it gets the store first.

        For those that take a second at most; the others go `at_length`.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._readers, lambda: function(self.store, *arguments, **named)
        )

    async def read_at_length(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """`read` for what goes through much of the store: exports, snapshots, a backup. A few
        of these are at work at a time, and further ones wait for them."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._long_readers, lambda: function(self.store, *arguments, **named)
        )

    def remember_tasks(self, tasks: Iterable[Task]) -> None:
        if len(self.recent_tasks) > MOST_REMEMBERED:
            self.recent_tasks.clear()
        self.recent_tasks.update((task.task_id, task) for task in tasks)

    def leave(self) -> None:
        """End in good order."""
        self.leaving.set()

    def fail(self, error: BaseException) -> None:
        """End because memory and store may differ; the next client starts a hub that rereads."""
        log.error("leaving: %s", error)
        self.trouble = self.trouble or error
        self.leaving.set()

    async def close(self) -> None:
        """Finish the writes that were asked for, and the reads.

        The store stays open, and with it the gate: whoever opened it closes it, after the
        socket is gone, which would be another hub's as soon as the gate is free.
        """
        await self.informing.close()
        await self.writer.close()
        for readers in (self._readers, self._long_readers):
            readers.shutdown(wait=True, cancel_futures=True)
