"""`label --plain` as people start it: through a pipe, on a dumb terminal, with a hub that dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pexpect
import pytest
from helpers import Cli, refused, wait_until
from helpers.hubs import end_hub, ingest, no_hub, tasks

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Lease, Leased, Trail, TrailAnswer
from rlhf_tui.records import Event, Message, Prompt, Task, TaskKind
from rlhf_tui.workspace import Workspace

PATIENCE_S = 120


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace with four rankings of three."""
    ingest(workspace, tasks(4))
    yield workspace
    end_hub(workspace)


def log(workspace: Workspace, kind: TaskKind = "rank") -> list[Event]:
    """The person's steps, oldest first."""
    with HubClient(workspace) as client:
        return client.call(Trail(kind=kind), TrailAnswer).events[::-1]


def plain(workspace: Workspace, *arguments: str, **env: str) -> pexpect.spawn:
    return pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", "label", "--plain", *arguments],
        cwd=str(workspace.root),
        encoding="utf-8",
        timeout=PATIENCE_S,
        env={**os.environ, "TERM": "dumb", **env},
    )


def ended(child: pexpect.spawn) -> int:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None, child.signalstatus
    return int(child.exitstatus)


def test_a_pipe_can_judge_all_there_is(hub: Workspace, cli: Cli) -> None:
    lines = [
        "aspect helpful 1=4 2=3",
        "y2 n1",
        "tags short, odd",
        "critique One is too long.",
        "2>1=3",
        "skip not my field",
        "flag unsafe",
        "bad",
        "undo",
        "redo",
        "unsure",
        "skipped",
        "3 1",
        "undo",
        "quit",
    ]
    done = cli("label", "--plain", stdin="\n".join(lines)).ok()
    assert "\x1b" not in done.out
    assert done.out.endswith("Left. What is half-made is kept.\n")
    events = log(hub)
    assert {event.client for event in events} == {"plain"}
    kinds = [event.kind for event in events]
    assert kinds == ["judge", "skip", "judge", "retract", "judge", "judge", "judge", "retract"]
    first, skipped, bad, *_ = events
    assert first.tiers == [2, 1, 2]
    assert first.thumbs == [False, True, None]
    assert first.tags == ["short", "odd"]
    assert first.critique == "One is too long."
    assert first.aspects == {first.shown[0]: {"helpful": 4}, first.shown[1]: {"helpful": 3}}
    assert skipped.reason == "not my field"
    assert bad.both_bad
    assert events[5].unsure
    assert events[6].task_id == skipped.task_id


def test_thumbs_history_and_revision_through_a_pipe(workspace: Workspace, cli: Cli) -> None:
    batch = tasks(2, completions=1)
    ids = [one.completion_id for one in batch.completions]
    prompts = [one.prompt_id for one in batch.completions]
    batch.tasks = [
        Task(f"u{at}", "thumbs", prompt, [one])
        for at, (one, prompt) in enumerate(zip(ids, prompts, strict=True))
    ]
    ingest(workspace, batch)
    lines = "y\nn\nhistory\nrevise 1\ny\nhistory\nhistory nowhere to be found\nquit\n"
    done = cli("label", "--plain", "--mode", "thumbs", stdin=lines).ok()
    assert "Nothing found in your history." in done.out
    events = log(workspace, "thumbs")
    assert [(event.kind, event.thumbs) for event in events] == [
        ("judge", [True]),
        ("judge", [False]),
        ("revise", [True]),
    ]
    assert events[2].supersedes == events[1].event_id
    assert {event.client for event in events} == {"plain"}


def test_what_is_half_made_is_there_again_and_the_lease_given_back(
    hub: Workspace, cli: Cli
) -> None:
    done = cli("label", "--plain", stdin="y2\ncritique\nfirst\nsecond\n.\n").ok()
    assert "Left. What is half-made is kept." in done.out
    end_hub(hub)
    again = cli("label", "--plain", stdin="quit\n").ok()
    assert "Marked so far: thumb up 2; critique: first / second." in again.out
    with HubClient(hub, as_name="bob") as client:
        assert len(client.call(Lease(kind="rank", limit=9), Leased).items) == 4
    again = cli("label", "--plain", stdin="quit\n").ok()
    assert "0 of 4 are judged, and others are at the rest." in again.out


def test_hostile_texts_do_nothing(workspace: Workspace, cli: Cli) -> None:
    batch = tasks(1)
    prompt = batch.prompts[0]
    hostile = "\x1b]52;c;eA==\x07\x1b[2J\u202e\nSaved: order 1.\n> "
    batch.prompts[0] = Prompt(prompt.prompt_id, [Message("user", hostile)])
    ingest(workspace, batch)
    done = cli("label", "--plain", stdin="").ok()
    assert all(sign.isprintable() or sign == "\n" for sign in done.out)
    assert "control characters removed" in done.out
    assert "\nSaved" not in done.out
    end_hub(workspace)


def test_a_terminal_without_any_ability_and_ctrl_c(hub: Workspace) -> None:
    child = plain(hub)
    child.expect("4 open. 3 completions")
    child.expect("> ")
    child.sendline("2>1")
    child.expect("Saved: order 2, then 1, then 3")
    child.expect("3 open")
    child.expect("> ")
    child.sendline("y1")
    child.expect("Marked so far: thumb up 1")
    child.sendintr()
    child.expect("Left. What is half-made is kept.")
    assert ended(child) == 0
    assert [event.kind for event in log(hub)] == ["judge"]


def test_nothing_is_lost_while_the_hub_is_away(hub: Workspace) -> None:
    child = plain(hub)
    child.expect("4 open")
    child.expect("> ")
    with no_hub(hub):
        child.sendline("2>1")
        child.expect("Saved locally, the hub is away: order 2, then 1, then 3")
    child.expect("What was saved locally is saved now")
    child.sendline("")
    child.expect("3 open|help")
    child.sendeof()
    child.expect("Left. All is saved.")
    assert ended(child) == 0
    assert [event.kind for event in log(hub)] == ["judge"]


def test_a_judgement_that_stays_in_the_spool_is_sent_at_the_next_start(
    hub: Workspace, cli: Cli
) -> None:
    child = plain(hub)
    child.expect("> ")
    with no_hub(hub):
        child.sendline("bad")
        child.expect("Saved locally")
        child.kill(9)
        child.expect(pexpect.EOF)
        child.close()
    again = cli("label", "--plain", stdin="quit\n").ok()
    assert "1 judged by you, 3 open" in again.out
    wait_until(lambda: [event.both_bad for event in log(hub)] == [True], what="it is there")


def test_a_name_of_nobody_is_refused(hub: Workspace, cli: Cli) -> None:
    refused(cli("label", "--plain", "--as", "\x1b"), 2, "name")
