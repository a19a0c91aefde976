"""Who is next: priorities, runs of several devices, runs of other machines; keys on their way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from helpers.hubs import TEST_SERVER, HubProcess, tasks
from helpers.waiting import wait_until

from rlhf_tui.errors import RunFailed, UsageError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.jobs import Jobs
from rlhf_tui.hub.messages import (
    Ingest,
    Ingested,
    Launch,
    Launched,
    ListRuns,
    ResumeRun,
    RunAnswer,
    RunInfo,
    RunList,
    SetPriority,
    ShowRun,
    StopRun,
)
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import processes
from rlhf_tui.runs.layout import RunStatus
from rlhf_tui.runs.process import alive, signal_process
from rlhf_tui.store.write import RunRow
from rlhf_tui.workspace import Workspace

Start = Callable[..., HubProcess]


@pytest.fixture
def hub(start_hub: Start) -> HubProcess:
    """A hub whose generate runs need no model."""
    return start_hub(program=TEST_SERVER)


def launch(client: HubClient, priority: int = 0, **keys: str) -> str:
    wanted = Launch(
        "generate", {"k": 4, "limit": 2, "device": "cpu"}, priority=priority, secrets=keys
    )
    return client.call(wanted, Launched).run_id


def prompts(client: HubClient) -> None:
    client.call(Ingest(prompts=tasks(2).prompts), Ingested)


def show(client: HubClient, run_id: str) -> RunInfo:
    return client.call(ShowRun(run_id), RunAnswer).run


def reach(client: HubClient, run_id: str, state: str) -> RunInfo:
    wait_until(lambda: show(client, run_id).state == state, 90, f"{run_id} {state}")
    return show(client, run_id)


def go(workspace: Workspace, run_id: str) -> None:
    (workspace.runs / run_id / "go").touch()


async def test_a_stop_while_the_queue_is_being_joined_is_not_lost(tmp_path: Path) -> None:
    """The store takes its time to note that a run is resumed; a stop comes meanwhile."""
    noted = asyncio.Event()

    class Writer:
        async def do(self, *_: object) -> None:
            await noted.wait()

    jobs = Jobs(cast("Hub", SimpleNamespace(writer=Writer(), store=None)))
    row = RunRow("sft-0001", "sft", "queued", directory=str(tmp_path / "sft-0001"), created_ms=1)
    resumed = asyncio.create_task(jobs.enqueue(row, "cpu", {}))
    await asyncio.sleep(0)
    stopped = asyncio.create_task(jobs.stop(row, force=False))
    await asyncio.sleep(0)
    noted.set()
    await asyncio.gather(resumed, stopped)
    assert (jobs.rows["sft-0001"].state, jobs.queued) == ("stopped", 0)


def test_the_queue_goes_by_priority_then_by_age_also_after_the_hub(
    hub: HubProcess, start_hub: Start, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        running = launch(client)
        old, late, urgent = launch(client), launch(client), launch(client, 5)
        places = {run.run_id: run.queue_position for run in client.call(ListRuns(), RunList).runs}
        assert places == {running: 0, urgent: 1, old: 2, late: 3}
        changed = client.call(SetPriority(late, 9), RunAnswer).run
        assert (changed.priority, changed.queue_position) == (9, 1)
        client.call(SetPriority(urgent, -1), RunAnswer)
        with pytest.raises(UsageError, match="is running: only a queued run has a turn"):
            client.call(SetPriority(running, 1), RunAnswer)
    hub.kill()
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        for run_id, waiting in ((late, (old, urgent)), (old, (urgent,)), (urgent, ())):
            go(workspace, running)
            running = run_id
            reach(client, run_id, "running")
            assert [show(client, other).queue_position for other in waiting] == list(
                range(1, len(waiting) + 1)
            )
        go(workspace, running)
        reach(client, running, "finished")


def test_a_run_of_another_machine_is_shown_and_never_signalled(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        there = launch(client)
        directory = workspace.runs / there
        wait_until((directory / layout.STATUS).exists, what="the worker lives")
        found = [mark for mark in processes(directory) if mark is not None]
        assert len(found) == 2
        for mark in found:
            signal_process(mark, signal.SIGSTOP)
        elsewhere = [msgspec.structs.replace(mark, host="elsewhere") for mark in found]
        for name, mark in zip((layout.SUPERVISOR, layout.WORKER), elsewhere, strict=True):
            layout.write_atomic(directory / name, mark)
        status = layout.read(directory / layout.STATUS, RunStatus)
        assert status is not None
        status.process = elsewhere[1]
        layout.write_atomic(directory / layout.STATUS, status)
        try:
            wait_until(lambda: show(client, there).message.startswith("Runs on elsewhere."))
            with pytest.raises(RunFailed, match=r"runs on elsewhere, and this is .*Give the comm"):
                client.call(StopRun(there), RunAnswer)
            with pytest.raises(RunFailed, match="runs on elsewhere"):
                client.call(StopRun(there, force=True), RunAnswer)
            with pytest.raises(UsageError, match="only a stopped or failed"):
                client.call(ResumeRun(there), Launched)
            with pytest.raises(UsageError, match="only a queued run"):
                client.call(SetPriority(there, 1), RunAnswer)
            assert all(alive(mark) for mark in found), "left alone"
            assert not (directory / layout.STOP).exists()
            here = launch(client)
            assert show(client, here).state == "running", "it takes no device of this machine"
            go(workspace, here)
            reach(client, here, "finished")
            assert show(client, there).state == "running"
        finally:
            for name, mark in zip((layout.SUPERVISOR, layout.WORKER), found, strict=True):
                signal_process(mark, signal.SIGKILL)
                layout.write_atomic(directory / name, mark)


def test_keys_reach_the_worker_and_nobody_writes_them_down(
    hub: HubProcess, workspace: Workspace
) -> None:
    key = "sk-very-secret-0123456789"
    with HubClient(workspace) as client:
        prompts(client)
        first = launch(client, HF_TOKEN=key, LD_PRELOAD="/evil.so")
        second = launch(client, HF_TOKEN=key)
        client.call(StopRun(second), RunAnswer)
        seen = workspace.runs / first / "keys"
        wait_until(seen.exists, what="the worker lives")
        assert seen.read_text() == "HF_TOKEN"
        go(workspace, first)
        reach(client, first, "finished")
        client.call(ResumeRun(second), Launched)
        seen = workspace.runs / second / "keys"
        wait_until(seen.exists, what="the worker lives")
        assert seen.read_text() == "", "taken out of the queue, it left its keys behind"
        go(workspace, second)
        reach(client, second, "finished")
    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert not [path for path in files if key.encode() in path.read_bytes()]
