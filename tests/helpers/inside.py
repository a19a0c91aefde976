"""A hub within the test's own process, asked by people of any role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from rlhf_tui.config.settings import load_settings
from rlhf_tui.hub.connection import HANDLERS
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity, allow
from rlhf_tui.hub.messages import AccessRole, Answer, Request
from rlhf_tui.store.database import Store
from rlhf_tui.workspace import Workspace

A = TypeVar("A", bound=Answer)


@asynccontextmanager
async def hub_inside(workspace: Workspace) -> AsyncIterator[Hub]:
    with Store(workspace.store, workspace.lock, threads=1) as store:
        hub = Hub(workspace, load_settings(workspace), store)
        try:
            yield hub
        finally:
            await hub.close()


def person(name: str, role: AccessRole = "annotator") -> Identity:
    return Identity(4_000_001, name, "human", role, "test", connection=hash(name))


async def ask(hub: Hub, who: Identity, request: Request, kind: type[A]) -> A:
    """The hub's answer, after the check that the server makes.

    Raises:
        RlhfError: it refused.
    """
    allow(who, request)
    answer = await HANDLERS[type(request)](hub, who, request)  # type: ignore[index]
    assert isinstance(answer, kind)
    return answer
