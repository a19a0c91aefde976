"""Labelling as a person does it: the program in a real terminal, the real hub, the real store."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import Cli, wait_until

from rlhf_tui.workspace import Workspace, init_workspace

ITEMS = 6
TIMEOUT = 60


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace without held-out splits, so that an export holds all that was judged."""
    return init_workspace(tmp_path / "w", settings={"workspace": {"validation": 0.0, "test": 0.0}})


@pytest.fixture
def films(workspace: Workspace, cli: Cli, tmp_path: Path) -> Workspace:
    """Six prompts with three completions each."""
    rows = [
        {
            "prompt": f"Film number {number} is",
            "completions": [f" good {number}.", f" bad {number}.", f" so so {number}."],
            "model": "hand",
        }
        for number in range(ITEMS)
    ]
    path = tmp_path / "films.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    cli("import", path).ok()
    return workspace


@pytest.fixture
def terminals(films: Workspace) -> Iterator[list[Any]]:
    opened: list[Any] = []
    yield opened
    for terminal in opened:
        if not terminal.ptyproc.fileobj.closed:
            terminal.close(force=True)


def open_terminal(
    terminals: list[Any], workspace: Workspace, *arguments: str, size: tuple[int, int] = (80, 24)
) -> Any:
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", *arguments],
        cwd=workspace.root,
        dimensions=(size[1], size[0]),
        encoding="utf-8",
        timeout=TIMEOUT,
    )
    terminal.ptyproc.delayafterterminate = 5
    terminals.append(terminal)
    return terminal


def rankings(cli: Cli, tmp_path: Path) -> list[dict[str, Any]]:
    out = tmp_path / "rankings.jsonl"
    out.unlink(missing_ok=True)
    cli("export", "rankings", out).ok()
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def drafts(cli: Cli, workspace: Workspace) -> int:
    """Drafts of this person, as the hub hands them out again."""
    from rlhf_tui.hub.client import HubClient
    from rlhf_tui.hub.messages import Lease, Leased

    with HubClient(workspace) as hub:
        leased = hub.call(Lease(kind="rank", limit=ITEMS), Leased)
        return sum(bool(item.draft) for item in leased.items)


@pytest.mark.parametrize("size", [(40, 10), (120, 30)])
def test_three_rankings_are_in_the_export(
    films: Workspace, cli: Cli, terminals: list[Any], tmp_path: Path, size: tuple[int, int]
) -> None:
    terminal = open_terminal(terminals, films, "label", size=size)
    terminal.expect("Film number")
    for keys in ("213\r", "3=1\r", "b\r"):
        terminal.send(keys)
        terminal.expect("saving|saved")
    terminal.expect("Film number")
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    found = rankings(cli, tmp_path)
    assert len(found) == 3


def test_a_closed_terminal_keeps_the_draft(
    films: Workspace, cli: Cli, terminals: list[Any]
) -> None:
    terminal = open_terminal(terminals, films, "label")
    terminal.expect("Film number")
    terminal.send("31")
    terminal.expect("1st")
    terminal.kill(signal.SIGHUP)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert drafts(cli, films) == 1


def test_a_terminal_that_vanishes_ends_the_program(
    films: Workspace, cli: Cli, terminals: list[Any]
) -> None:
    terminal = open_terminal(terminals, films, "label")
    terminal.expect("Film number")
    terminal.send("31")
    terminal.expect("1st")
    terminal.ptyproc.fileobj.close()  # the terminal emulator dies; nobody signals anything
    wait_until(lambda: ended(terminal.pid), TIMEOUT, "the program ends with its terminal")
    assert drafts(cli, films) == 1


def ended(pid: int) -> bool:
    found, _ = os.waitpid(pid, os.WNOHANG)
    return found == pid


def test_a_killed_hub_loses_nothing(
    films: Workspace, cli: Cli, terminals: list[Any], tmp_path: Path
) -> None:
    terminal = open_terminal(terminals, films, "label")
    terminal.expect("Film number")
    terminal.send("12\r")
    terminal.expect("saved")
    os.kill(cli("hub", "status", "--json").ok().json["pid"], signal.SIGKILL)
    for _ in range(2):
        terminal.send("21\r")
        terminal.expect("Film number|Fetching")
    wait_until(lambda: len(rankings(cli, tmp_path)) == 3, TIMEOUT, "all three are in the store")
    terminal.send("q")
    terminal.expect(pexpect.EOF)


def test_ctrl_c_leaves_at_once_and_in_order(
    films: Workspace, cli: Cli, terminals: list[Any]
) -> None:
    terminal = open_terminal(terminals, films, "label")
    terminal.expect("Film number")
    terminal.sendcontrol("c")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0


def test_a_terminal_that_is_too_small_says_so(films: Workspace, terminals: list[Any]) -> None:
    terminal = open_terminal(terminals, films, "label", size=(30, 8))
    terminal.expect("30x8")
    terminal.expect("40x10")
    terminal.setwinsize(24, 80)
    terminal.expect("Film number")
    terminal.send("q")
    terminal.expect(pexpect.EOF)


def test_an_idle_screen_sends_nothing(films: Workspace, terminals: list[Any]) -> None:
    terminal = open_terminal(terminals, films)
    terminal.expect("prompts")
    terminal.expect(pexpect.TIMEOUT, timeout=2)
    with pytest.raises(pexpect.TIMEOUT):
        terminal.read_nonblocking(size=1, timeout=4)
