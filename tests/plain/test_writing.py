"""Edits and answers in `label --plain`: by words, line by line, and in the person's editor."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from helpers import Cli
from helpers.hubs import end_hub, ingest, tasks

from rlhf_tui.errors import UsageError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Trail, TrailAnswer
from rlhf_tui.plain.commands import editing
from rlhf_tui.plain.writing import replaced
from rlhf_tui.records import Event
from rlhf_tui.workspace import Workspace

PATIENCE_S = 120


@pytest.fixture
def hub(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace with two rankings of three, ` text 0` to ` text 2` in some order."""
    ingest(workspace, tasks(2))
    yield workspace
    end_hub(workspace)


def log(workspace: Workspace) -> list[Event]:
    with HubClient(workspace) as client:
        return client.call(Trail(kind="rank"), TrailAnswer).events[::-1]


def texts(event: Event) -> list[tuple[str, bool]]:
    """What was written, and whether it is an edit."""
    return [(str(one.text), one.parent is not None) for one in event.written]


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", (None, None)),
        ("2", (2, None)),
        ("2 dull => slow", (2, ("dull", "slow"))),
        ("2  a  b=> ", (2, ("a  b", ""))),
    ],
)
def test_what_is_to_be_edited(rest: str, said: object) -> None:
    assert editing(rest) == said


@pytest.mark.parametrize("rest", ["dull => slow", "2 dull", "2 => slow"])
def test_an_edit_that_does_not_tell_what_is_refused(rest: str) -> None:
    with pytest.raises(UsageError, match=r"Which completion|does not tell") as caught:
        editing(rest)
    assert "edit 2 dull => slow" in caught.value.hint


def test_words_are_replaced_where_there_is_no_doubt() -> None:
    assert replaced("a dull day", "dull", "slow") == "a slow day"
    with pytest.raises(UsageError, match="does not stand in it"):
        replaced("a dull day", "night", "slow")
    with pytest.raises(UsageError, match="stands in it 2 times"):
        replaced("a dull, dull day", "dull", "slow")


def test_edits_and_answers_through_a_pipe(hub: Workspace, cli: Cli) -> None:
    lines = [
        "2>1",
        "undo",
        "undo",
        "clear",
        "edit 9",
        "edit 2 nowhere => there",
        "edit 2 text => new text",
        "undo",
        "redo",
        "write\x1b[2J",
        "write",
        "My own",
        "answer.",
        ".",
        "1>3",
        "edit 1",
        "Another\x1b[2J one",
        ".",
        "write",
        ".",
        "submit",
        "quit",
    ]
    done = cli("label", "--plain", stdin="\n".join(lines)).ok()
    assert "There is no completion 9 here: there are 3." in done.out
    assert "'nowhere' does not stand in it: nothing was changed." in done.out
    assert "Your edit is 4; 'undo' takes it back." in done.out
    assert "Your text is gone with it; 'redo' brings it again." in done.out
    assert "Your answer is 5" in done.out
    assert "Nothing was written." in done.out
    assert "\x1b" not in done.out
    first, second = (event for event in log(hub) if event.kind == "judge" and event.written)
    (edit, answer) = texts(first)
    assert edit[0].startswith(" new text ") and edit[1]
    # Where all others begin with a space, so that they join the prompt, this one does too.
    assert answer == (" My own\nanswer.", False)
    assert first.written[0].parent == first.shown[1]
    assert first.tiers[4] == 1
    above, below = first.tiers[3], first.tiers[1]
    assert above is not None and below is not None and above < below
    assert texts(second) == [(" Another[2J one", True)]
    assert second.tiers == [2, None, None, 1]


def test_the_end_of_all_input_keeps_what_was_written(hub: Workspace, cli: Cli) -> None:
    done = cli("label", "--plain", stdin="write\nhalf an ans").ok()
    assert "Left. What is half-made is kept." in done.out
    again = cli("label", "--plain", stdin="r 4\nquit\n").ok()
    assert "Completion 4, written by you:\n   half an ans\n" in again.out


def test_the_editor_that_is_named_has_the_terminal(hub: Workspace, tmp_path: Path) -> None:
    program = tmp_path / "editor.py"
    program.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "if path.read_text():\n"
        "    path.write_text(path.read_text().replace('text', 'better text') + '\\n')\n"
        "else:\n"
        "    print('In the editor.', flush=True)\n"
        "    try:\n"
        "        input()\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(3)\n"
    )
    child = pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", "label", "--plain"],
        cwd=str(hub.root),
        encoding="utf-8",
        timeout=PATIENCE_S,
        env={**os.environ, "TERM": "dumb", "EDITOR": f"{sys.executable} {program}"},
    )
    child.expect("2 open")
    child.sendline("write")
    child.expect("In the editor.")
    child.sendintr()  # means the editor, and it alone
    child.expect("ended with 3: nothing was changed")
    child.sendline("edit 1")
    child.expect("Your edit is 4")
    child.sendline("submit")
    child.expect("Saved: order 4, then 1")
    child.sendintr()
    child.expect("Left. All is saved.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    (event,) = log(hub)
    ((text, edit),) = texts(event)
    assert edit and text.startswith(" better text ")
