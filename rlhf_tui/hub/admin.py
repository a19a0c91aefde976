"""Answers about the hub itself: status, shutdown, backup."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from rlhf_tui import __version__
from rlhf_tui.errors import HubError, UsageError
from rlhf_tui.hub import logout
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import (
    Backup,
    Done,
    HubStatus,
    HubStatusAnswer,
    Shutdown,
)
from rlhf_tui.store.backup import backup
from rlhf_tui.store.read import totals


async def status(hub: Hub, _who: Identity, _: HubStatus) -> HubStatusAnswer:
    hub.refresh_settings()
    rows = await hub.read(totals)
    return HubStatusAnswer(
        pid=os.getpid(),
        version=__version__,
        workspace=str(hub.workspace.root),
        started_ms=hub.started_ms,
        clients=hub.clients,
        runs_active=hub.jobs.active,
        runs_queued=hub.jobs.queued,
        store_bytes=_size(hub.workspace.store),
        events=rows.events,
        settings_trouble=hub.settings_trouble,
        at_logout=await asyncio.to_thread(logout.warning),
    )


def _size(store: Path) -> int:
    """Bytes of the store and its write-ahead log; stat alone, for opening would drop its lock."""
    log = store.with_name(f"{store.name}.wal")
    return sum(path.stat().st_size for path in (store, log) if path.exists())


async def shutdown(hub: Hub, _who: Identity, request: Shutdown) -> Done:
    others = hub.clients - 1
    if others > 0 and not request.force:
        raise HubError(
            f"{others} other client{'s are' if others > 1 else ' is'} connected.",
            hint="Close them, or stop the hub all the same with --force: they reconnect.",
        )
    hub.leave()
    return Done()


async def back_up(hub: Hub, _who: Identity, request: Backup) -> Done:
    path = Path(request.path)
    if not path.is_absolute():
        raise UsageError(f"The path of a backup must be absolute, not {request.path!r}.")
    await hub.read_at_length(backup, path)
    return Done()


HANDLERS: dict[Any, Any] = {HubStatus: status, Shutdown: shutdown, Backup: back_up}
