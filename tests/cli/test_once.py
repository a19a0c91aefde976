"""`dashboard --once` in a workspace: the list, titles, marks and order that its hub knows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from helpers import Cli, refused
from helpers.ended import enter_run
from helpers.hubs import TEST_SERVER, HubProcess, end_runs, ingest, tasks

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Launch, Launched
from rlhf_tui.workspace import Workspace


@pytest.fixture
def runs(workspace: Workspace, cli: Cli) -> Cli:
    """A workspace with an old archived run, a promoted one with marks, and a failed one."""
    enter_run(workspace, "sft-0001", title="first try")
    enter_run(workspace, "sft-0002", title="at the launch", created_ms=2)
    enter_run(workspace, "rm-0001", state="failed", created_ms=3, model=False)
    cli("runs", "archive", "sft-0001").ok()
    cli("runs", "rename", "sft-0002", "the one for the paper").ok()
    cli("runs", "tag", "sft-0002", "--add", "paper").ok()
    cli("runs", "note", "sft-0002", "Twice the data.\nHalf the rate.").ok()
    cli("runs", "promote", "sft-0002").ok()
    return cli


def test_what_people_say_of_runs_is_told(runs: Cli) -> None:
    out = runs("dashboard", "current", "--once").ok().out.splitlines()
    listed = runs("runs", "list", "--json").ok().json
    assert [line.split()[0] for line in out[1:3]] == [run["run_id"] for run in listed]
    assert out[2].endswith("the one for the paper #paper (current policy)")
    head = "sft-0002  finished  supervised fine-tuning, the one for the paper #paper"
    assert f"{head} (current policy)" in out
    assert out[out.index("note: Twice the data.") + 1] == "note: Half the rate."
    assert not any("sft-0001" in line for line in out)
    # An archived run is told of when it is named, and a beginning names a run as elsewhere.
    assert "(archived)" in runs("dashboard", "sft-0001", "--once").ok().out
    told = runs("dashboard", "sft-0002", "--json").ok()
    assert told.err == ""
    assert told.json["note"] == ""
    [failed, current] = told.json["runs"]
    assert (failed["run_id"], failed["state"], failed["current"]) == ("rm-0001", "failed", False)
    assert (current["tags"], current["current"], current["archived"]) == (["paper"], True, False)
    assert told.json["run"]["note"] == "Twice the data.\nHalf the rate."
    assert told.json["run"]["metrics"]["loss"]["points"] == 2
    refused(runs("dashboard", "sft-7", "--once"), 2, "no run 'sft-7'")


def test_a_copied_directory_that_the_hub_does_not_know(workspace: Workspace, runs: Cli) -> None:
    shutil.copytree(workspace.runs / "rm-0001", workspace.runs / "copied")
    told = runs("dashboard", "copied", "--once").ok().out.splitlines()
    assert [line.split()[0] for line in told[:3]] == ["RUN", "rm-0001", "sft-0002"]
    assert any(line.startswith("rm-0001  failed") for line in told[3:])


@pytest.fixture
def queue(workspace: Workspace, cli: Cli) -> Iterator[Cli]:
    """A workspace with one run at work and two that wait, the later one first."""
    hub = HubProcess(workspace, program=TEST_SERVER).ready()
    ingest(workspace, tasks(2))
    with HubClient(workspace) as client:
        for _ in range(3):
            client.call(Launch("generate", {"device": "cpu"}), Launched)
    cli("runs", "priority", "generate-0003", "5").ok()
    yield cli
    hub.kill()
    end_runs(workspace)


def test_the_queue_stands_in_its_order(queue: Cli) -> None:
    told = queue("dashboard", "--json").ok().json["runs"]
    assert [run["run_id"] for run in told] == ["generate-0001", "generate-0003", "generate-0002"]
    assert [run["queue_position"] for run in told] == [0, 1, 2]
    assert told[1]["priority"] == 5
    waiting = queue("dashboard", "generate-0002", "--once").ok().out.splitlines()
    assert waiting[2].split()[:4] == ["generate-0003", "queued", "#1", "next"]
    assert "No numbers yet." in waiting
