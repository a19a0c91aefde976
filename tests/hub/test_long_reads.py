"""Work that goes through much of the store, and those who label meanwhile; disputes kept ranked."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.inside import ask, hub_inside, person
from helpers.judging import EVE, OWNER, ranking, submit, world

from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.hub import disputing, output
from rlhf_tui.hub.hub import LONG_READERS, READERS
from rlhf_tui.hub.messages import (
    Disputed,
    DisputedAnswer,
    Export,
    Exported,
    GetItem,
    History,
    HistoryAnswer,
    Ingested,
    ItemAnswer,
    Lease,
    Leased,
)
from rlhf_tui.store.database import Store
from rlhf_tui.workspace import Workspace

PATIENCE_S = 60


async def test_people_label_while_more_exports_are_made_than_there_are_threads(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, begun = threading.Event(), threading.Semaphore(0)

    def slow_export(_store: Store, _spec: object, _format: object, directory: Path) -> Any:
        begun.release()
        assert may_end.wait(PATIENCE_S)
        path = directory / f"made-{threading.get_ident()}"
        path.touch()
        return SimpleNamespace(path=path, rows=0, note="")

    monkeypatch.setattr(output, "write_export", slow_export)
    ann = person("ann")
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        export = Export(DatasetSpec("preference"), "jsonl")
        exports = [
            asyncio.create_task(ask(hub, OWNER, export, Exported))
            for _ in range(READERS + LONG_READERS)
        ]
        try:
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(LONG_READERS):
                    await asyncio.to_thread(begun.acquire)
                leased = await ask(hub, ann, Lease(kind="rank", limit=2), Leased)
                task = leased.items[0].task.task_id
                assert await submit(hub, ann, ranking(task, [1, 2, 3])) == ["stored"]
                assert (await ask(hub, ann, GetItem(task), ItemAnswer)).item.event is not None
                assert len((await ask(hub, ann, History(), HistoryAnswer)).entries) == 1
            assert not any(one.done() for one in exports)
        finally:
            may_end.set()
        async with asyncio.timeout(PATIENCE_S):
            assert len(await asyncio.gather(*exports)) == READERS + LONG_READERS


async def test_disputes_are_ranked_once_and_then_kept_up(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def counted(name: str) -> Any:
        function = getattr(disputing, name)

        def work(*arguments: Any) -> Any:
            steps.append(name)
            return function(*arguments)

        return work

    for name in ("ranked", "renewed"):
        monkeypatch.setattr(disputing, name, counted(name))

    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        await submit(hub, "ann", ranking("r0", [1, 2, 3]))
        await submit(hub, "bob", ranking("r0", [3, 2, 1]), ranking("r1", [2, 1, 3]))

        async def total(**options: Any) -> int:
            return (await ask(hub, EVE, Disputed(**options), DisputedAnswer)).total

        assert await asyncio.gather(*[total() for _ in range(4)]) == [1] * 4
        assert [await total(kind="rank"), await total(kind="thumbs")] == [1, 0]
        assert steps == ["ranked"]
        await submit(hub, "ann", ranking("r1", [1, 2, 3]))
        assert await asyncio.gather(*[total() for _ in range(4)]) == [2] * 4
        await submit(hub, EVE, ranking("r0", [1, 2, 3], "adjudicate"))
        assert await total() == 1
        assert steps == ["ranked", "renewed", "renewed"]
        # After a long time away everything is looked at.
        monkeypatch.setattr("rlhf_tui.store.dispute_ranking.LARGEST_STEP", 0)
        await submit(hub, "cy", ranking("r1", [1, 2, 3]))
        assert await total() == 1
        assert steps[3:] == ["ranked"]
