"""A launch that is only looked at: what the hub says of it, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import Any

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest, judgement, tasks
from helpers.inside import hub_inside, person

from rlhf_tui.errors import HubError, InputError, NothingToDo, UsageError
from rlhf_tui.hub import preview_data, previewing
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.jobs import Jobs
from rlhf_tui.hub.messages import (
    Lease,
    Leased,
    ListRuns,
    Preview,
    PreviewLaunch,
    RunList,
    Submit,
    Submitted,
)
from rlhf_tui.runs.layout import RunArguments, write_atomic
from rlhf_tui.store.write import RunRow
from rlhf_tui.workspace import Workspace


def ranked(workspace: Workspace, count: int = 12) -> None:
    """Rankings of three completions each, judged by two people alike."""
    batch = tasks(count, overlap=2)
    ingest(workspace, batch)
    for name in ("anna", "bert"):
        with HubClient(workspace, as_name=name) as client:
            items = client.call(Lease(kind="rank", limit=count), Leased).items
            client.call(Submit(events=[judgement(item) for item in items]), Submitted)


def preview(workspace: Workspace, kind: Any, examples: int = 0, **arguments: Any) -> Preview:
    with HubClient(workspace) as client:
        request = PreviewLaunch(
            kind=kind, arguments=arguments, cwd=str(workspace.root), examples=examples
        )
        return client.call(request, Preview)


@pytest.mark.usefixtures("hub")
def test_a_launch_is_told_and_nothing_of_it_is_left(workspace: Workspace) -> None:
    ranked(workspace)
    found = preview(workspace, "rm", device="cpu")
    assert found.problem == ""
    assert found.refusal == 0
    assert found.device == "cpu"
    assert found.models["model"].startswith("sample, the bundled model, 95")
    assert found.dataset is not None
    # Three pairs a ranking, of two people each.
    assert sum(found.dataset.rows.values()) <= 12 * 3 * 2
    assert found.dataset.rows["train"] > 0
    assert found.dataset.annotators == 2
    # Each put them in the order in which they were shown, which is shuffled for everyone.
    assert found.dataset.agreement is not None
    assert "chosen" in found.dataset.columns
    assert found.estimate is not None
    assert found.estimate.steps > 0
    assert found.estimate.memory_there > found.estimate.memory > 0
    assert found.examples == []
    assert found.queue == []
    with HubClient(workspace) as client:
        assert client.call(ListRuns(), RunList).runs == []
    assert not [path for path in workspace.runs.iterdir() if not path.name.startswith(".preview-")]


def test_snapshots_of_previews_go_with_the_hub(workspace: Workspace, hub: HubProcess) -> None:
    ranked(workspace, 4)
    preview(workspace, "dpo", model="sample", device="cpu")
    assert list(workspace.runs.glob(".preview-*"))
    assert hub.stop() == 0
    assert not list(workspace.runs.glob(".preview-*"))


@pytest.mark.usefixtures("hub")
def test_what_is_missing_is_told_beside_what_is_there(workspace: Workspace) -> None:
    found = preview(workspace, "rm", device="cpu", examples=2)
    assert found.dataset is None
    assert "no ranked pairs" in found.problem
    assert found.refusal == 6
    assert found.no_examples
    ingest(workspace, tasks(8))
    online = preview(workspace, "ppo", device="cpu")
    assert "There is no finished reward model yet" in online.problem
    assert online.dataset is not None
    assert online.estimate is not None
    assert online.estimate.steps == 50


@pytest.mark.usefixtures("hub")
def test_what_excludes_each_other_is_told_and_a_bad_value_refused(workspace: Workspace) -> None:
    ingest(workspace, tasks(4))
    with pytest.raises(UsageError, match="leaves no room for a prompt"):
        preview(workspace, "ppo", response_length=600, max_length=512)
    with pytest.raises(UsageError, match="epochs"):
        preview(workspace, "sft", epochs=-1)
    with pytest.raises(InputError, match="There is no file"):
        preview(workspace, "sft", dataset="nowhere.jsonl")


@pytest.mark.usefixtures("hub")
def test_names_that_no_file_has_and_files_that_never_end_are_told(workspace: Workspace) -> None:
    ingest(workspace, tasks(4))
    os.mkfifo(workspace.root / "pipe.jsonl")
    for name in ("~nobody-9/x", "x" * 5000, "/dev/zero", "pipe.jsonl"):
        with pytest.raises(InputError, match=r"is no file|pipe or a device"):
            preview(workspace, "sft", dataset=name)
    for name in ("~nobody-9/x", "x" * 5000, "a\0b"):
        for kind, role in (("sft", "model"), ("evaluate", "model"), ("ppo", "reward_model")):
            found = preview(workspace, kind, **{role: name, "device": "cpu"})
            assert "There is no model" in found.problem


@pytest.mark.usefixtures("hub")
def test_a_reward_function_is_not_run_for_a_preview(workspace: Workspace) -> None:
    ran = workspace.root / "ran"
    (workspace.root / "paid.py").write_text(f"open({str(ran)!r}, 'w')\ndef f(**_): return [0.0]\n")
    found = preview(workspace, "grpo", model="sample", rewards=["paid:f"], device="cpu")
    assert found.models["reward 1"] == "1.0*paid:f"
    assert not ran.exists()


@pytest.mark.usefixtures("hub")
def test_a_file_is_read_once_however_often_the_form_changes(workspace: Workspace) -> None:
    rows = [{"prompt": f"Film {n}", "chosen": " good", "rejected": " bad"} for n in range(40)]
    file = workspace.root / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = preview(workspace, "rm", dataset="pairs.jsonl", device="cpu")
    assert found.dataset is not None
    assert found.dataset.source == str(file)
    assert any("40 rows of" in note for note in found.dataset.notes)
    made = set(workspace.runs.glob(".preview-*"))
    again = preview(workspace, "rm", dataset="pairs.jsonl", device="cpu", epochs=7)
    assert again.dataset == found.dataset
    assert again.estimate is not None
    assert found.estimate is not None
    assert again.estimate.steps == found.estimate.steps // 3 * 7
    assert set(workspace.runs.glob(".preview-*")) == made
    with HubClient(workspace) as client:
        assert client.call(ListRuns(), RunList).runs == []


@pytest.mark.usefixtures("hub")
def test_examples_come_from_a_process_of_their_own(workspace: Workspace) -> None:
    ranked(workspace, 6)
    found = preview(workspace, "dpo", examples=1, model="sample", device="cpu")
    assert found.no_examples == ""
    better, worse = found.examples
    assert (better.title, worse.title) == ("chosen", "rejected")
    assert better.pieces[-1].text == "</s>"
    assert better.pieces[-1].special
    assert better.pieces[-1].learnt
    assert not better.pieces[0].learnt
    assert found.estimate is not None
    assert any("as counted" in sentence for sentence in found.estimate.basis)
    later = preview(workspace, "dpo", model="sample", device="cpu", epochs=4)
    assert later.estimate is not None
    assert any("as counted" in sentence for sentence in later.estimate.basis), "known by now"
    missing = preview(workspace, "dpo", examples=1, model="./nowhere-x", device="cpu")
    assert "nowhere-x" in missing.problem


async def test_a_newer_request_takes_the_place_of_an_older_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, begun = threading.Event(), threading.Event()

    def slow(*_: Any) -> Any:
        begun.set()
        assert may_end.wait(60)
        raise NothingToDo("There is nothing.")

    monkeypatch.setattr(preview_data, "write_snapshot", slow)
    me = msgspec.structs.replace(person("ann", role="owner"), connection=7)
    other = msgspec.structs.replace(me, connection=8)
    async with hub_inside(workspace) as hub:
        hub.jobs = Jobs(hub)
        request = PreviewLaunch(kind="rm", arguments={"device": "cpu"})
        older = asyncio.create_task(previewing.preview(hub, me, request))
        beside = asyncio.create_task(previewing.preview(hub, other, request))
        await asyncio.to_thread(begun.wait, 60)
        newer = asyncio.create_task(previewing.preview(hub, me, request))
        with pytest.raises(HubError, match="newer preview"):
            await older
        may_end.set()
        for task in (newer, beside):
            assert (await task).problem == "There is nothing."


async def test_it_waits_for_what_runs_on_its_device_and_comes_before_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_inside(workspace) as hub:
        hub.jobs = Jobs(hub)
        for number, (device, state, priority) in enumerate(
            [("cpu", "running", 0), ("cuda:0", "running", 0), ("cpu", "queued", 0),
             ("cpu", "queued", 4), ("cpu", "queued", -1), ("cpu", "finished", 0)]
        ):  # fmt: skip
            directory = workspace.runs / f"sft-{number:04d}"
            directory.mkdir(parents=True)
            write_atomic(
                directory / "args.json", RunArguments(directory.name, "sft", {}, device=device)
            )
            hub.jobs.rows[directory.name] = RunRow(
                directory.name, "sft", state, directory=str(directory), priority=priority
            )
        places = {"sft-0003": 1, "sft-0002": 2, "sft-0004": 3}
        monkeypatch.setattr(hub.jobs, "queue_positions", lambda: places)
        me = person("ann", role="owner")
        request = PreviewLaunch(kind="sft", arguments={"device": "cpu"})
        found = await previewing.preview(hub, me, request)
        assert found.queue == ["sft-0000", "sft-0003", "sft-0002"]
        last = msgspec.structs.replace(request, priority=-1)
        assert (await previewing.preview(hub, me, last)).queue[-1] == "sft-0004"
