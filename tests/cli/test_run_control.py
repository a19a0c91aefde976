"""`runs` that change something, as people and scripts give them: words, exit codes, JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pexpect
import pytest
from helpers import Cli, refused
from helpers.ended import enter_run
from helpers.hubs import TEST_SERVER, HubProcess, end_runs, ingest, tasks

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Launch, Launched
from rlhf_tui.workspace import Workspace


@pytest.fixture
def runs(workspace: Workspace, cli: Cli) -> Cli:
    """A workspace with a finished SFT run, a PPO run that started from it, and a failed one."""
    sft = enter_run(workspace, "sft-0001", title="baseline")
    enter_run(workspace, "ppo-0001", created_ms=2, arguments={"model": f"{sft}/model"})
    enter_run(workspace, "rm-0001", state="failed", created_ms=3, model=False)
    return cli


@pytest.fixture
def queue(workspace: Workspace, cli: Cli) -> Iterator[Cli]:
    """A workspace with one run at work and three that wait for it."""
    hub = HubProcess(workspace, program=TEST_SERVER).ready()
    ingest(workspace, tasks(2))
    with HubClient(workspace) as client:
        for _ in range(4):
            client.call(Launch("generate", {"device": "cpu"}), Launched)
    yield cli
    hub.kill()
    end_runs(workspace)


def test_yes_answers_one_question_of_resume_alone(cli: Cli) -> None:
    refused(cli("runs", "resume", "sft-0001", "--yes"), 2, "--yes is for --host-gone")


def test_titles_notes_and_tags(runs: Cli) -> None:
    assert runs("runs", "rename", "sft", "first try").ok().out == "sft-0001 is 'first try' now.\n"
    refused(runs("runs", "rename", "sft", "two\nlines"), 2, "one line")
    refused(runs("runs", "note", "latest"), 6, "rm-0001 has no note")
    runs("runs", "note", "latest", "-", stdin="It diverged.\nSee the log.\n").ok()
    assert runs("runs", "note", "rm-0001").ok().out == "It diverged.\nSee the log.\n"
    runs("runs", "note", "sft-0001", "for the paper").ok()
    tagged = runs("runs", "tag", "sft-0001", "ppo", "--add", "Good", "--add", "v2").ok()
    assert tagged.out == "sft-0001: Good v2\nppo-0001: Good v2\n"
    assert runs("runs", "tag", "ppo", "--drop", "v2", "--json").ok().json[0]["tags"] == ["Good"]
    assert runs("runs", "tag", "latest").ok().out == "rm-0001: no tags\n"
    refused(runs("runs", "tag", "sft", "--add", "two words"), 2, "'two words' is not")
    # Nothing is changed when one of several names is wrong.
    refused(runs("runs", "tag", "sft", "nowhere", "--add", "x"), 2, "no run 'nowhere'")
    assert runs("runs", "tag", "sft").ok().out == "sft-0001: Good v2\n"
    listed = runs("runs", "list", "--tag", "Good", "--tag", "v2").ok().out.splitlines()
    assert listed[0].split() == ["RUN", "STATE", "CREATED", "STEP", "TITLE", "LATEST"]
    assert len(listed) == 2
    assert "first try #Good #v2" in listed[1]
    states = runs("runs", "list", "--state", "failed", "--json").ok().json
    assert [run["run_id"] for run in states] == ["rm-0001"]
    refused(runs("runs", "list", "--state", "done"), 2, "--state cannot be 'done'")
    shown = runs("runs", "show", "sft").ok().out
    assert "note       for the paper\n" in shown
    assert "tags       Good v2\n" in shown
    assert "no such runs" in runs("runs", "list", "--tag", "none").ok().err


def test_promoting_and_what_generate_then_takes(runs: Cli) -> None:
    refused(runs("runs", "promote"), 2, "no current policy yet")
    refused(runs("runs", "promote", "rm-0001"), 2, "is a reward model")
    refused(runs("runs", "promote", "ppo", "--none"), 2, "both given")
    assert runs("runs", "promote", "ppo").ok().out == "ppo-0001 is the current policy now.\n"
    assert runs("runs", "promote").ok().out == "ppo-0001  (current policy)\n"
    assert "(current policy)" in runs("runs", "list", "--kind", "ppo").ok().out
    assert "current policy" in runs("runs", "show", "current").ok().out
    refused(runs("runs", "archive", "ppo"), 2, "is the workspace's current policy")
    refused(runs("runs", "delete", "ppo", "--yes"), 2, "current policy", "--force")
    gone = runs("runs", "promote", "--none", "--json").ok().json
    assert (gone["run_id"], gone.get("current", False)) == ("ppo-0001", False)
    refused(runs("runs", "promote", "--none"), 2, "no current policy yet")


def test_putting_away_and_back(runs: Cli) -> None:
    told = runs("runs", "archive", "rm-0001", "ppo-0001").ok().out
    assert told == "rm-0001 is put away.\nppo-0001 is put away.\n"
    ids = [run["run_id"] for run in runs("runs", "list", "--json").ok().json]
    assert ids == ["sft-0001"]
    assert runs("runs", "list", "--archived").ok().out.count("(archived)") == 2
    assert "put away" in runs("runs", "show", "rm-0001").ok().out
    assert runs("runs", "archive", "rm", "--undo").ok().out == "rm-0001 is back in the lists.\n"


def test_deleting(runs: Cli, workspace: Workspace) -> None:
    refused(runs("runs", "delete", "rm-0001"), 2, "nobody is here", "--yes")
    refused(runs("runs", "delete", "sft", "-y"), 2, "ppo-0001 started from sft-0001", "--force")
    # The one that started from the other goes first, whatever the order.
    told = runs("runs", "delete", "sft", "ppo", "--yes", "--json").ok().json
    assert told == {"deleted": ["ppo-0001", "sft-0001"]}
    assert [path.name for path in workspace.runs.iterdir()] == ["rm-0001"]
    refused(runs("runs", "show", "sft-0001"), 2, "it was deleted")
    refused(runs("runs", "delete", "sft-0001", "-y"), 2, "it was deleted")


def test_deleting_asks_a_person(runs: Cli, workspace: Workspace) -> None:
    command = ["-m", "rlhf_tui.cli", "runs", "delete", "rm-0001"]
    for answer, code in (("", 6), ("n", 6), ("y", 0)):
        child = pexpect.spawn(sys.executable, command, cwd=str(runs.cwd), timeout=60)
        child.expect(r"rm-0001  failed, [0-9.]+ MB")
        child.expect(r"Delete this run and its files\? \[y/N\] ")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == code
        assert (workspace.runs / "rm-0001").exists() == bool(code)


def test_ordering_the_queue(queue: Cli) -> None:
    def waiting() -> list[str]:
        found = queue("runs", "list", "--state", "queued", "--json").ok().json
        return [run["run_id"][-1] for run in sorted(found, key=lambda run: run["queue_position"])]

    assert waiting() == ["2", "3", "4"]
    moved = queue("runs", "move", "generate-0004", "--by", "-1").ok().out
    assert moved.endswith("number 2 in the queue.\n")
    assert waiting() == ["2", "4", "3"]
    queue("runs", "move", "generate-0003", "--first").ok()
    assert queue("runs", "move", "generate-0002", "--last", "--json").ok().json["run_id"]
    assert waiting() == ["3", "4", "2"]
    queue("runs", "priority", "generate-0002", "9").ok()
    assert waiting() == ["2", "3", "4"]
    refused(queue("runs", "move", "generate-0002"), 2, "Where to?", "--first")
    refused(queue("runs", "move", "generate-0001", "--by", "1"), 2, "only a queued run has a turn")
    refused(queue("runs", "archive", "generate-0001"), 2, "only a run that has ended")
    refused(queue("runs", "delete", "generate-0001", "-y"), 2, "Stop it first")
