"""What a screen needs of the hub: the interface of hub.aio.AsyncHub, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeVar

from rlhf_tui.hub.messages import Answer, Request, Welcome
from rlhf_tui.records import Event

A = TypeVar("A", bound=Answer)
Change = Literal["connected", "away", "replayed"]


class Link(Protocol):
    """A connection to the hub that finds its way back by itself."""

    on_change: Callable[[str], None] | None
    """Called with a `Change`."""

    @property
    def connected(self) -> bool: ...

    @property
    def welcome(self) -> Welcome | None:
        """Who the person is to the hub; None before `start`."""
        ...

    @property
    def unsent(self) -> Mapping[str, str]:
        """Task of each event that lies on this machine's disk until the hub is back.

        The hub knows nothing of these: it must be told not to hand the tasks out again.
        """
        ...

    @property
    def trouble(self) -> str:
        """Why the hub takes nothing, or why there is none, as a sentence; empty while it does."""
        ...

    async def start(self) -> None: ...

    async def call(self, request: Request, answer: type[A]) -> A:
        """Ask the hub.

        Raises:
            RlhfError: the hub refused, or is away.
        """
        ...

    async def submit(self, event: Event) -> Literal["saved", "spooled"]:
        """Make an event durable: in the store, or in the spool."""
        ...

    async def close(self) -> None: ...
