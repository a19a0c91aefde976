"""What people disagree on, ranked once and kept: a reviewer asks after every item they settle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rlhf_tui.store.dispute_ranking import Ranking, ranked, renewed

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub


class Disputes:
    """The ranking of one workspace's disputes; used on the event loop's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._ranking: Ranking | None = None
        self._turn = asyncio.Lock()
        """Of several who ask at once one works, and the others have little left to do."""

    async def ranking(self) -> Ranking:
        """The ranking with all that was stored before the call."""
        async with self._turn:
            known, store = self._ranking, self._hub.store
            if known is None or not known.near(store):
                known = await self._hub.read_at_length(ranked)
            elif not known.covers(store):
                known = await self._hub.read(renewed, known)
            self._ranking = known
            return known
