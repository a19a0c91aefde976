"""A program on a workspace with recorded runs, at the terminal sizes that people have."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from helpers.recorded import FakeLink, info_of, write_run
from textual.pilot import Pilot

from rlhf_tui.app import RlhfApp
from rlhf_tui.config.settings import load_settings
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.workspace import Workspace

NOW = 1_763_640_000.0
"""A moment that the recorded runs are dated from: 2025-11-20 12:00 UTC."""

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screens' clock stands still, so that ages are always the same."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: NOW)


@pytest.fixture
def infos(workspace: Workspace) -> list[RunInfo]:
    """A workspace's runs: one live, one queued, and ended ones of every kind."""
    found: list[RunInfo] = []

    def add(run_id: str, ago: float, extra: dict[str, Any] | None = None, **made: Any) -> None:
        directory = write_run(workspace.runs, run_id, created=NOW - ago, **made)
        found.append(info_of(directory, made.get("state", "finished"), **(extra or {})))

    add(
        "ppo-0002", 210, kind="ppo", state="running", steps=83, title="kl 0.02, longer",
        message="Rollout 83.", arguments={"kl_coef": 0.02},
    )  # fmt: skip
    add("sft-0002", 60, {"queue_position": 1}, kind="sft", state="queued")
    add("rm-0001", 4000, kind="rm", steps=120, total=120)
    add("sft-0001", 7000, kind="sft", steps=300, total=300, title="demonstrations")
    add(
        "ppo-0001", 9000, kind="ppo", state="failed", steps=40,
        message="The GPU ran out of memory: use a smaller batch_size.",
    )  # fmt: skip
    add("generate-0001", 90000, kind="generate", steps=30, total=30)
    return found


@pytest.fixture
def link(infos: list[RunInfo]) -> FakeLink:
    return FakeLink(infos)


@pytest.fixture
def program(workspace: Workspace, link: FakeLink, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the program: `async with program("dashboard", (80, 24)) as pilot`."""
    # As people start it: a shell command needs no `-w` there.
    monkeypatch.chdir(workspace.root)

    @asynccontextmanager
    async def opened(
        start: str = "dashboard", size: tuple[int, int] = (120, 30)
    ) -> AsyncIterator[Pilot[int]]:
        app = RlhfApp(workspace, start, lambda _: link, load_settings(workspace))
        async with app.run_test(size=size) as pilot:
            yield pilot

    return opened


@pytest.fixture
def until() -> Callable[[Pilot[int], Callable[[], object]], Awaitable[None]]:
    """Wait until something holds, letting the program work meanwhile."""

    async def wait(pilot: Pilot[int], holds: Callable[[], object], within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, "it never came true"
            await pilot.pause(0.02)

    return wait
