"""The program on a terminal: home, labelling and demo open, and leave it as it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from helpers import Cli

ALTERNATE_SCREEN = "\x1b\\[\\?1049h"
NORMAL_SCREEN = "\x1b\\[\\?1049l"


class Terminal:
    """`rlhf-tui` in a pseudo-terminal of 80x24."""

    def __init__(self, cwd: Path, *arguments: str) -> None:
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "rlhf_tui.cli", *arguments],
            cwd=str(cwd),
            dimensions=(24, 80),
            encoding="utf-8",
            timeout=90,
            env={**os.environ, "TERM": "xterm-256color"},
        )

    def sees(self, pattern: str) -> None:
        self.child.expect(pattern)

    def leaves(self, key: str) -> int:
        """Press a key, wait for the end; the exit code."""
        self.child.send(key)
        self.child.expect(NORMAL_SCREEN)
        self.child.expect(pexpect.EOF)
        self.child.close()
        assert self.child.exitstatus is not None, self.child.signalstatus
        return int(self.child.exitstatus)


@pytest.fixture
def demo_directory(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "sample"
    yield place
    Cli(place).stop_hub()


def test_home_opens_and_leaves(cli: Cli) -> None:
    terminal = Terminal(cli.cwd)
    terminal.sees(ALTERNATE_SCREEN)
    terminal.sees("Generate")
    assert terminal.leaves("q") == 0


def test_home_without_a_workspace_offers_to_make_one(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.sees("no workspace here")
    assert terminal.leaves("q") == 0
    assert list(tmp_path.iterdir()) == []


def test_demo_opens_on_completions_to_rank_and_again(demo_directory: Path) -> None:
    for _ in range(2):
        terminal = Terminal(demo_directory.parent, "demo", str(demo_directory))
        terminal.sees(ALTERNATE_SCREEN)
        terminal.sees("Pick at least")
        terminal.child.send("q")
        terminal.sees("Generate")
        assert terminal.leaves("q") == 0
    progress = Cli(demo_directory)
    assert not (demo_directory / "sample.unfinished").exists()
    assert "How to judge" in (demo_directory / "guidelines.md").read_text(encoding="utf-8")
    status = progress("hub", "status", "--json").ok().json
    assert status["workspace"] == str(demo_directory)


def test_demo_does_not_fill_a_directory_of_something_else(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    terminal = Terminal(tmp_path, "demo", "other")
    terminal.sees("neither empty nor a workspace")
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
    assert terminal.child.exitstatus == 2


def test_a_dumb_terminal_is_told(cli: Cli) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", "label"],
        cwd=str(cli.cwd),
        encoding="utf-8",
        timeout=60,
        env={**os.environ, "TERM": "dumb"},
    )
    child.expect("cannot draw screens")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
