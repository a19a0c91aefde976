"""What people change on runs: the queue's order, notes and tags, promotion, putting away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.ended import enter_run
from helpers.hubs import TEST_SERVER, HubProcess, tasks
from helpers.waiting import wait_until

from rlhf_tui.config.options import EvaluateOptions, GenerateOptions, PPOOptions, SFTOptions
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import UsageError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    EditRun,
    Ingest,
    Ingested,
    Launch,
    Launched,
    ListRuns,
    MoveRun,
    PromoteRun,
    ResumeRun,
    RunAnswer,
    RunInfo,
    RunList,
    SetPriority,
    ShowRun,
)
from rlhf_tui.hub.models import resolve_options
from rlhf_tui.runs.layout import ARGS, MODEL, RunArguments, read
from rlhf_tui.store.write import RunRow
from rlhf_tui.workspace import Workspace

Start = Callable[..., HubProcess]


def show(client: HubClient, run_id: str) -> RunInfo:
    return client.call(ShowRun(run_id), RunAnswer).run


def edit(client: HubClient, request: EditRun) -> RunInfo:
    return client.call(request, RunAnswer).run


def listed(client: HubClient, *, archived: bool = False) -> list[str]:
    return [run.run_id for run in client.call(ListRuns(archived=archived), RunList).runs]


def launch(client: HubClient, **arguments: object) -> Launched:
    wanted = {"k": 4, "limit": 2, "device": "cpu", **arguments}
    return client.call(Launch("generate", wanted), Launched)


def written(workspace: Workspace, launched: Launched) -> RunArguments:
    found = read(workspace.runs / launched.run_id / ARGS, RunArguments)
    assert found is not None
    return found


def waiting(client: HubClient) -> list[str]:
    """The queue, first to start first."""
    runs = client.call(ListRuns(), RunList).runs
    queue = sorted((run.queue_position, run.run_id) for run in runs if run.queue_position)
    assert [place for place, _ in queue] == [*range(1, len(queue) + 1)]
    return [run_id for _, run_id in queue]


def test_the_queue_is_reordered_and_stays_so_over_a_restart(
    start_hub: Start, workspace: Workspace
) -> None:
    hub = start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        running, a, b, c, d = (launch(client).run_id for _ in range(5))
        assert waiting(client) == [a, b, c, d]
        moved = client.call(MoveRun(c, -1), RunAnswer).run
        assert moved.queue_position == 2
        assert waiting(client) == [a, c, b, d]
        client.call(MoveRun(d, -99), RunAnswer)
        client.call(MoveRun(a, 1), RunAnswer)
        assert waiting(client) == [d, c, a, b]
        with pytest.raises(UsageError, match="is running: only a queued run has a turn"):
            client.call(MoveRun(running, -1), RunAnswer)
        with pytest.raises(UsageError, match="A priority lies between"):
            client.call(SetPriority(a, 2**40), RunAnswer)
    hub.kill()
    hub = start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        assert waiting(client) == [d, c, a, b]
        # The next one that is launched goes behind all of them.
        late = launch(client).run_id
        assert waiting(client) == [d, c, a, b, late]


def test_a_resumed_run_keeps_its_place_behind_the_others_over_a_restart(
    start_hub: Start, workspace: Workspace
) -> None:
    enter_run(workspace, "generate-0001", state="stopped", model=False)
    hub = start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        launch(client)
        waits = launch(client).run_id
        edit(client, EditRun("generate-0001", archived=True))
        client.call(ResumeRun("generate-0001"), Launched)
        assert not show(client, "generate-0001").archived
        assert waiting(client) == [waits, "generate-0001"]
    hub.kill()
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        assert waiting(client) == [waits, "generate-0001"]


def test_what_people_say_of_a_run_is_kept(start_hub: Start, workspace: Workspace) -> None:
    enter_run(workspace, "sft-0001", title="first")
    hub = start_hub()
    with HubClient(workspace) as client:
        edit(client, EditRun("sft", title=" baseline ", note="For the paper.\nTable 2."))
        edit(client, EditRun("latest", add_tags=["good", "Paper", "good"]))
        told = edit(client, EditRun("sft-0001", add_tags=["v2"], drop_tags=["good", "none"]))
        assert (told.title, told.note) == ("baseline", "For the paper.\nTable 2.")
        assert told.tags == ["Paper", "v2"]
        for bad, why in (
            (EditRun("sft-0001", title="a\nb"), "one line"),
            (EditRun("sft-0001", title="x" * 201), "200 characters at most; this one has 201"),
            (EditRun("sft-0001", note="x" * 4001), "4000 characters at most"),
            (EditRun("sft-0001", note="\x1b[2J"), "plain text"),
            (EditRun("sft-0001", add_tags=["two words"]), "'two words' is not"),
            (EditRun("sft-0001", add_tags=["x" * 33]), "32 characters"),
            (EditRun("sft-0001", add_tags=[f"t{n}" for n in range(19)]), "20 tags at most"),
            (EditRun("nothing", note=""), "There is no run 'nothing'"),
        ):
            with pytest.raises(UsageError, match=why):
                edit(client, bad)
    hub.kill()
    start_hub()
    with HubClient(workspace) as client:
        [run] = client.call(ListRuns(), RunList).runs
        assert (run.title, run.note) == (told.title, told.note)
        assert run.tags == ["Paper", "v2"]
        assert edit(client, EditRun("sft-0001", title="", note="")).title == ""


def test_runs_are_put_away_and_back(start_hub: Start, workspace: Workspace) -> None:
    enter_run(workspace, "sft-0001")
    enter_run(workspace, "generate-0001", state="failed", created_ms=2, model=False)
    hub = start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        active = launch(client).run_id
        assert edit(client, EditRun("generate-0001", archived=True)).archived
        assert listed(client) == [active, "sft-0001"]
        assert listed(client, archived=True) == [active, "generate-0001", "sft-0001"]
        with pytest.raises(UsageError, match="is running: only a run that has ended is put away"):
            edit(client, EditRun(active, archived=True))
        client.call(PromoteRun("sft-0001"), RunAnswer)
        with pytest.raises(UsageError, match=r"current policy: it is not put away\. Promote an"):
            edit(client, EditRun("sft-0001", archived=True))
    hub.kill()
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        assert "generate-0001" not in listed(client)
        assert not edit(client, EditRun("generate-0001", archived=False)).archived
        assert "generate-0001" in listed(client)


def test_a_promoted_model_is_the_current_policy(start_hub: Start, workspace: Workspace) -> None:
    enter_run(workspace, "sft-0001")
    enter_run(workspace, "ppo-0001", created_ms=2)
    enter_run(workspace, "rm-0001", created_ms=3)
    enter_run(workspace, "dpo-0001", state="stopped", created_ms=4)
    enter_run(workspace, "kto-0001", model=False, created_ms=5)
    enter_run(workspace, "generate-0001", model=False, created_ms=6)
    hub = start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        for run, why in (
            ("rm-0001", "reward model, which writes nothing"),
            ("dpo-0001", "is stopped: only a finished"),
            ("kto-0001", "has no model"),
            ("generate-0001", "trained no model: it is of kind generate"),
            ("current", r"no current policy yet\. Make a run's model .*runs promote RUN"),
        ):
            with pytest.raises(UsageError, match=why):
                client.call(PromoteRun(run), RunAnswer)
        with pytest.raises(UsageError, match="no current policy yet"):
            launch(client, model="current")
        assert any("bundled sample" in note for note in launch(client).notes)
        assert client.call(PromoteRun("sft-0001"), RunAnswer).run.current
        assert client.call(PromoteRun("ppo"), RunAnswer).run.current
        assert not show(client, "sft-0001").current
        assert show(client, "current").run_id == "ppo-0001"
    hub.kill()
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        taken = launch(client)
        assert "Model: ppo-0001, the workspace's current policy." in taken.notes
        arguments = written(workspace, taken)
        assert arguments.lineage == {"model": "ppo-0001"}
        assert arguments.arguments["model"] == str(workspace.runs / "ppo-0001" / MODEL)
        # What is said wins: an option, then a setting.
        assert not any("current" in note for note in launch(client, model="sample").notes)
        workspace.config.write_text('[generate]\nmodel = "sft-0001"\n')
        assert written(workspace, launch(client)).lineage == {"model": "sft-0001"}
        with pytest.raises(UsageError, match=r"sft-0001 is not the .* current policy. ppo-0001 is"):
            client.call(PromoteRun("sft-0001", demote=True), RunAnswer)
        assert not client.call(PromoteRun("current", demote=True), RunAnswer).run.current
        with pytest.raises(UsageError, match="no current policy yet"):
            show(client, "current")


def test_current_is_a_model_wherever_one_is_named(tmp_path: Path) -> None:
    runs = {}
    for number, run_id in enumerate(("sft-0001", "ppo-0001"), 1):
        directory = tmp_path / run_id
        (directory / MODEL).mkdir(parents=True)
        kind = run_id.partition("-")[0]
        runs[run_id] = RunRow(
            run_id, kind, "finished", directory=str(directory), promoted_ms=number
        )
    model = str(tmp_path / "ppo-0001" / MODEL)
    for options in (
        SFTOptions(model="current"),
        EvaluateOptions(model="current"),
        PPOOptions(model="current", rewards=["some:function"]),
    ):
        if isinstance(options, PPOOptions):
            (tmp_path / "some.py").write_text("def function(): ...\n")
        found = resolve_options(options, Settings(), runs, tmp_path)
        assert getattr(found.options, "model") == model  # noqa: B009
        assert found.lineage == {"model": "ppo-0001"}
    with pytest.raises(UsageError, match="ppo-0001 is a language model, not a reward model"):
        resolve_options(PPOOptions(reward_model="current"), Settings(), runs, tmp_path)
    # Trainers start from the newest SFT run unless they are told.
    named = PPOOptions(rewards=["some:function"])
    assert resolve_options(named, Settings(), runs, tmp_path).lineage == {"model": "sft-0001"}
    served = GenerateOptions(endpoint="http://127.0.0.1:1/v1")
    assert resolve_options(served, Settings(), runs, tmp_path).lineage == {}


def test_a_run_that_starts_meanwhile_gets_no_place_back(
    start_hub: Start, workspace: Workspace
) -> None:
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        client.call(Ingest(prompts=tasks(2).prompts), Ingested)
        first, second = launch(client).run_id, launch(client).run_id
        (workspace.runs / first / "go").touch()
        wait_until(lambda: show(client, second).state == "running", 90, "its turn")
        with pytest.raises(UsageError, match="only a queued run has a turn"):
            client.call(MoveRun(second, 1), RunAnswer)
        assert show(client, second).priority == 0
