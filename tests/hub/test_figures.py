"""The process that works statistics out: shared, ended when nobody can use it, told to whom."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlhf_tui.errors import HubError
from rlhf_tui.evaluation.report import AnnotatorStats, Figure, Report
from rlhf_tui.evaluation.worked import Worked
from rlhf_tui.hub import figures as module
from rlhf_tui.hub.figures import Figures
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import Stats
from rlhf_tui.hub.statistics import SOONEST_S, stats
from rlhf_tui.records import Completion, Event, Prompt, Task, new_event_id
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest
from rlhf_tui.workspace import Workspace

ENDLESS = (
    "-c",
    "import os, pathlib, sys, time\n"
    "place = pathlib.Path(sys.argv[1]).parent\n"
    "(place / 'begun').write_text(str(os.getpid()))\n"
    "(place / 'begun').rename(place / 'pid')\n"
    "time.sleep(600)\n",
)
"""A computation that does not end, and whose process is known."""


def judge(store: Store, who: str) -> None:
    event = Event(new_event_id(), "judge", "t", who, shown=["a", "b"], tiers=[1, 2])
    append(store, [event])


@pytest.fixture
async def hub(workspace: Workspace) -> AsyncIterator[Any]:
    """What the figures need of a hub: a store with a judgement, and a thread to read it in."""
    with Store(workspace.store, workspace.lock, threads=1) as store:
        ingest(
            store,
            prompts=[Prompt("p", "x")],
            completions=[Completion(name, "p", name) for name in "ab"],
            tasks=[Task("t", "rank", "p", ["a", "b"], overlap=3)],
        )
        judge(store, "ann")

        async def read(function: Callable[..., Any], *arguments: Any) -> Any:
            return await asyncio.to_thread(function, store, *arguments)

        yield SimpleNamespace(store=store, workspace=workspace, read_at_length=read)


async def begun(place: Path) -> int:
    """The process of an endless computation, once it runs."""
    async with asyncio.timeout(60):
        while not (place / "pid").exists():
            await asyncio.sleep(0.02)
    return int((place / "pid").read_text())


async def test_a_hub_that_leaves_ends_the_process(hub: Any) -> None:
    figures = Figures(hub, ENDLESS)
    asked = asyncio.create_task(figures.of("rank", 0))
    pid = await begun(hub.workspace.exports / ".fetching")
    # As asyncio.run does at its end, to all tasks there are.
    (under_way,) = figures._under_way.values()
    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not list((hub.workspace.exports / ".fetching").glob("statistics-*"))


async def test_one_who_goes_away_does_not_take_the_figures_from_the_others(hub: Any) -> None:
    figures = Figures(hub)
    first = asyncio.create_task(figures.of("rank", 0))
    second = asyncio.create_task(figures.of("rank", 0))
    await asyncio.sleep(0)
    first.cancel()
    worked = await second
    assert worked.report.judgements == 1
    assert first.cancelled()
    assert figures.computations == 1
    # Unchanged: kept. Changed: kept for those who take older ones, and worked out for others.
    assert await figures.of("rank", 0) is worked
    judge(hub.store, "bob")
    assert await figures.of("rank", 3600) is worked
    assert figures.computations == 1
    assert (await figures.of("rank", 0)).report.judgements == 2
    assert figures.computations == 2


async def test_one_that_takes_too_long_is_ended_with_a_sentence(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT_S", 0.0)
    figures = Figures(hub, ENDLESS)
    with pytest.raises(HubError, match="not worked out within"):
        await figures.of("rank", 0)
    monkeypatch.undo()
    figures = Figures(hub)
    assert (await figures.of("rank", 0)).report.judgements == 1


async def test_no_place_for_the_files_is_a_sentence(hub: Any) -> None:
    (hub.workspace.exports / ".fetching").write_text("not a directory")
    with pytest.raises(HubError, match="could not be worked out: File exists"):
        await Figures(hub).of("rank", 0)


async def test_without_judgements_no_process_is_started(hub: Any) -> None:
    figures = Figures(hub)
    worked = await figures.of("thumbs", 0)
    assert (worked.report.kind, worked.report.judgements) == ("thumbs", 0)
    assert figures.computations == 0


@pytest.mark.parametrize(
    ("role", "asked", "told", "people"),
    [
        ("annotator", 0.0, SOONEST_S, ["ann"]),
        ("annotator", 60.0, 60.0, ["ann"]),
        ("reviewer", 0.0, 0.0, ["ann", "bob"]),
        ("owner", 10.0, 10.0, ["ann", "bob"]),
    ],
)
async def test_who_is_told_what(role: Any, asked: float, told: float, people: list[str]) -> None:
    ages = []
    everyone = [AnnotatorStats("ann"), AnnotatorStats("bob")]
    report = Report(annotators=everyone, agreement=[Figure("raw agreement", 0.5)])

    async def of(_kind: str, max_age_s: float) -> Worked:
        ages.append(max_age_s)
        return Worked(report, {one.annotator: one for one in everyone})

    hub: Any = SimpleNamespace(
        figures=SimpleNamespace(of=of), jobs=SimpleNamespace(rows={}), settings=None
    )
    who = Identity(1000, "ann", "human", role, "test")
    answer = await stats(hub, who, Stats(max_age_s=asked))
    assert ages == [told]
    assert [one.annotator for one in answer.report.annotators] == people
    assert bool(answer.report.agreement) == (role != "annotator")
