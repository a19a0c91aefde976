"""The blocking client of the hub: for shell commands, the demo and tests."""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import IO, Literal, TypeVar, cast

from rlhf_tui import __version__
from rlhf_tui.errors import HubError
from rlhf_tui.hub import address, wire
from rlhf_tui.hub.autostart import PATIENCE_S, RETRY_S, away, ensure_hub
from rlhf_tui.hub.messages import (
    MAX_FRAME,
    PROTOCOL,
    Answer,
    AnyRequest,
    DeleteRun,
    Failure,
    Hello,
    Launch,
    MoveRun,
    Request,
    ResumeRun,
    Shutdown,
    Welcome,
)
from rlhf_tui.workspace import Workspace

A = TypeVar("A", bound=Answer)

ONCE: tuple[type[Request], ...] = (DeleteRun, Launch, MoveRun, ResumeRun, Shutdown)
"""Requests that do something a second time when they are repeated."""


class ConnectionLost(HubError):
    """The hub went away between a request and its answer."""


class HubClient:
    """One connection to a workspace's hub, which is started when needed; for one thread.

    A connection that breaks is made again, and a request that can be repeated is, for up to ten
    seconds.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        client: str = "cli",
        as_name: str | None = None,
        as_kind: Literal["human", "ai"] = "human",
        autostart: bool = True,
    ) -> None:
        """Connect.

        Raises:
            HubError: the hub cannot be reached or started, or is of another version.
            Denied: this user may not act as `as_name`.
        """
        self.workspace = workspace
        self._hello = Hello(
            protocol=PROTOCOL,
            version=__version__,
            client=client,
            as_name=as_name,
            as_kind=as_kind,
        )
        self._autostart = autostart
        self._socket: socket.socket | None = None
        self._reader: IO[bytes] | None = None
        self._number = 0
        self._patiently()

    @property
    def welcome(self) -> Welcome:
        """Who this connection is to the hub."""
        return self._welcome

    def call(self, request: Request, answer: type[A]) -> A:
        """Send a request and wait for its answer.

        Raises:
            RlhfError: the hub's refusal, as the error that it is (Denied, UsageError …).
            HubError: the hub is away for more than ten seconds, or answered something else.
        """
        body = cast(AnyRequest, request)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                if self._socket is None:
                    self._patiently()
                received = self._exchange(body)
                break
            except ConnectionLost:
                self.close()
                if isinstance(request, ONCE) or time.monotonic() > deadline:
                    raise
        if isinstance(received, Failure):
            if received.fatal:
                self.close()
            raise wire.error_of(received)
        if not isinstance(received, answer):
            raise HubError(
                f"The hub answered {type(received).__name__} to {type(request).__name__}.",
                hint="Stop it with 'rlhf-tui hub stop' and try again.",
            )
        return received

    def close(self) -> None:
        """Leave the hub; harmless when repeated."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def detach(self) -> tuple[socket.socket, int]:
        """Hand the connection over: the socket, and the number of the last request on it."""
        if self._socket is None or self._reader is None:
            raise ConnectionLost(away(self.workspace))
        # Every answer was read to its end: nothing is left in the reader.
        self._reader.close()
        connection, self._socket, self._reader = self._socket, None, None
        return connection, self._number

    def __enter__(self) -> HubClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _patiently(self) -> None:
        """Connect, again and again while a hub is on its way up or down."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._connect()
                return
            except ConnectionLost:
                self.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S)

    def _connect(self) -> None:
        if self._autostart:
            ensure_hub(self.workspace)
        try:
            self._socket = address.connect(self.workspace.socket, PATIENCE_S)
        except OSError as error:
            if self._autostart:
                raise ConnectionLost(away(self.workspace)) from error
            raise HubError(
                f"The hub of {self.workspace.root} does not run.",
                hint="Start it with: rlhf-tui hub start",
            ) from error
        self._reader = self._socket.makefile("rb")
        try:
            self._welcome = self._greet()
        except BaseException:
            self.close()
            raise
        # From here on answers may take their time: an export, or a snapshot for a launch.
        self._socket.settimeout(None)

    def _greet(self) -> Welcome:
        received = self._exchange(self._hello)
        if isinstance(received, Failure):
            raise wire.error_of(received)
        if not isinstance(received, Welcome):
            raise HubError("The hub did not greet back.")
        return received

    def _exchange(self, body: AnyRequest) -> Answer:
        assert self._socket is not None
        assert self._reader is not None
        self._number += 1
        line = wire.request_line(self._number, body)
        try:
            self._socket.sendall(line)
            while True:
                received = self._reader.readline(MAX_FRAME + 1)
                if not received.endswith(b"\n"):
                    raise ConnectionLost(away(self.workspace))
                frame = wire.decode_answer(received)
                # Number 0 answers what the hub could not read at all.
                if frame.id in (self._number, 0):
                    return frame.body
        except TimeoutError as error:
            raise HubError(
                "The hub does not answer.", hint=f"{self.workspace.hub_log} may say why."
            ) from error
        except OSError as error:
            raise ConnectionLost(away(self.workspace)) from error
