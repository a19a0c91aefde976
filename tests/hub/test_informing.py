"""New scores reach the order: what a score run writes tells, and what is told is looked up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from rlhf_tui.hub.arrivals import Arrivals
from rlhf_tui.hub.informing import Informing
from rlhf_tui.hub.scheduler import Scheduler
from rlhf_tui.hub.selection import Order, Plan
from rlhf_tui.records import Score
from rlhf_tui.runs import layout


class Hub:
    """As much of a hub as scores touch; its store says what `values` holds."""

    def __init__(self, order: Order) -> None:
        self.scheduler = Scheduler(1000, Plan(order))
        for number in range(3):
            self.scheduler.add_task(f"t{number}", "rank")
        self.values: list[tuple[str, float]] = []
        self.reads = 0
        self.looked = asyncio.Event()
        self.store = None
        self.saved: list[Score] = []
        self.writer = SimpleNamespace(do=self.save)
        self.informing = Informing(self)  # type: ignore[arg-type]

    async def read_at_length(self, _function: object) -> list[tuple[str, float]]:
        self.reads += 1
        self.looked.set()
        return self.values

    async def save(self, _function: object, _store: object, scores: list[Score]) -> None:
        self.saved += scores


def next_task(hub: Hub, who: str) -> str:
    return hub.scheduler.lease(who, "rank", 1, 0)[0][0].task_id


def test_scores_that_a_run_writes_change_what_comes_next(tmp_path: Path) -> None:
    async def run() -> None:
        hub = Hub("informative")
        assert next_task(hub, "ann") == "t0"
        hub.values = [("t2", 0.2)]
        line = msgspec.json.encode(Score("c1", "score-1", "rm", 0.5)) + b"\n"
        (tmp_path / layout.SCORES).write_bytes(line)
        arrivals: Any = Arrivals(hub, tmp_path, {})  # type: ignore[arg-type]
        await arrivals.take()
        assert [score.completion_id for score in hub.saved] == ["c1"]
        await hub.looked.wait()
        await asyncio.sleep(0)
        assert next_task(hub, "bob") == "t2"
        await hub.informing.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_what_comes_while_it_rests_is_looked_up_after_it() -> None:
    async def run() -> None:
        hub = Hub("informative")
        hub.informing.tell()
        await hub.looked.wait()
        hub.looked.clear()
        for _ in range(5):
            hub.informing.tell()
        await hub.looked.wait()
        assert hub.reads == 2
        await hub.informing.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_other_orders_ask_nothing() -> None:
    async def run() -> None:
        hub = Hub("random")
        hub.informing.tell()
        await asyncio.sleep(0)
        await hub.informing.close()
        assert hub.reads == 0

    asyncio.run(run())
