"""`rlhf-tui` as people start it: a process of its own, with its output and exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.forking import Forks

FORKS = Forks()


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def ok(self) -> Result:
        """The result itself; fails the test when the command failed."""
        assert self.code == 0, f"exit {self.code}\n{self.out}\n{self.err}"
        return self


@dataclass(frozen=True)
class Cli:
    """Runs commands in `cwd`, which is usually a workspace."""

    cwd: Path

    def __call__(
        self,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 120,
    ) -> Result:
        """Run `rlhf-tui ARGUMENTS` without a terminal, to its end."""
        environ, place = {**os.environ, **(env or {})}, cwd or self.cwd
        words = list(map(str, arguments))
        forked = FORKS.run(words, place, environ, stdin, timeout)
        if forked is not None:
            return Result(*forked)
        done = subprocess.run(
            [sys.executable, "-m", "rlhf_tui.cli", *words],
            cwd=place,
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def stop_hub(self) -> None:
        if (self.cwd / "hub.json").exists():
            self("hub", "stop", "--force")


def refused(result: Result, code: int, *words: str) -> None:
    """Fails the test unless the command said why it did nothing, in a sentence on stderr."""
    assert result.code == code, (result.out, result.err)
    assert result.err.startswith("error: "), result.err
    assert "Traceback" not in result.err + result.out
    assert result.out == ""
    for word in words:
        assert word in result.err
