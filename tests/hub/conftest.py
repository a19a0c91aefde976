"""Hubs that are gone when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from helpers.hubs import SERVER, HubProcess, end_hub, end_runs

from rlhf_tui.workspace import Workspace


@pytest.fixture
def start_hub(workspace: Workspace) -> Iterator[Callable[..., HubProcess]]:
    """Starts hubs on the workspace; all are gone after the test."""
    started: list[HubProcess] = []

    def start(*options: str, program: tuple[str, ...] = SERVER) -> HubProcess:
        started.append(HubProcess(workspace, *options, program=program))
        return started[-1].ready()

    yield start
    for hub in started:
        if hub.process.poll() is None:
            hub.kill()
    end_hub(workspace)
    end_runs(workspace)


@pytest.fixture
def hub(start_hub: Callable[..., HubProcess]) -> HubProcess:
    return start_hub()
