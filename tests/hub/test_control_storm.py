"""Two people's programs change the same runs at once: nothing is lost, halved or made up."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from helpers.ended import enter_run
from helpers.inside import ask, hub_inside, person

from rlhf_tui.errors import Denied, RlhfError
from rlhf_tui.hub.jobs import Jobs
from rlhf_tui.hub.messages import (
    DeleteRun,
    Done,
    EditRun,
    ListRuns,
    MoveRun,
    PromoteRun,
    RunAnswer,
    RunList,
    SetPriority,
)
from rlhf_tui.store.read import runs as stored_runs
from rlhf_tui.workspace import Workspace

RUNS = [f"sft-000{number}" for number in range(1, 7)]
CHANGES = 120


def any_change(draw: random.Random, number: int) -> tuple[Any, Any]:
    run = draw.choice(RUNS)
    choices: list[tuple[Any, Any]] = [
        (EditRun(run, title=f"title {number}"), RunAnswer),
        (EditRun(run, note=f"note {number}"), RunAnswer),
        (EditRun(run, add_tags=[draw.choice("abc")], drop_tags=[draw.choice("abc")]), RunAnswer),
        (EditRun(run, archived=draw.random() < 0.5), RunAnswer),
        (PromoteRun(run), RunAnswer),
        (PromoteRun(run, demote=True), RunAnswer),
        (SetPriority(run, 3), RunAnswer),
        (MoveRun(run, -1), RunAnswer),
    ]
    if number > CHANGES // 2 and draw.random() < 0.1:
        return DeleteRun(run, force=draw.random() < 0.5), Done
    return draw.choice(choices)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_two_programs_ask_for_at_once(workspace: Workspace, seed: int) -> None:
    for number, run in enumerate(RUNS):
        enter_run(workspace, run, created_ms=1000 + number)
    draw = random.Random(seed)
    async with hub_inside(workspace) as hub:
        hub.jobs = Jobs(hub)
        await hub.jobs.adopt()
        owners = [person("ada", "owner"), person("bob", "owner")]

        async def change(number: int) -> bool:
            request, kind = any_change(draw, number)
            try:
                await ask(hub, owners[number % 2], request, kind)
            except RlhfError as error:
                assert str(error), request
                return False
            return True

        for first in range(0, CHANGES, 12):
            done = await asyncio.gather(*(change(first + one) for one in range(12)))
            assert any(done)
            held = {row.run_id: row for row in hub.jobs.rows.values()}
            assert {row.run_id: row for row in await hub.read(stored_runs)} == held
            current = [row for row in held.values() if row.promoted_ms]
            assert len(current) <= 1
            assert not any(row.archived for row in current)
            assert all(len(set(row.tags)) == len(row.tags) for row in held.values())
            there = {path.name for path in workspace.runs.iterdir() if path.name in RUNS}
            assert there == set(held)


async def test_who_labels_changes_nothing_whoever_else_does(workspace: Workspace) -> None:
    enter_run(workspace, "sft-0001", created_ms=1000)
    requests: list[Any] = [
        EditRun("sft-0001", title="mine"),
        PromoteRun("sft-0001"),
        SetPriority("sft-0001", 9),
        MoveRun("sft-0001", -1),
        DeleteRun("sft-0001", force=True),
        ListRuns(),
    ]
    async with hub_inside(workspace) as hub:
        hub.jobs = Jobs(hub)
        await hub.jobs.adopt()
        for request in requests:
            with pytest.raises(Denied):
                await ask(hub, person("eve", "annotator"), request, RunAnswer)
        runs = (await ask(hub, person("ada", "owner"), ListRuns(), RunList)).runs
        assert [(run.run_id, run.title, run.current) for run in runs] == [("sft-0001", "", False)]
