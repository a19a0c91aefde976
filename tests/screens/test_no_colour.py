"""NO_COLOR: not one colour crosses the terminal, and what is picked can still be told."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import Cli

from rlhf_tui.workspace import Workspace

COLOURS = re.compile(r"^(3[0-8]|4[0-8]|9[0-7]|10[0-7])$")


def colours(written: str) -> list[str]:
    """The parameters of all SGR sequences that set a colour."""
    parameters = [part for group in re.findall(r"\x1b\[([0-9;]+)m", written)
                  for part in group.split(";")]  # fmt: skip
    return [part for part in parameters if COLOURS.match(part)]


@pytest.fixture
def terminal(workspace: Workspace, cli: Cli, tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "code.jsonl"
    code = "```python\ndef f():\n    return 'x'  # y\n```"
    rows = [{"prompt": f"Code {number}:", "completions": [code, "# No"]} for number in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    cli("import", path).ok()
    opened = pexpect.spawn(
        sys.executable,
        ["-m", "rlhf_tui.cli", "label"],
        cwd=workspace.root,
        dimensions=(30, 120),
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
    )
    opened.ptyproc.delayafterterminate = 5
    yield opened
    if not opened.ptyproc.fileobj.closed:
        opened.close(force=True)


def test_the_measure_sees_colours() -> None:
    assert colours("\x1b[1;38;2;1;2;3mx\x1b[0m\x1b[44m") == ["38", "44"]
    assert colours("\x1b[1;7;4;9;22m\x1b[39;49m") == []


def test_no_colour_crosses_the_terminal(terminal: Any) -> None:
    terminal.expect("Pick at least two")
    seen = terminal.before
    terminal.send("2")
    terminal.expect("1st")
    seen += terminal.before
    terminal.send("q")
    terminal.expect(pexpect.EOF)
    seen += terminal.before
    assert "return" in seen
    assert colours(seen) == []
    assert "\x1b[1;7m" in seen or "\x1b[7" in seen  # a pane's number stands out in reverse
