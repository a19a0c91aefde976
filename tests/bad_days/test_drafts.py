"""What was half made when a program was killed, a hub died or an editor was open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers import Cli, wait_until
from helpers.films import films
from helpers.hubs import end_hub
from helpers.terminals import LOOK_S, PATIENCE_S, Pane, Terminals

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import GetItem, History, HistoryAnswer, ItemAnswer, Trail, TrailAnswer
from rlhf_tui.records import Event
from rlhf_tui.screens.label_drafts import work_of
from rlhf_tui.workspace import Workspace


@pytest.fixture
def fake_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that adds to the text, and says on the terminal that it has it."""
    program = tmp_path / "editor"
    program.write_text('#!/bin/sh\nprintf " In short: see it." >> "$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))


def prompt_on(screen: str) -> str:
    found = re.search(r"Film number \d+", screen)
    assert found is not None, screen
    return found.group()


def trail(workspace: Workspace) -> list[Event]:
    with HubClient(workspace) as hub:
        return hub.call(Trail(kind="rank"), TrailAnswer).events


def kept_keys(workspace: Workspace, task_id: str) -> str:
    with HubClient(workspace) as hub:
        return work_of(hub.call(GetItem(task_id=task_id), ItemAnswer).item).marks.keys


def leased_task(workspace: Workspace, prompt: str) -> str:
    """The id of the ranking of a prompt."""
    from rlhf_tui.hub.messages import PromptPage, ReadPrompts
    from rlhf_tui.records import plain, task_id

    with HubClient(workspace) as hub:
        page = hub.call(ReadPrompts(), PromptPage)
    [wanted] = [p for p in page.prompts if plain(p.prompt).startswith(prompt)]
    ids = [c.completion_id for c in page.completions if c.prompt_id == wanted.prompt_id]
    return task_id("rank", ids)


def end(pane: Pane) -> None:
    """Leave room by room, as a person does."""

    def left() -> bool:
        if not pane.dead:
            pane.press("q")
        return pane.dead

    wait_until(left, PATIENCE_S, "the program ends", poll=1.0)


def test_a_killed_program_begins_again_with_the_same_half_made_ranking(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    films(cli, 4)
    pane = screens.open(workspace.root, "label")
    prompt = prompt_on(pane.shows("Film number"))
    task = leased_task(workspace, prompt)
    pane.press("2", "y")
    wait_until(lambda: kept_keys(workspace, task) != "", PATIENCE_S, "the draft is kept", LOOK_S)
    before = kept_keys(workspace, task)
    pane.kill()

    again = screens.open(workspace.root, "label")
    again.shows("1st")
    again.shows(prompt)
    assert kept_keys(workspace, task) == before
    end(again)


def test_a_hub_that_dies_while_a_ranking_is_half_made_gets_its_draft_later(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    films(cli, 4)
    pane = screens.open(workspace.root, "label")
    prompt = prompt_on(pane.shows("Film number"))
    task = leased_task(workspace, prompt)
    end_hub(workspace)
    pane.press("2")
    pane.shows("1st")
    wait_until(lambda: kept_keys(workspace, task) == "2", PATIENCE_S, "the draft is kept", LOOK_S)
    pane.kill()
    again = screens.open(workspace.root, "label")
    again.shows("1st")
    again.shows(prompt)
    end(again)


@pytest.mark.usefixtures("fake_editor")
def test_an_edit_survives_the_kill_and_is_undone_and_redone_in_later_programs(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    films(cli, 4)
    pane = screens.open(workspace.root, "label", size=(120, 40))
    prompt = prompt_on(pane.shows("Film number"))
    task = leased_task(workspace, prompt)
    pane.press("2", "e")
    pane.shows("In short: see it.")
    wait_until(lambda: "e" in kept_keys(workspace, task), PATIENCE_S, "the draft", LOOK_S)
    pane.kill()

    again = screens.open(workspace.root, "label", size=(120, 40))
    again.shows("In short: see it.")
    again.shows(prompt)
    again.press("Enter")
    wait_until(lambda: bool(trail(workspace)), 20, again.screen, LOOK_S)
    end(again)
    [judged] = trail(workspace)
    [written] = judged.written
    assert judged.task_id == task
    assert judged.tiers[judged.shown.index(written.completion_id)] == 1

    third = screens.open(workspace.root, "label", size=(120, 40))
    third.shows("Film number")
    third.press("u")
    third.shows("In short: see it.")
    third.shows(prompt)
    wait_until(lambda: len(trail(workspace)) == 2, PATIENCE_S, "the retraction", LOOK_S)
    wait_until(lambda: "4" in kept_keys(workspace, task), PATIENCE_S, "its draft", LOOK_S)
    third.kill()

    fourth = screens.open(workspace.root, "label", size=(120, 40))
    fourth.shows("In short: see it.")
    fourth.press("U")
    wait_until(lambda: len(trail(workspace)) == 3, PATIENCE_S, "done again", LOOK_S)
    end(fourth)
    again_judged, back, _ = trail(workspace)
    assert (back.kind, back.supersedes) == ("retract", judged.event_id)
    assert (again_judged.kind, again_judged.supersedes) == ("judge", judged.event_id)
    assert (again_judged.tiers, again_judged.written) == (judged.tiers, judged.written)
    with HubClient(workspace) as hub:
        [entry] = hub.call(History(search="in short"), HistoryAnswer).entries
    assert entry.event.event_id == again_judged.event_id


def test_the_history_finds_opens_and_revises_what_the_hub_has(
    cli: Cli, workspace: Workspace, screens: Terminals, tmp_path: Path
) -> None:
    films(cli, 6)
    pane = screens.open(workspace.root, "label", size=(120, 30))
    judged = []
    for _ in range(3):
        judged.append(prompt_on(pane.shows("Film number")))
        pane.press("2", "1", "Enter")
        wait_until(lambda: judged[-1] not in pane.screen, PATIENCE_S, "the next", LOOK_S)
    pane.press("h", "/")
    pane.shows("Search")
    pane.press(*judged[0].replace(" ", "~").replace("~", " "), "Enter")
    pane.shows(r"with '" + judged[0])
    pane.press("Enter")
    assert judged[0] in pane.shows("As you judged it")
    pane.press("u", "u", "u", "1", "2", "Enter")
    pane.shows("after 1 revision")
    end(pane)
    newest = trail(workspace)[0]
    assert newest.kind == "revise"
    out = tmp_path / "out.jsonl"
    cli("export", "rankings", out, "--split", "all").ok()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    kinds = [row["kind"] for row in rows if row["prompt_text"].startswith(judged[0])]
    assert sorted(kinds) == ["judge", "revise"]
