"""The recorded runs in tests/recordings, followed to their ends or as far as a step."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments, RunExit, RunStatus, State
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.tracking.rules.finding import Finding
from rlhf_tui.tracking.rules.judge import judge
from rlhf_tui.tracking.rules.view import Situation, situation

RECORDINGS = Path(__file__).parents[1] / "recordings"
NAMES = sorted(path.parent.name for path in RECORDINGS.glob("*/args.json"))


def follow_all(directory: Path) -> RunFollower:
    """A run directory, read to its end."""
    follower = RunFollower(directory)
    while True:
        batch = follower.read()
        follower.take(batch)
        if not batch.more:
            return follower


def _rows(path: Path) -> list[tuple[bytes, dict[str, Any]]]:
    if not path.exists():
        return []
    return [(line, msgspec.json.decode(line)) for line in path.read_bytes().splitlines(True)]


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)


@dataclass(frozen=True)
class Recorded:
    """A recorded run."""

    name: str
    directory: Path
    arguments: RunArguments
    status: RunStatus
    exit: RunExit | None

    @property
    def state(self) -> State:
        """How it ended; without exit.json as if the machine it ran on were this one."""
        phase = self.status.phase
        return phase if phase in ("finished", "stopped") else "failed"

    @property
    def situation(self) -> Situation:
        message = self.exit.message if self.exit else ""
        return situation(self.state, self.status, self.exit, message=message)

    @property
    def silent(self) -> Situation:
        """As it was when its supervisor last looked at the machine, if it was heard of no more."""
        last = follow_all(self.directory).machine[-1].time
        return situation("running", self.status, lost=True, now=last)

    def findings(self, state: Situation | None = None) -> list[Finding]:
        """What the rules say of the whole run.

        Args:
            state: how it stood, if not as it ended.
        """
        follower = follow_all(self.directory)
        return self._judge(follower, state or self.situation)

    def growing(self, aside: Path) -> Iterator[tuple[float, list[Finding]]]:
        """After each line of metrics, its step and what the rules say of the run up to there.

        Args:
            aside: an empty directory to write the lines into, one by one.
        """
        follower = RunFollower(aside)
        beside = [
            (name, by, deque(_rows(self.directory / name)))
            for name, by in ((layout.SAMPLES, "step"), (layout.MACHINE, "time"))
        ]
        for line, row in _rows(self.directory / layout.METRICS):
            _append(aside / layout.METRICS, line)
            for name, by, waiting in beside:
                while waiting and waiting[0][1][by] <= row[by]:
                    _append(aside / name, waiting.popleft()[0])
            follower.take(follower.read())
            going = Situation(step=int(row["step"]), total_steps=self.status.total_steps)
            yield float(row["step"]), self._judge(follower, going)

    def _judge(self, follower: RunFollower, state: Situation) -> list[Finding]:
        return judge(
            self.arguments.kind,
            follower.series,
            follower.samples,
            follower.distributions,
            follower.machine,
            self.arguments.arguments,
            state,
        )


def recorded(name: str) -> Recorded:
    """A recorded run, by its name."""
    directory = RECORDINGS / name
    arguments = layout.read(directory / layout.ARGS, RunArguments)
    status = layout.read(directory / layout.STATUS, RunStatus)
    assert arguments is not None
    assert status is not None
    return Recorded(
        name, directory, arguments, status, layout.read(directory / layout.EXIT, RunExit)
    )


def copy_into(runs: Path, name: str) -> Path:
    """A copy of a recorded run among a workspace's runs, under its own run id."""
    target = runs / recorded(name).arguments.run_id
    shutil.copytree(RECORDINGS / name, target)
    return target
