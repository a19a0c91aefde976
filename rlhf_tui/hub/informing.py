"""Keeps the order 'informative' up with what reward models say, beside the hub's other work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from rlhf_tui.errors import RlhfError
from rlhf_tui.store.chosen import information

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

PAUSE_S = 0.2
REST = 10
"""Seconds until the next look, for each second that one took: scores of a long run come in
hundreds of pieces, and people label meanwhile."""

log = logging.getLogger("rlhf_tui.hub")


class Informing:
    """Asks the store what judgements would tell, some time after it may have changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._stale = False
        self._work: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Scores, or tasks that have some, are new, or the order is."""
        self._stale = True
        if self._hub.scheduler.plan.order != "informative":
            return
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while self._stale:
            self._stale = False
            start = loop.time()
            try:
                self._hub.scheduler.inform(await self._hub.read_at_length(information))
            except RlhfError as error:
                log.error("the order by information stays as it was: %s", error)
            await asyncio.sleep(PAUSE_S + REST * (loop.time() - start))

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
