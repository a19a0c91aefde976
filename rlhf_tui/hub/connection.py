"""Connections: greets a client, checks its role, sends each message to what answers it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import msgspec

from rlhf_tui import __version__
from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.hub import (
    admin,
    control,
    history,
    intake,
    labelling,
    launching,
    output,
    previewing,
    review,
    statistics,
    wire,
)
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity, allow, identify
from rlhf_tui.hub.messages import (
    MAX_FRAME,
    PROTOCOL,
    AnyAnswer,
    AnyRequest,
    Hello,
    RequestFrame,
    Welcome,
)
from rlhf_tui.records import Annotator
from rlhf_tui.store.write import save_annotators

Handler = Callable[[Hub, Identity, Any], Awaitable[AnyAnswer]]

log = logging.getLogger("rlhf_tui.hub")

HANDLERS: dict[type[AnyRequest], Handler] = {
    **labelling.HANDLERS,
    **intake.HANDLERS,
    **output.HANDLERS,
    **launching.HANDLERS,
    **previewing.HANDLERS,
    **control.HANDLERS,
    **history.HANDLERS,
    **review.HANDLERS,
    **statistics.HANDLERS,
    **admin.HANDLERS,
}
"""Message type → what answers it; the role is checked before."""

IN_FLIGHT = 16
"""Requests of one connection that are worked on at a time; further ones wait in the socket."""

GREETING_S = 60.0
"""A connection that has not said Hello by then is closed; a busy machine needs some seconds."""
PARTING_S = 5.0
"""How long the end of a connection waits for a client to take its answers."""

_numbers = itertools.count(1)

_unanswered = set(get_args(AnyRequest)) - set(HANDLERS) - {Hello}
if _unanswered:
    raise AssertionError(f"messages without a handler: {_unanswered}")


class Connection:
    """One client, from Hello to its end."""

    def __init__(
        self, hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.hub = hub
        self.number = next(_numbers)
        self.reader = reader
        self.writer = writer
        self.slots = asyncio.Semaphore(IN_FLIGHT)
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Answer until the client goes."""
        counted = False
        try:
            async with asyncio.timeout(GREETING_S):
                identity = await self.greet()
            if identity is None:
                return
            identity = msgspec.structs.replace(identity, connection=self.number)
            self.hub.clients += 1
            counted = True
            while (line := await wire.read_line(self.reader)) is not None:
                await self.slots.acquire()
                task = asyncio.create_task(self.answer(identity, line))
                self.tasks.add(task)
                task.add_done_callback(self._answered)
        except wire.BadFrame as error:
            await self.send(error.frame_id, wire.failure(error, fatal=True))
        except (ConnectionError, TimeoutError):
            return
        finally:
            self.hub.clients -= counted
            self.hub.shown.forget(self.number)
            await self._part()

    async def _part(self) -> None:
        """Finish what was begun, but for no client that does not read its answers."""
        if self.tasks:
            _, unread = await asyncio.wait(self.tasks, timeout=PARTING_S)
            for task in unread:
                task.cancel()
        self.writer.close()
        try:
            async with asyncio.timeout(PARTING_S):
                await self.writer.wait_closed()
        except (ConnectionError, TimeoutError):
            self.writer.transport.abort()

    def _answered(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.slots.release()

    async def greet(self) -> Identity | None:
        """Read Hello; None when the connection was refused, which has been answered."""
        line = await wire.read_line(self.reader)
        if line is None:
            return None
        number = 0
        try:
            number = wire.decode_first(line).id
            check_version(line)
            frame = wire.decode_request(line)
            if not isinstance(frame.body, Hello):
                raise HubError("A connection begins with Hello.")
            connection: socket.socket = self.writer.get_extra_info("socket")
            _, uid = wire.credentials(connection)
            self.hub.refresh_settings()
            identity = identify(uid, self.hub.owner, frame.body, self.hub.settings.label.reviewers)
            await enter(self.hub, identity)
        except RlhfError as error:
            await self.send(number, wire.failure(error, fatal=True))
            return None
        welcome = Welcome(
            version=__version__,
            workspace=str(self.hub.workspace.root),
            annotator=identity.annotator,
            role=identity.role,
            pid=os.getpid(),
        )
        await self.send(number, welcome)
        return identity

    async def answer(self, identity: Identity, line: bytes) -> None:
        """Answer one line, whatever it is."""
        number = 0
        try:
            frame = wire.decode_request(line)
            number = frame.id
            body = await self.handle(identity, frame)
        except wire.BadFrame as error:
            number, body = error.frame_id, wire.failure(error)
        except RlhfError as error:
            body = wire.failure(error)
        with contextlib.suppress(ConnectionError):
            await self.send(number, body)

    async def handle(self, identity: Identity, frame: RequestFrame) -> AnyAnswer:
        """
        Raises:
            RlhfError: refused or failed; an error of our own is logged and told as HubError.
        """
        request = frame.body
        if isinstance(request, Hello):
            raise HubError("This connection has said Hello already.")
        allow(identity, request)
        work = asyncio.ensure_future(HANDLERS[type(request)](self.hub, identity, request))
        await asyncio.wait({work})
        error = work.exception()
        if error is None:
            return work.result()
        if isinstance(error, RlhfError):
            raise error
        log.error("%s failed", type(request).__name__, exc_info=error)
        raise HubError(
            f"The hub failed at {type(request).__name__} ({type(error).__name__}).",
            hint=f"{self.hub.workspace.hub_log} says more.",
        )

    async def send(self, number: int, body: AnyAnswer) -> None:
        self.writer.write(wire.answer_line(number, body))
        await self.writer.drain()


def check_version(line: bytes) -> None:
    """
    Raises:
        HubError: the client speaks another version of the protocol.
    """
    first = wire.decode_first(line).body
    if first.type == "Hello" and first.protocol != PROTOCOL:
        raise HubError(
            f"The hub of this workspace is rlhf-tui {__version__} (protocol {PROTOCOL}); "
            f"this program is {first.version} (protocol {first.protocol}).",
            hint="Close the other programs, give 'rlhf-tui hub stop', and try again.",
        )


async def enter(hub: Hub, identity: Identity) -> None:
    """Enter an annotator that is new.

    Raises:
        HubError: the name is known as another kind of annotator.
    """
    known = hub.store.annotators.get(identity.annotator)
    if known == identity.kind:
        return
    if known is not None and identity.uid == hub.owner and identity.kind == "human":
        # The owner's plain --as NAME reaches an annotator of either kind.
        return
    if known is not None:
        raise HubError(
            f"{identity.annotator!r} is a {known} annotator here.",
            hint="Give the simulated one another name.",
        )
    await hub.writer.do(save_annotators, hub.store, [Annotator(identity.annotator, identity.kind)])


async def listen(hub: Hub, listener: socket.socket) -> None:
    """Serve connections until the hub leaves, then end them and answer what was begun."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        await Connection(hub, reader, writer).serve()

    server = await asyncio.start_unix_server(connected, sock=listener, limit=MAX_FRAME)
    try:
        await hub.leaving.wait()
    finally:
        server.close()
        for task in connections:
            task.cancel()
        if connections:
            await asyncio.wait(connections)
