"""One connection to the hub on an event loop: opened, greeted, asked, and in the end broken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.hub import address, wire
from rlhf_tui.hub.autostart import PATIENCE_S, away, ensure_hub
from rlhf_tui.hub.client import ConnectionLost
from rlhf_tui.hub.early import EarlyStart
from rlhf_tui.hub.messages import (
    MAX_FRAME,
    Answer,
    AnyAnswer,
    AnyRequest,
    Failure,
    Hello,
    Request,
    Welcome,
)
from rlhf_tui.workspace import Workspace


class HubLine:
    """A connection that can be opened again after it broke."""

    def __init__(
        self,
        workspace: Workspace,
        hello: Hello,
        on_broken: Callable[[RlhfError | None], None],
        early: EarlyStart | None = None,
    ) -> None:
        """
        Args:
            on_broken: called once a connection has ended, with what the hub said last, if it did.
            early: a connection that is being made already; the first `open` takes it.
        """
        self.workspace = workspace
        self._hello = hello
        self._on_broken = on_broken
        self._early = early
        self._known: list[tuple[Request, Answer]] = []
        """What was asked on the early connection, until it is asked here."""
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[AnyAnswer]] = {}
        self._number = 0

    async def open(self) -> tuple[Welcome, asyncio.Task[None]]:
        """Connect and greet, starting the hub when needed.

        Returns:
            Who this is to the hub, and the task that reads until the connection ends.

        Raises:
            HubError: the hub cannot be reached or started, or is of another version.
            Denied: this user may not act under this name.
        """
        early, self._early = self._early, None
        found = await asyncio.to_thread(early.take) if early is not None else None
        if found is not None:
            reading = await self._on(found.connection)
            self._number, self._known = found.number, found.answers
            return found.welcome, reading
        await asyncio.to_thread(ensure_hub, self.workspace)
        try:
            connection = await asyncio.to_thread(address.connect, self.workspace.socket, PATIENCE_S)
        except OSError as error:
            raise ConnectionLost(away(self.workspace)) from error
        reading = await self._on(connection)
        try:
            return await self._greet(), reading
        except RlhfError:
            reading.cancel()
            await self.hang_up()
            raise

    async def _on(self, connection: socket.socket) -> asyncio.Task[None]:
        try:
            connection.setblocking(False)
            reader, self._writer = await asyncio.open_unix_connection(
                sock=connection, limit=MAX_FRAME
            )
        except OSError as error:
            raise ConnectionLost(away(self.workspace)) from error
        return asyncio.create_task(self._read(reader))

    async def _greet(self) -> Welcome:
        try:
            async with asyncio.timeout(PATIENCE_S):
                received = await self.exchange(self._hello)
        except TimeoutError:
            raise HubError(
                "The hub does not answer.", hint=f"{self.workspace.hub_log} may say why."
            ) from None
        if isinstance(received, Failure):
            raise wire.error_of(received)
        if not isinstance(received, Welcome):
            raise HubError("The hub did not greet back.")
        return received

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Hand answers to those who wait for them, until the hub hangs up."""
        said: RlhfError | None = None
        try:
            while (line := await wire.read_line(reader)) is not None:
                frame = wire.decode_answer(line)
                waiting = self._waiting.pop(frame.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame.body)
        except (OSError, HubError) as error:
            said = error if isinstance(error, RlhfError) else None
        finally:
            self._known = []
            self._on_broken(said)
            lost = ConnectionLost(away(self.workspace))
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(lost)
            self._waiting.clear()

    def known(self, request: Request) -> Answer | None:
        """The answer that the early connection has brought to this, once."""
        for index, (asked, answer) in enumerate(self._known):
            if asked == request:
                del self._known[index]
                return answer
        return None

    async def exchange(self, body: AnyRequest) -> AnyAnswer:
        """Send a request and wait for its answer.

        Raises:
            ConnectionLost: the connection is broken, or breaks meanwhile.
        """
        writer = self._writer
        if writer is None or writer.is_closing():
            raise ConnectionLost(away(self.workspace))
        self._number += 1
        answer: asyncio.Future[AnyAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        number = self._number
        try:
            writer.write(wire.request_line(number, body))
            await writer.drain()
            return await answer
        except OSError as error:
            raise ConnectionLost(away(self.workspace)) from error
        finally:
            self._waiting.pop(number, None)

    async def hang_up(self) -> None:
        """End the connection; harmless when repeated."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
