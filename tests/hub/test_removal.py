"""Deleting runs: what is refused, what goes and what stays, kills, failures and races."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from helpers.ended import enter_run
from helpers.hubs import PROGRAMS, TEST_SERVER, HubProcess, tasks
from helpers.waiting import wait_until

from rlhf_tui.errors import HubError, UsageError
from rlhf_tui.hub import control, launching, removal
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.jobs import Jobs
from rlhf_tui.hub.messages import (
    DeleteRun,
    Done,
    Ingest,
    Ingested,
    Launch,
    Launched,
    ListRuns,
    MoveRun,
    Progress,
    ProgressAnswer,
    PromoteRun,
    ResumeRun,
    RunAnswer,
    RunList,
    SetPriority,
    ShowRun,
    StopRun,
)
from rlhf_tui.hub.rows import clear_unfinished
from rlhf_tui.store.database import Store, StoreFailed
from rlhf_tui.store.write import RunRow, save_run
from rlhf_tui.workspace import Workspace

Start = Callable[..., HubProcess]
DIES = (sys.executable, str(PROGRAMS / "dies_deleting.py"))


def launch(client: HubClient, **arguments: object) -> str:
    wanted = {"k": 4, "limit": 2, "device": "cpu", **arguments}
    return client.call(Launch("generate", wanted), Launched).run_id


def state(client: HubClient, run_id: str) -> str:
    return client.call(ShowRun(run_id), RunAnswer).run.state


def test_a_run_goes_with_its_directory_and_what_it_wrote_stays(
    start_hub: Start, workspace: Workspace
) -> None:
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        first, second = launch(client), launch(client)
        with pytest.raises(UsageError, match=r"is running. Stop it first: rlhf-tui runs stop"):
            client.call(DeleteRun(first), Done)
        with pytest.raises(UsageError, match="waits for its turn"):
            client.call(DeleteRun(second, force=True), Done)
        (workspace.runs / first / "go").touch()
        client.call(StopRun(second), RunAnswer)
        wait_until(lambda: state(client, first) == "finished", 90)
        written = client.call(Progress(), ProgressAnswer).completions
        assert written
        client.call(DeleteRun(second), Done)
        client.call(DeleteRun("latest"), Done)
        assert client.call(ListRuns(archived=True), RunList).runs == []
        assert not [path for path in workspace.runs.iterdir() if path.is_dir()]
        assert client.call(Progress(), ProgressAnswer).completions == written
        with pytest.raises(UsageError, match=f"no run '{first}' any more: it was deleted"):
            client.call(DeleteRun(first), Done)
        # Its completions keep its name, so that no other run may have it.
        assert launch(client) == "generate-0003"


def test_a_run_that_others_need_is_kept_unless_forced(
    start_hub: Start, workspace: Workspace
) -> None:
    sft = enter_run(workspace, "sft-0001")
    enter_run(workspace, "sft-0010", created_ms=2)
    reward = enter_run(workspace, "rm-0001", created_ms=3)
    policy = enter_run(
        workspace, "ppo-0001", created_ms=4,
        arguments={"model": f"{sft}/model", "rewards": [f"0.5*{reward}/model=helpful"]},
    )  # fmt: skip
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        for run in ("sft-0001", "rm-0001"):
            with pytest.raises(UsageError, match=f"ppo-0001 started from {run}.*--force"):
                client.call(DeleteRun(run), Done)
        client.call(PromoteRun("ppo-0001"), RunAnswer)
        with pytest.raises(UsageError, match="is the workspace's current policy"):
            client.call(DeleteRun("ppo-0001"), Done)
        client.call(PromoteRun("sft-0010"), RunAnswer)
        running = launch(client)
        client.call(PromoteRun("ppo-0001"), RunAnswer)
        with pytest.raises(UsageError, match=f"{running}, which is running, uses sft-0010") as told:
            client.call(DeleteRun("sft-0010"), Done)
        assert "--force" in told.value.hint
        client.call(DeleteRun("sft-0001", force=True), Done)
        assert not sft.exists()
        # Promoted, it goes by force, too, and the workspace then has no current policy.
        client.call(DeleteRun("ppo-0001", force=True), Done)
        assert not policy.exists()
        client.call(DeleteRun("rm-0001"), Done)
        with pytest.raises(UsageError, match="no current policy"):
            client.call(ShowRun("current"), RunAnswer)


def test_a_hub_that_is_killed_in_between_leaves_nothing_half(
    start_hub: Start, workspace: Workspace
) -> None:
    directory = enter_run(workspace, "sft-0001")
    hub = start_hub(program=DIES)
    client = HubClient(workspace, autostart=False)
    with pytest.raises(HubError):
        client.call(DeleteRun("sft-0001"), Done)
    client.close()
    assert hub.process.wait(30) == 9
    assert not directory.exists()
    assert (workspace.runs / removal.ASIDE / "sft-0001").exists()
    start_hub()
    with HubClient(workspace) as client:
        assert client.call(ListRuns(archived=True), RunList).runs == []
        with pytest.raises(UsageError, match="it was deleted"):
            client.call(ShowRun("sft-0001"), RunAnswer)
    assert not (workspace.runs / removal.ASIDE).exists()


def test_the_original_of_a_copied_workspace_is_left_alone(
    start_hub: Start, workspace: Workspace, tmp_path: Path
) -> None:
    """The rows of a copy name the directories of the original."""
    directory = enter_run(workspace, "sft-0001")
    elsewhere = tmp_path / "original"
    directory.rename(elsewhere)
    directory.mkdir()
    row = RunRow("sft-0002", "sft", "finished", directory=str(elsewhere))
    with Store(workspace.store, workspace.lock) as store:
        save_run(store, row)
    start_hub()
    with HubClient(workspace) as client:
        with pytest.raises(UsageError, match="is not among this workspace's runs"):
            client.call(DeleteRun("sft-0002"), Done)
        client.call(DeleteRun("sft-0002", force=True), Done)
    assert (elsewhere / "args.json").exists()


class World:
    """Jobs with one ended run, and a store that answers when it is told to."""

    def __init__(self, runs: Path, failure: Exception | None = None) -> None:
        self.answer = asyncio.Event()
        self.failure = failure
        self.directory = runs / "sft-0001"
        (self.directory / "model").mkdir(parents=True)
        (self.directory / "args.json").write_text("{}")
        workspace = SimpleNamespace(runs=runs)
        self.hub: Any = SimpleNamespace(writer=self, store=None, workspace=workspace)
        self.jobs = self.hub.jobs = Jobs(self.hub)
        self.row = RunRow("sft-0001", "sft", "stopped", directory=str(self.directory))
        self.jobs.rows["sft-0001"] = self.row

    async def do(self, *_: object) -> None:
        await self.answer.wait()
        if self.failure is not None:
            raise self.failure


WHO = cast(Identity, None)


async def test_a_run_that_is_being_deleted_cannot_be_resumed(tmp_path: Path) -> None:
    world = World(tmp_path / "runs")
    deleting = asyncio.create_task(removal.delete(world.hub, WHO, DeleteRun("sft-0001")))
    while "sft-0001" in world.jobs.rows:
        await asyncio.sleep(0)
    with pytest.raises(UsageError, match="it was deleted"):
        await launching.resume(world.hub, WHO, ResumeRun("sft-0001"))
    world.answer.set()
    await deleting
    assert not world.directory.exists()
    assert world.jobs.queued == 0


async def test_a_run_that_is_being_resumed_is_not_deleted(tmp_path: Path) -> None:
    world = World(tmp_path / "runs")
    queued = msgspec.structs.replace(world.row, state="queued")
    resuming = asyncio.create_task(world.jobs.enqueue(queued, "cpu", {}))
    await asyncio.sleep(0)
    with pytest.raises(UsageError, match="waits for its turn"):
        await removal.delete(world.hub, WHO, DeleteRun("sft-0001", force=True))
    assert (world.jobs.queued, world.directory.exists()) == (1, True)
    resuming.cancel()


async def test_what_the_store_refuses_to_forget_is_put_back(tmp_path: Path) -> None:
    world = World(tmp_path / "runs", StoreFailed("The disk is full."))
    world.answer.set()
    with pytest.raises(StoreFailed):
        await removal.delete(world.hub, WHO, DeleteRun("sft-0001"))
    assert world.directory.exists()
    assert world.jobs.rows["sft-0001"] == world.row
    assert not world.jobs.deleted


async def test_a_deletion_that_cannot_be_finished_keeps_no_hub_from_starting(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "runs", StoreFailed("The disk is full."))
    world.answer.set()
    aside = tmp_path / "runs" / removal.ASIDE
    aside.mkdir()
    world.directory.rename(aside / "sft-0001")

    async def read(_: object) -> list[RunRow]:
        return [world.row]

    world.hub.read = read
    await removal.finish_deletions(world.hub)
    assert (aside / "sft-0001").exists()
    world.failure = None
    await removal.finish_deletions(world.hub)
    assert not aside.exists()


def test_a_folder_that_goes_in_between_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, aside = tmp_path / "sft-0001", tmp_path / removal.ASIDE
    run.mkdir()
    before = Path.rename
    tries = []

    def rename(self: Path, target: Path) -> Path:
        tries.append(target)
        if len(tries) == 1:
            aside.rmdir()
        return before(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    removal._put(run, aside / "sft-0001")
    assert (len(tries), (aside / "sft-0001").exists(), run.exists()) == (2, True, False)


async def test_the_end_of_another_deletion_leaves_what_may_be_put_back(tmp_path: Path) -> None:
    world = World(tmp_path / "runs", StoreFailed("The disk is full."))
    deleting = asyncio.create_task(removal.delete(world.hub, WHO, DeleteRun("sft-0001")))
    aside = tmp_path / "runs" / removal.ASIDE
    while not (aside / "sft-0001").exists():
        await asyncio.sleep(0)
    # One that began before is through with its row, and now removes its files.
    (aside / "sft-0000").mkdir()
    removal._clear([aside / "sft-0000"])
    assert not (aside / "sft-0000").exists()
    world.answer.set()
    with pytest.raises(StoreFailed):
        await deleting
    assert (world.directory / "args.json").exists()


@pytest.mark.parametrize("what", ["stop", "prioritize", "move"])
async def test_a_run_that_goes_while_one_waits_for_the_queue_is_told_as_gone(
    tmp_path: Path, what: str
) -> None:
    world = World(tmp_path / "runs")
    requests: dict[str, Any] = {
        "stop": lambda: launching.stop(world.hub, WHO, StopRun("sft-0001")),
        "prioritize": lambda: control.prioritize(world.hub, WHO, SetPriority("sft-0001", 3)),
        "move": lambda: control.move(world.hub, WHO, MoveRun("sft-0001", 1)),
    }
    async with world.jobs.lock:
        waiting = asyncio.create_task(requests[what]())
        while not world.jobs.lock._waiters:
            await asyncio.sleep(0)
        world.jobs.forget("sft-0001")
    with pytest.raises(UsageError, match="it was deleted"):
        await waiting


def test_what_a_launch_left_that_never_came_into_the_queue_goes(tmp_path: Path) -> None:
    """Its hub was killed: with its arguments written, or before. What has run stays."""
    for name, files in (
        ("sft-0001", ["dataset", "args.json"]),
        ("sft-0002", ["dataset"]),
        ("sft-0003", ["dataset", "args.json", "supervisor.json"]),
        ("sft-0004", ["dataset", "args.json"]),
        ("notes", ["dataset"]),
    ):
        for file in files:
            (tmp_path / name / file).mkdir(parents=True)
    clear_unfinished(tmp_path, {"sft-0004"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes", "sft-0003", "sft-0004"]
