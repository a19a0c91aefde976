"""Terminals that close, are small, or belong to a workspace that cannot be opened."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import Cli, wait_until
from helpers.films import films
from helpers.terminals import LOOK_S, PATIENCE_S, Terminals

from rlhf_tui.workspace import Workspace

SAVED = r"(?m)^ Ranking.*\S saved *$"


def newer(cli: Cli, workspace: Workspace) -> None:
    cli("hub", "stop").ok()
    code = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('update schema_version set version = version + 1000')"
    )
    subprocess.run([sys.executable, "-c", code, str(workspace.store)], check=True)


def test_a_closed_window_keeps_what_was_saved_and_what_was_begun(
    cli: Cli, workspace: Workspace, screens: Terminals, tmp_path: Path
) -> None:
    films(cli, 4)
    pane = screens.open(workspace.root, "label")
    first = re.search(r"Film number \d+", pane.shows("Film number"))
    pane.press("2", "1", "Enter")
    pane.shows(SAVED)
    second = re.search(r"Film number \d+", pane.shows("Film number"))
    pane.press("3")
    pane.shows("1st")
    pane.close_terminal()
    wait_until(lambda: pane.dead, PATIENCE_S, "the program ends with its window")

    again = screens.open(workspace.root, "label")
    # Badge and texts may come in two drawings.
    screen = again.shows(r"(?s)Film number.*1st")
    assert first is not None and second is not None
    assert second.group() in screen and first.group() not in screen
    again.press("q", "q")
    again.gone()
    out = tmp_path / "out.jsonl"
    cli("export", "rankings", out, "--split", "all").ok()
    [row] = [json.loads(line) for line in out.read_text().splitlines()]
    assert row["prompt_text"].startswith(first.group())


def test_a_pasted_log_with_colours_presses_no_keys(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    films(cli, 2)
    pane = screens.open(workspace.root, "label")
    pane.shows("Film number")
    pane.press("c")
    pane.shows("Critique")
    # Read as keys, its s would skip the item, and 1, 2 and the line's end would rank it.
    pane.paste("the \x1b[31mred\x1b[0m one\n\x07s12\n")
    pane.shows("the red one")
    pane.press("Enter")
    screen = pane.shows(r"(?s)Film number.*critique")
    assert "0 yours" in screen
    pane.press("q")
    pane.gone()


def test_every_room_fits_forty_columns_and_ten_rows(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    films(cli, 4)
    pane = screens.open(workspace.root, size=(40, 10))
    pane.shows("prompts|Prompts")
    for key, words in (("r", "Film number"), ("t", "Film number"), ("d", "run"), ("g", "model")):
        home = pane.screen
        pane.press(key)
        wait_until(lambda: pane.screen != home, PATIENCE_S, key, LOOK_S)  # noqa: B023
        screen = pane.shows(words)
        assert "Traceback" not in screen
        assert max(map(len, screen.splitlines())) <= 40
        pane.press("?")
        pane.shows("keys|Keys|What")
        pane.press("?")
        pane.shows(words)
        pane.press("q")
        pane.shows("prompts|Prompts")
    pane.press("q")
    pane.gone()


@pytest.mark.parametrize("command", [[], ["label"], ["dashboard"]], ids=["home", "label", "runs"])
def test_a_workspace_of_a_newer_version_is_told_on_the_screen(
    cli: Cli, workspace: Workspace, screens: Terminals, command: list[str]
) -> None:
    films(cli, 1)
    newer(cli, workspace)
    pane = screens.open(workspace.root, *command)
    screen = pane.shows("newer")
    assert "Traceback" not in screen
    pane.press("q", "q")
    pane.gone()


def test_one_completion_cannot_be_ranked_and_the_screen_says_what_can_be_done(
    cli: Cli, workspace: Workspace, screens: Terminals, tmp_path: Path
) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"prompt": "A film", "completions": [" was good."]}) + "\n")
    cli("import", path).ok()
    pane = screens.open(workspace.root, "label")
    pane.shows("Nothing can be ranked yet")
    pane.press("q", "q")
    pane.gone()
    done = cli("export", "preference", tmp_path / "out.parquet")
    assert (done.code, done.out) == (6, "")
    assert "rlhf-tui label" in done.err
