"""Background runs by the hub: queue, what they write, kills, stop and resume."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from helpers.hubs import PROGRAMS, TEST_SERVER, HubProcess, tasks
from helpers.waiting import wait_until

from rlhf_tui.errors import HubError, NothingToDo, UsageError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    CompletionsAnswer,
    Ingest,
    Ingested,
    Launch,
    Launched,
    Lease,
    Leased,
    ListRuns,
    Progress,
    ProgressAnswer,
    ResumeRun,
    RunAnswer,
    RunCompletions,
    RunInfo,
    RunList,
    ShowRun,
    StopRun,
)
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.runs.reading import SCRATCH
from rlhf_tui.workspace import Workspace

Start = Callable[..., HubProcess]
BAD_DAY = (sys.executable, str(PROGRAMS / "bad_day.py"))
PROMPTS = 12
GENERATE = {"k": 4, "limit": PROMPTS}


@pytest.fixture
def hub(start_hub: Start) -> HubProcess:
    """A hub whose generate runs need no model."""
    return start_hub(program=TEST_SERVER)


def launch(client: HubClient, **arguments: object) -> Launched:
    return client.call(Launch(kind="generate", arguments={**GENERATE, **arguments}), Launched)


def show(client: HubClient, run_id: str) -> RunInfo:
    return client.call(ShowRun(run_id), RunAnswer).run


def reach(client: HubClient, run_id: str, *states: str) -> RunInfo:
    def there() -> RunInfo | None:
        run = show(client, run_id)
        return run if run.state in states else None

    found = wait_until(there, deadline=90, what=f"{run_id} {states}")
    assert found is not None
    return found


def go(workspace: Workspace, *run_ids: str) -> None:
    for run_id in run_ids:
        (workspace.runs / run_id / "go").touch()


def prompts(client: HubClient) -> None:
    batch = tasks(20)
    client.call(Ingest(prompts=batch.prompts), Ingested)


def progress(client: HubClient) -> ProgressAnswer:
    return client.call(Progress(), ProgressAnswer)


def test_a_run_is_labelled_while_it_writes_and_all_of_it_is_there_when_it_has_finished(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        launched = launch(client)
        assert (launched.run_id, launched.state) == ("generate-0001", "running")
        assert any(str(PROMPTS) in note for note in launched.notes)
        # All but the last prompt: the worker waits with that one.
        wait_until(lambda: progress(client).rank.tasks == PROMPTS - 1, what="tasks appear")
        assert client.call(Lease(kind="rank", limit=1), Leased).items
        go(workspace, launched.run_id)
        run = reach(client, launched.run_id, "finished")
        counts = progress(client)
        assert (counts.rank.tasks, counts.thumbs.tasks) == (PROMPTS, PROMPTS * 4)
        assert counts.completions == PROMPTS * 4
        assert counts.runs_active == 0
        assert run.status is not None
        assert run.status.metrics == {"completions": 4.0 * PROMPTS}
        assert run.arguments is not None
        found = client.call(RunCompletions("latest"), CompletionsAnswer).completions
        assert {c.run_id for c in found} == {launched.run_id}
        assert len(found) == PROMPTS * 4


def test_runs_of_one_device_queue_and_can_be_taken_out(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        first, second, third = (launch(client, device="cpu").run_id for _ in range(3))
        runs = {r.run_id: r for r in client.call(ListRuns(), RunList).runs}
        assert [runs[i].queue_position for i in (first, second, third)] == [0, 1, 2]
        assert runs[second].state == "queued"
        stopped = client.call(StopRun(second), RunAnswer).run
        assert stopped.state == "stopped"
        assert show(client, third).queue_position == 1
        go(workspace, first, third)
        reach(client, third, "finished")
        assert show(client, first).state == "finished"
        assert show(client, second).state == "stopped"
        with pytest.raises(UsageError, match="finished"):
            client.call(StopRun(first), RunAnswer)


def test_a_run_outlives_the_hub_and_is_followed_by_the_next(
    hub: HubProcess, start_hub: Start, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        running = launch(client).run_id
        queued = launch(client).run_id
        wait_until(lambda: progress(client).rank.tasks > 0, what="the run writes")
        hub.kill()
        go(workspace, running, queued)
        start_hub(program=TEST_SERVER)
        reach(client, running, "finished")
        reach(client, queued, "finished")
        counts = progress(client)
        assert (counts.rank.tasks, counts.completions) == (PROMPTS * 2, PROMPTS * 8)


@pytest.mark.parametrize("name", [layout.ARGS, layout.SUPERVISOR])
def test_a_run_whose_files_are_broken_has_failed_and_the_hub_lives(
    start_hub: Start, workspace: Workspace, name: str
) -> None:
    first = start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        prompts(client)
        running, queued = (launch(client, device="cpu").run_id for _ in range(2))
        reach(client, running, "running")
        first.kill()
        go(workspace, running)
        wait_until((workspace.runs / running / layout.EXIT).exists, deadline=90)
        for run_id in (running, queued):
            (workspace.runs / run_id / name).write_text("{half")
        second = start_hub(program=TEST_SERVER)
        for run_id in (running, queued):
            reach(client, run_id, "failed")
            (workspace.runs / run_id / name).unlink()
        assert second.process.poll() is None


def test_a_hub_killed_while_it_reads_a_file_leaves_nothing_of_the_launch(
    start_hub: Start, workspace: Workspace
) -> None:
    first = start_hub()
    file = workspace.root / "rows.jsonl"
    with file.open("w") as rows:
        for number in range(20_000):
            rows.write(f'{{"prompt": "Q{number}", "completion": " answer"}}\n')
    directory = workspace.runs / "sft-0001"

    def launches() -> None:
        with HubClient(workspace, autostart=False) as client:
            client.call(Launch("sft", {"model": "sample", "dataset": str(file)}), Launched)

    with ThreadPoolExecutor(1) as pool:
        launched = pool.submit(launches)
        wait_until(lambda: bool(children(first)), what="the reading process")
        (reading,) = children(first)
        # It has told of itself that it ends with its hub, and goes no further.
        wait_until((directory / SCRATCH / "store.duckdb").exists, what="the temporary store")
        reading.suspend()
        assert (directory / SCRATCH).exists()
        first.kill()
        wait_until(lambda: not reading.is_running() or reading.status() == "zombie", what="its end")
        with pytest.raises(HubError):
            launched.result(60)
    start_hub()
    wait_until(lambda: not directory.exists(), what="the next hub clears up")


def children(hub: HubProcess) -> list[psutil.Process]:
    return psutil.Process(hub.process.pid).children()


def test_stop_and_resume(hub: HubProcess, workspace: Workspace) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        run_id = launch(client).run_id
        wait_until(lambda: progress(client).rank.tasks > 0, what="the run writes")
        client.call(StopRun(run_id), RunAnswer)
        reach(client, run_id, "stopped")
        assert progress(client).rank.tasks == PROMPTS - 1
        with pytest.raises(UsageError, match="is stopped"):
            client.call(StopRun(run_id), RunAnswer)
        go(workspace, run_id)
        resumed = client.call(ResumeRun(run_id[: len("generate")]), Launched)
        assert resumed.run_id == run_id
        reach(client, run_id, "finished")
        assert progress(client).rank.tasks == PROMPTS
        with pytest.raises(UsageError, match="only a stopped or failed"):
            client.call(ResumeRun(run_id), Launched)


def test_a_stop_while_the_run_is_being_started_is_not_lost(
    start_hub: Start, workspace: Workspace
) -> None:
    start_hub(program=BAD_DAY)
    busy = workspace.root / "busy"
    busy.touch()
    with ThreadPoolExecutor(2) as pool, HubClient(workspace) as client:
        prompts(client)

        def asked(request: Launch | StopRun, answer: type[Launched] | type[RunAnswer]) -> None:
            with HubClient(workspace) as other:
                other.call(request, answer)

        started = pool.submit(asked, Launch("generate", dict(GENERATE)), Launched)
        run_id = "generate-0001"
        wait_until(lambda: run_id in {r.run_id for r in client.call(ListRuns(), RunList).runs})
        reach(client, run_id, "running")
        stopped = pool.submit(asked, StopRun(run_id), RunAnswer)
        # Long enough for the request to have come to the hub, and to have been lost there.
        progress(client)
        busy.unlink()
        started.result(60)
        stopped.result(60)
        assert reach(client, run_id, "stopped", "finished").state == "stopped"


def test_a_full_disk_does_not_cost_what_a_run_wrote(start_hub: Start, workspace: Workspace) -> None:
    start_hub(program=BAD_DAY)
    full = workspace.root / "full"
    full.touch()
    with HubClient(workspace) as client:
        prompts(client)
        run_id = launch(client).run_id
        go(workspace, run_id)
        wait_until((workspace.runs / run_id / layout.EXIT).exists, deadline=90)
        (workspace.root / "was-full").unlink(missing_ok=True)
        wait_until((workspace.root / "was-full").exists, deadline=90)
        assert show(client, run_id).state == "running"
        full.unlink()
        reach(client, run_id, "finished")
        assert progress(client).completions == PROMPTS * 4


def test_a_queued_run_whose_directory_was_removed_has_failed(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        first, second = (launch(client, device="cpu").run_id for _ in range(2))
        shutil.rmtree(workspace.runs / second)
        go(workspace, first)
        assert "could not be started" in reach(client, second, "failed").message
    assert hub.process.poll() is None


def test_a_worker_that_is_killed_is_a_failed_run_with_a_sentence(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        prompts(client)
        run_id = launch(client).run_id
        wait_until(lambda: progress(client).rank.tasks > 0, what="the run writes")
        client.call(StopRun(run_id, force=True), RunAnswer)
        run = reach(client, run_id, "stopped", "failed")
        assert "without a checkpoint" in run.message


def test_what_is_held_out_for_evaluation_is_not_put_up_for_labelling(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(5).prompts, split="test"), Ingested)
        run_id = launch(client, split="test").run_id
        go(workspace, run_id)
        reach(client, run_id, "finished")
        counts = progress(client)
        assert (counts.completions, counts.rank.tasks, counts.thumbs.tasks) == (20, 0, 0)


def test_the_arguments_of_a_run_are_complete_and_its_number_is_never_used_again(
    hub: HubProcess, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.config.write_text("[generate]\ntemperature = 0.5\nmax_new_tokens = 9\n")
    with HubClient(workspace) as client:
        prompts(client)
        wanted = Launch(
            kind="generate",
            arguments={"max_new_tokens": 7},
            title="A title",
            cwd=str(tmp_path),
            environment={"HF_TOKEN": "secret", "CUDA_VISIBLE_DEVICES": ""},
        )
        launched = client.call(wanted, Launched)
        found = layout.read(Path(launched.directory) / layout.ARGS, RunArguments)
        assert found is not None
        assert found.arguments["max_new_tokens"] == 7
        assert found.arguments["temperature"] == 0.5
        assert found.arguments["k"] == 4
        assert Path(found.arguments["model"]).is_absolute()
        assert found.title == "A title"
        assert found.environment == {"CUDA_VISIBLE_DEVICES": ""}
        assert found.device == "cpu"
        assert "torch" in found.versions
        with pytest.raises(UsageError, match="temprature"):
            launch(client, temprature=1.0)
        with pytest.raises(UsageError, match="not a model"):
            launch(client, model=str(tmp_path))
        with pytest.raises(UsageError, match="no run 'sft-0003'"):
            launch(client, model="sft-0003")
        assert launch(client).run_id == "generate-0002"


def test_what_is_missing_for_a_run_is_said(hub: HubProcess, workspace: Workspace) -> None:
    with HubClient(workspace) as client:
        for kind, sentence in (
            ("generate", "prompt"),
            ("ppo", "no finished reward model"),
            ("rm", "judg|rank"),
            ("sft", "demonstration"),
        ):
            with pytest.raises(NothingToDo, match=sentence):
                client.call(Launch(kind=kind, arguments={}), Launched)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="no runs yet"):
            show(client, "latest")
        assert list(workspace.runs.iterdir()) == []
