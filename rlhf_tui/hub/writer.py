"""The one thread that writes: drains a queue, makes one commit of many requests, then answers.

A commit costs the same for one event as for two hundred, so that forty people who save at once
wait for one or two commits and not for forty.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.records import Event
from rlhf_tui.store.database import Store, StoreUnsure
from rlhf_tui.store.log import Outcome, append

T = TypeVar("T")

LARGEST_BATCH = 256
"""Requests in one commit: beyond it the wait of the first one grows and nothing is gained."""


class _Append:
    """Events of one request, waiting for their commit."""

    def __init__(self, events: Sequence[Event], answer: asyncio.Future[list[Outcome]]) -> None:
        self.events = events
        self.answer = answer


class _Work:
    """Any other write; it makes its own transaction."""

    def __init__(self, work: Callable[[], Any], answer: asyncio.Future[Any]) -> None:
        self.work = work
        self.answer = answer


class Writer:
    """Writes to the store in the order in which they were asked for, from the event loop.

    Every method is called on the loop's thread; the answers arrive there when the commit is
    durable.
    """

    def __init__(self, store: Store, on_trouble: Callable[[BaseException], None]) -> None:
        """
        Args:
            on_trouble: called on the loop when what is in memory may no longer be what is in
                the store: a save that failed, or one of unknown outcome.
        """
        self._store = store
        self._on_trouble = on_trouble
        self._queue: queue.SimpleQueue[_Append | _Work | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def append(self, events: Sequence[Event]) -> asyncio.Future[list[Outcome]]:
        """Store events; the future holds what became of each, once durable."""
        answer: asyncio.Future[list[Outcome]] = self._loop.create_future()
        self._queue.put(_Append(events, answer))
        return answer

    def do(self, work: Callable[..., T], *arguments: Any, **named: Any) -> asyncio.Future[T]:
        """Run another of the store's writing functions on the writer's thread."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Work(lambda: work(*arguments, **named), answer))
        return answer

    async def close(self) -> None:
        """Finish what was asked for, and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        ended = False
        try:
            self._drain()
            ended = True
        finally:
            # An error of our own: nobody may wait for ever for an answer that cannot come.
            if not ended:
                error = HubError("The hub's writer ended unexpectedly; hub.log says more.")
                self._call(self._on_trouble, error)

    def _drain(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < LARGEST_BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            appends: list[_Append] = []
            for job in batch:
                if isinstance(job, _Append):
                    appends.append(job)
                    continue
                self._append(appends)
                appends = []
                if job is None:
                    return
                self._work(job)
            self._append(appends)

    def _append(self, jobs: list[_Append]) -> None:
        if not jobs:
            return
        try:
            outcomes = append(self._store, [event for job in jobs for event in job.events])
        except StoreUnsure as error:
            self._fail(jobs, error)
            return
        except RlhfError as error:
            # Nothing was stored. One request may be what the store cannot take: the others
            # must not suffer from having been saved together with it.
            if len(jobs) == 1:
                self._fail(jobs, error)
            else:
                for job in jobs:
                    self._append([job])
            return
        place = 0
        for job in jobs:
            mine = outcomes[place : place + len(job.events)]
            place += len(job.events)
            self._answer(job.answer, mine)

    def _work(self, job: _Work) -> None:
        try:
            result = job.work()
        except StoreUnsure as error:
            self._fail([job], error)
        except RlhfError as error:
            self._call(_set_error, job.answer, error)
        else:
            self._answer(job.answer, result)

    def _fail(self, jobs: Sequence[_Append | _Work], error: RlhfError) -> None:
        for job in jobs:
            self._call(_set_error, job.answer, error)
        self._call(self._on_trouble, error)

    def _answer(self, answer: asyncio.Future[Any], result: Any) -> None:
        self._call(_set_result, answer, result)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)


def _set_result(answer: asyncio.Future[Any], result: Any) -> None:
    if not answer.done():
        answer.set_result(result)


def _set_error(answer: asyncio.Future[Any], error: RlhfError) -> None:
    if not answer.done():
        answer.set_exception(error)
