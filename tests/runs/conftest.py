"""Run directories with real supervisors and workers, which are gone when the test ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import wait_until

from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import processes, spawn_supervisor
from rlhf_tui.runs.layout import ProcessMark, RunArguments, State
from rlhf_tui.runs.process import alive, signal_process
from rlhf_tui.runs.state import RunFacts, describe

PROGRAM = [sys.executable, str(Path(__file__).parent / "programs" / "supervise.py")]


class Run:
    """A run directory and what a test does with it."""

    def __init__(self, directory: Path, arguments: dict[str, Any]) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        root = str(directory.parent.parent)
        layout.write_atomic(
            directory / layout.ARGS, RunArguments("sft-0001", "sft", arguments, workspace=root)
        )

    def start(self) -> ProcessMark:
        return spawn_supervisor(self.directory, PROGRAM)

    @property
    def facts(self) -> RunFacts:
        return describe(self.directory)

    @property
    def log(self) -> str:
        return (self.directory / layout.LOG).read_text()

    @property
    def worker(self) -> ProcessMark:
        found = processes(self.directory)[1]
        assert found is not None
        return found

    def step(self) -> int:
        status = self.facts.status
        return status.step if status else 0

    def reach(self, step: int) -> None:
        wait_until(lambda: self.step() >= step, what=f"step {step}")

    def ended(self) -> RunFacts:
        """The facts once both processes have gone."""
        wait_until(lambda: not self._living(), what="the run's end")
        return self.facts

    def expect(self, state: State) -> RunFacts:
        facts = self.ended()
        assert facts.state == state, f"{facts}\n{self.log}"
        return facts

    def _living(self) -> list[ProcessMark]:
        return [mark for mark in processes(self.directory) if mark is not None and alive(mark)]

    def kill(self) -> None:
        for mark in self._living():
            if mark.pid == os.getpid():  # some tests write down themselves as the worker
                continue
            signal_process(mark, signal.SIGKILL)


class Runs:
    """Makes run directories."""

    program = PROGRAM
    """What starts a supervisor that knows the tests' kinds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.made: list[Run] = []

    def __call__(self, deed: str, **arguments: Any) -> Run:
        directory = self.root / "runs" / f"sft-{len(self.made) + 1:04d}"
        self.made.append(Run(directory, {"deed": deed, **arguments}))
        return self.made[-1]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    yield made
    for run in made.made:
        run.kill()
