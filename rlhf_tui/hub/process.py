"""A hub from the opening of the store to the closing: what runs inside `hub.server`."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from rlhf_tui.config.settings import Settings, load_settings
from rlhf_tui.hub import address, life
from rlhf_tui.hub.connection import listen
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.jobs import Jobs
from rlhf_tui.hub.output import clear_waiting_room
from rlhf_tui.store.database import Store
from rlhf_tui.workspace import Workspace

IDLE_LOOK_S = 0.5
LINGER_S = 30.0
"""A hub that nobody needs waits so long for the next command: to start again costs more."""
log = logging.getLogger("rlhf_tui.hub")


def run(workspace: Workspace, linger: float | None, ready: int) -> int:
    """Serve the workspace until nobody needs it; returns the exit code.

    Args:
        linger: seconds to stay without clients and runs; 0: for ever; None: see `patience`.
        ready: descriptor that is told `ready` once connections are taken, and closed; -1: none.

    Raises:
        HubError: the store cannot be opened, or another hub holds it.
        OSError: the directory cannot be written.
    """
    sys.meta_path.insert(0, _NoPandas())
    logging.basicConfig(
        format="%(asctime)s %(process)d %(levelname)s %(message)s", level=logging.INFO
    )
    settings = load_settings(workspace)
    if settings.workspace.shared:
        _keep_from_group(workspace)
    with Store(workspace.store, workspace.lock) as store:
        if store.recovered is not None:
            log.warning("the hub before was killed; its log is kept: %s", store.recovered)
        # We hold the gate: whatever socket lies there belongs to a hub that has died.
        workspace.socket.unlink(missing_ok=True)
        mode = 0o660 if settings.workspace.shared else 0o600
        listener = address.listen(workspace.socket, mode)
        try:
            stays = patience(linger, settings)
            return asyncio.run(_serve(workspace, store, listener, stays, ready))
        finally:
            listener.close()
            workspace.socket.unlink(missing_ok=True)
            workspace.hub_file.unlink(missing_ok=True)


def patience(linger: float | None, settings: Settings) -> float:
    """How long a hub stays that nobody needs: as asked for, else not for long; but where people
    share it, for ever, since nobody but the owner could start it for them again."""
    if linger is not None:
        return linger
    return 0.0 if settings.workspace.shared else LINGER_S


def _keep_from_group(workspace: Workspace) -> None:
    """Close to others what the hub of a shared workspace makes, and what lies there already:
    people who label see through the hub what is theirs, and never who or what is behind it."""
    os.umask(0o077)
    made = workspace.root.glob(f"{workspace.store.name}*")
    for path in (*made, workspace.runs, workspace.exports, workspace.imports):
        if path.exists():
            path.chmod(path.stat().st_mode & 0o700)


class _NoPandas(MetaPathFinder):
    """Keeps pyarrow from importing pandas for its first array: the hub has no use for it, and
    whoever saves first would wait two seconds for 60 MB of it."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("The hub does without pandas.", name=fullname)
        return None


async def _serve(
    workspace: Workspace, store: Store, listener: socket.socket, linger: float, ready: int
) -> int:
    # A million tasks are a million objects that all stay: to look through them again and again
    # while they are made costs a third of the start.
    gc.disable()
    hub = Hub(workspace, load_settings(workspace), store)
    clear_waiting_room(workspace)
    hub.jobs = Jobs(hub)
    await hub.jobs.adopt()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hub.leave)
    life.write_hub_file(workspace, hub.started_ms)
    # The tasks and the state of their scheduling live as long as the hub: no collection needs
    # to look at them again.
    gc.collect()
    gc.freeze()
    gc.enable()
    log.info("serving %s: %d tasks", workspace.root, len(hub.scheduler.tasks))
    following = asyncio.create_task(hub.jobs.follow())
    watching = asyncio.create_task(_leave_when_idle(hub, linger))
    for task in (following, watching):
        task.add_done_callback(lambda done: _note_end(hub, done))
    if ready >= 0:
        os.write(ready, b"ready")
        os.close(ready)
    try:
        await listen(hub, listener)
    finally:
        watching.cancel()
        following.cancel()
        await asyncio.wait({watching, following})
        await hub.close()
    log.info("left: %s", hub.trouble or "in good order")
    return 1 if hub.trouble else 0


def _note_end(hub: Hub, task: asyncio.Task[None]) -> None:
    """A hub whose runs nobody follows must not stay: the next one adopts them."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("an error of our own", exc_info=error)
        hub.fail(error)


async def _leave_when_idle(hub: Hub, linger: float) -> None:
    """End the hub once nobody has been connected and no run has been alive for a while."""
    loop = asyncio.get_running_loop()
    needed = loop.time()
    while linger:
        if hub.clients or hub.jobs.active or hub.jobs.queued:
            needed = loop.time()
        elif loop.time() - needed > linger:
            log.info("nobody needs this hub any more")
            hub.leave()
            return
        await asyncio.sleep(IDLE_LOOK_S)
