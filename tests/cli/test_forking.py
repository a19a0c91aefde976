"""The tests' short way to a process of `rlhf-tui` gives what a new Python gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.cli import FORKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a new Python every time")


def fresh(arguments: list[str], cwd: Path, stdin: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_tui.cli", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["--version"], ""),
        (["runs", "--help"], ""),
        (["import", "nothing-ä-there.jsonl"], ""),
        (["label", "--plain"], "bad\nquit\n"),
    ],
)
def test_a_forked_command_is_a_new_one(tmp_path: Path, arguments: list[str], stdin: str) -> None:
    forked = FORKS.run(arguments, tmp_path, dict(os.environ), stdin, 60)
    assert forked == fresh(arguments, tmp_path, stdin)


def test_what_python_reads_at_its_start_asks_for_a_new_one(tmp_path: Path) -> None:
    environ = dict(os.environ)
    assert FORKS.run(["--version"], tmp_path, environ | {"HOME": "/"}, "", 60) is not None
    assert FORKS.run(["--version"], tmp_path, environ | {"LC_ALL": "C"}, "", 60) is None
