"""The hub's client for programs with an event loop, which must never wait: the TUI.

A connection that breaks is made again in the background. Judgements made meanwhile go to a spool
on this machine's disk, and from there to the hub, in their order, as soon as it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, cast

from rlhf_tui import __version__
from rlhf_tui.config.file_names import own_name
from rlhf_tui.errors import Denied, HubError, RlhfError
from rlhf_tui.hub import wire
from rlhf_tui.hub.autostart import PATIENCE_S, away
from rlhf_tui.hub.client import ONCE, ConnectionLost
from rlhf_tui.hub.early import EarlyStart
from rlhf_tui.hub.line import HubLine
from rlhf_tui.hub.messages import (
    PROTOCOL,
    Answer,
    AnyRequest,
    Failure,
    Hello,
    Request,
    Submit,
    Submitted,
    Welcome,
)
from rlhf_tui.hub.spool import Spool, spool_path
from rlhf_tui.records import Event
from rlhf_tui.workspace import Workspace

A = TypeVar("A", bound=Answer)

AGAIN_S = 0.05
"""Before a request is repeated on what may still be the broken connection."""
RETRY_S = 1.0
"""Between two tries to find the hub again, and to send what is spooled."""
SAVE_S = 8.0
"""A save that takes longer goes to the spool as well: the person goes on, and the hub answers
the later copy with 'duplicate'."""
REPLAYED_AT_A_TIME = 100


class AsyncHub:
    """A connection to a workspace's hub for one event loop.

    Attributes:
        connected: whether the hub can be asked now.
        unsent: task of each event that lies on this machine's disk until the hub is back.
        trouble: why the hub took nothing when it was last asked to, or why there is none, as a
            sentence; empty once it has taken all.
        on_change: called with "connected", "away" or "replayed".
        welcome: who this connection is to the hub; None before `start`.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        client: str = "tui",
        as_name: str | None = None,
        early: EarlyStart | None = None,
    ) -> None:
        """
        Args:
            early: a connection that is being made already, for the same person.
        """
        self.workspace = workspace
        self.connected = False
        self.unsent: dict[str, str] = {}
        self.trouble = ""
        self.on_change: Callable[[str], None] | None = None
        self.welcome: Welcome | None = None
        self._as_name = as_name
        hello = Hello(protocol=PROTOCOL, version=__version__, client=client, as_name=as_name)
        self._line = HubLine(workspace, hello, self._broken, early)
        self._there = asyncio.Event()
        self._spool: Spool | None = None
        self._in_order = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._refusal: RlhfError | None = None

    @property
    def spooled(self) -> int:
        """Events that lie on this machine's disk until the hub is back."""
        return len(self.unsent)

    async def start(self) -> None:
        """Connect, starting the hub when needed, and send what was spooled before.

        Raises:
            HubError: the hub cannot be reached or started, or is of another version.
            Denied: this user may not act under this name.
        """
        reading = await self._connect()
        await self._catch_up()
        self._keeper = asyncio.create_task(self._keep(reading))

    async def close(self) -> None:
        """Leave the hub; what is spooled stays spooled."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        await self._hang_up()

    async def call(self, request: Request, answer: type[A]) -> A:
        """Ask the hub; waits up to ten seconds for one that is away, or that is catching up.

        Nothing is asked before what was spooled has been sent: the hub would hand out again what
        it does not know to be judged.

        Raises:
            RlhfError: the hub refused, as the error that it is.
            HubError: the hub stays away.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._there.wait()
            except TimeoutError:
                raise self._refusal or ConnectionLost(away(self.workspace)) from None
            try:
                known = self._line.known(request)
                received = known or await self._line.exchange(cast(AnyRequest, request))
                break
            except ConnectionLost:
                if isinstance(request, ONCE) or asyncio.get_running_loop().time() > deadline:
                    raise
                # A connection whose own end is closing fails at once, again and again; the loop
                # has to run for the reader to see its end and clear the way to a new one.
                await asyncio.sleep(AGAIN_S)
        if isinstance(received, Failure):
            raise wire.error_of(received)
        if not isinstance(received, answer):
            raise HubError(f"The hub answered {type(received).__name__} to {request!r}.")
        return received

    async def submit(self, event: Event) -> Literal["saved", "spooled"]:
        """Make an event durable: in the store, or in the spool while the hub is away.

        Raises:
            InputError: the hub says that the event is not possible.
            HubError: neither the hub nor this disk could take it.
        """
        async with self._in_order:
            # While older events wait, newer ones must not overtake them.
            if self.connected and not self.spooled:
                try:
                    async with asyncio.timeout(SAVE_S):
                        await self._send([event])
                    self.trouble = ""
                    return "saved"
                except (ConnectionLost, TimeoutError):
                    pass
                except HubError as error:
                    if isinstance(error, Denied):
                        raise
                    # The hub is there but cannot save: a full disk, say.
                    self.trouble = str(error)
            lying = await asyncio.to_thread(self._spool_of().append, event)
            self.unsent = _tasks(lying)
            return "spooled"

    # --- the connection -----------------------------------------------------------------------

    async def _connect(self) -> asyncio.Task[None]:
        """Connect and greet; returns the task that reads answers until the connection ends."""
        self.welcome, reading = await self._line.open()
        self._refusal = None
        async with self._in_order:
            # A disk that cannot be read now says nothing new of what lies there.
            with contextlib.suppress(OSError):
                self.unsent = _tasks(await asyncio.to_thread(self._spool_of().read))
            if not self.unsent:
                self.trouble = ""
        # The connection may have ended meanwhile, which the reader has noted then.
        self.connected = not reading.done()
        return reading

    def _broken(self, said: RlhfError | None) -> None:
        self._refusal = said
        self.connected = False
        self._there.clear()

    async def _hang_up(self) -> None:
        self.connected = False
        self._there.clear()
        await self._line.hang_up()

    async def _keep(self, reading: asyncio.Task[None]) -> None:
        """Until cancelled: find the hub again whenever it goes, and send what was spooled."""
        try:
            while True:
                # Wakes now and then for what was spooled although the hub is there.
                await asyncio.wait({reading}, timeout=RETRY_S)
                if reading.done():
                    await self._hang_up()
                    self._tell("away")
                    reading = await self._find_again()
                    self._tell("connected")
                await self._catch_up()
        finally:
            reading.cancel()

    async def _catch_up(self) -> None:
        """Send what is spooled, then let questions through, whether all of it was taken or not."""
        await self._replay()
        if self.connected:
            self._there.set()

    async def _find_again(self) -> asyncio.Task[None]:
        while True:
            try:
                return await self._connect()
            except RlhfError as error:
                self._refusal = error
            except OSError as error:
                # The workspace was taken away, or there are no processes left: it may come back.
                self._refusal = HubError(f"The hub cannot be reached: {error.strerror}.")
            if self.trouble != str(self._refusal):
                self.trouble = str(self._refusal)
                self._tell("away")
            await asyncio.sleep(RETRY_S)

    def _tell(self, change: str) -> None:
        if self.on_change is not None:
            self.on_change(change)

    # --- the spool ----------------------------------------------------------------------------

    def _spool_of(self) -> Spool:
        if self._spool is None:
            name = self.welcome.annotator if self.welcome else self._as_name
            self._spool = Spool(spool_path(self.workspace, name or own_name()))
        return self._spool

    async def _send(self, events: Sequence[Event]) -> None:
        received = await self._line.exchange(Submit(events=list(events)))
        if isinstance(received, Failure):
            raise wire.error_of(received)
        if not isinstance(received, Submitted):
            raise HubError(f"The hub answered {type(received).__name__} to Submit.")

    async def _replay(self) -> None:
        """Send what is spooled, in order; what the hub refuses for good is set aside."""
        if not self.spooled or not self.connected:
            return
        spool = self._spool_of()
        sent: list[Event] = []
        refused: list[Event] = []
        # On ConnectionLost, a hub that cannot save now or a spool that this disk cannot change:
        # the rest waits for the next time, and the hub answers 'duplicate' to what it has.
        with contextlib.suppress(HubError, OSError):
            events = await asyncio.to_thread(spool.read)
            # Not under the lock: a hub that hangs must not keep new events from the spool, and
            # they go nowhere else while older ones wait.
            try:
                for start in range(0, len(events), REPLAYED_AT_A_TIME):
                    batch = events[start : start + REPLAYED_AT_A_TIME]
                    refused += await self._send_each(batch)
                    sent += batch
            except ConnectionLost:
                pass
            except HubError as error:
                self.trouble = str(error)
            async with self._in_order:
                # What another program of the same person sent is gone without being in `sent`.
                left = spool.forget if sent else lambda *_: spool.read()
                self.unsent = _tasks(await asyncio.to_thread(left, sent, refused))
        if not self.unsent:
            self.trouble = ""
            self._tell("replayed")

    async def _send_each(self, events: Sequence[Event]) -> list[Event]:
        """Send a batch; when the hub refuses it, one by one. Returns what it refuses for good."""
        try:
            await self._send(events)
        except HubError:
            raise
        except RlhfError:
            if len(events) == 1:
                return list(events)
            return [refused for event in events for refused in await self._send_each([event])]
        return []


def _tasks(events: Sequence[Event]) -> dict[str, str]:
    return {event.event_id: event.task_id for event in events}
