"""Where the dashboard gets its runs: from the hub, or from the run directories without one."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, TypeVar

from rlhf_tui.errors import Denied, HubError, RlhfError
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.hub.messages import (
    Answer,
    Launched,
    ListRuns,
    Request,
    ResumeRun,
    RunAnswer,
    RunInfo,
    RunList,
    ShowRun,
    StopRun,
)
from rlhf_tui.runs import layout
from rlhf_tui.runs.environment import secrets
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.screens.link import Link
from rlhf_tui.tracking.follow import Follower, RunFollower

A = TypeVar("A", bound=Answer)

LIVE = frozenset({"running", "stopping"})
ACTIVE = LIVE | {"queued"}
_ORDER = {"running": 0, "stopping": 0, "queued": 1}
NOT_FOR_YOU = (
    "Runs are shown to reviewers and the owner.\nThe home screen tells how many are active."
)
FIRST_S = 1.0
"""A hub that is there has answered by then; before, the files are not read in its place."""
LOOK_S = 0.005
AWAY_S = 2.0
"""The hub answers in milliseconds; one that takes this long is treated as away."""


class RunSource:
    """The list of runs, and the few things that can be done to one."""

    def __init__(self, link: Link | None, runs: Path) -> None:
        self.runs = runs
        self.note = ""
        """Why the list comes from the files, as a sentence; empty with a hub."""
        self.refused = ""
        """Why this person sees none, as a sentence a line; empty for those who may."""
        self.older = 0
        """Runs that there are beside those of the list, older ones."""
        self.archived = False
        """Whether runs that were put away are listed, too."""
        self._link = link
        self._asked = False

    @property
    def only_shown(self) -> str:
        """Why nothing can be changed now, as a sentence; empty where it can."""
        if self._link is None or not self._link.connected:
            return "The hub is away: runs are only shown."
        welcome = self._link.welcome
        if welcome is not None and welcome.role != "owner":
            return "Only the workspace's owner changes runs."
        return ""

    async def list(self) -> list[RunInfo]:
        """All runs: active ones first, then the queue, then the newest."""
        infos: list[RunInfo] | None = None
        await self._meet()
        if self._link is not None and self._link.connected:
            try:
                answer = await asyncio.wait_for(
                    self._link.call(ListRuns(archived=self.archived), RunList), AWAY_S
                )
                infos, self.note, self.refused = answer.runs, "", ""
                self.older = answer.left_out
            except Denied:
                self.note, self.refused = "", NOT_FOR_YOU
                return []
            except TimeoutError:
                self.note = "The hub does not answer: read from the run directories."
            except RlhfError as error:
                self.note = f"{error.message} Read from the run directories."
        else:
            self.note = "The hub is away: read from the run directories."
        if infos is None:
            from rlhf_tui.screens.dashboard_directories import read_runs

            infos, self.older = await asyncio.to_thread(read_runs, self.runs), 0
        return sorted(infos, key=place_of)

    async def _meet(self) -> None:
        """Give the hub a moment the first time: reading all run directories takes longer."""
        asked, self._asked = self._asked, True
        deadline = time.monotonic() + FIRST_S
        while not asked and self._link is not None and not self._link.connected:
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(LOOK_S)

    def follow(self, info: RunInfo) -> Follower:
        """Begin to follow a run's directory."""
        return RunFollower(Path(info.directory))

    async def details(self, info: RunInfo) -> RunArguments | None:
        """A run's arguments: from its directory, else from the hub; None if neither has them."""
        arguments = info.arguments or await asyncio.to_thread(_arguments, Path(info.directory))
        if arguments is None and self._link is not None and self._link.connected:
            try:
                answer = await self._link.call(ShowRun(info.run_id), RunAnswer)
            except Denied:
                return None
            return answer.run.arguments
        return arguments

    async def measured(self, info: RunInfo) -> Evaluation | None:
        """Figures of the run's model on held-out rows; None before, or without any."""
        return await asyncio.to_thread(_measured, Path(info.directory))

    async def facts(self, info: RunInfo) -> dict[str, dict[str, Any]]:
        """Nothing: what is known of our runs stands in their arguments."""
        return {}

    async def stop(self, run_id: str) -> RunInfo:
        """Ask a run to end with a checkpoint.

        Raises:
            RlhfError: the hub is away or refuses.
        """
        return (await self._hub().call(StopRun(run_id), RunAnswer)).run

    async def resume(self, run_id: str) -> Launched:
        """Go on with a stopped or failed run from its last checkpoint.

        Raises:
            RlhfError: the hub is away or refuses.
        """
        request = ResumeRun(run_id, secrets=secrets(os.environ))
        return await self._hub().call(request, Launched)

    async def ask(self, request: Request, answer: type[A]) -> A:
        """Ask the hub for a change of a run.

        Raises:
            RlhfError: the hub is away or refuses.
        """
        return await self._hub().call(request, answer)

    def _hub(self) -> Link:
        if self._link is None:
            raise HubError("There is no hub to ask.", hint="Start it: rlhf-tui hub start")
        return self._link


def place_of(info: RunInfo) -> tuple[int, int, int]:
    """Where a run stands in a list: active ones first, then the queue, then the newest."""
    return _ORDER.get(info.state, 2), info.queue_position, -info.created_ms


def _arguments(directory: Path) -> RunArguments | None:
    try:
        return layout.read(directory / layout.ARGS, RunArguments)
    except (RlhfError, OSError):
        return None


def _measured(directory: Path) -> Evaluation | None:
    try:
        return layout.read(directory / layout.EVALUATION, Evaluation)
    except (RlhfError, OSError):
        return None
