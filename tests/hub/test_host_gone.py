"""A run of a machine that never comes back is taken over once it is silent, by word of a person."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest
from helpers import Cli, refused
from helpers.hubs import TEST_SERVER, HubProcess, end_runs, ingest, tasks
from helpers.waiting import wait_until

from rlhf_tui.errors import UsageError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Launch, Launched, ResumeRun, RunAnswer, RunInfo, ShowRun
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import LOST_AFTER_S, ProcessMark, RunStatus
from rlhf_tui.workspace import Workspace

RUN = "generate-0001"


def moved(workspace: Workspace, silent_s: float) -> None:
    """Make the run's files say that it is on another machine, last heard of so long ago."""
    directory = workspace.runs / RUN
    status = layout.read(directory / layout.STATUS, RunStatus)
    assert status is not None
    there = msgspec.structs.replace(status.process, host="node-b", boot_id="theirs")
    for name in (layout.SUPERVISOR, layout.WORKER):
        if layout.read(directory / name, ProcessMark) is not None:
            layout.write_atomic(directory / name, there)
    told = msgspec.structs.replace(status, process=there, updated=time.time() - silent_s)
    layout.write_atomic(directory / layout.STATUS, told)


def show(client: HubClient) -> RunInfo:
    return client.call(ShowRun(RUN), RunAnswer).run


def test_it_is_taken_over_when_it_is_silent_and_the_person_says_so(
    start_hub: Callable[..., HubProcess], workspace: Workspace, cli: Cli
) -> None:
    hub = start_hub(program=TEST_SERVER)
    ingest(workspace, tasks(4))
    with HubClient(workspace) as client:
        client.call(Launch("generate", {"k": 4, "limit": 2, "device": "cpu"}), Launched)
        wait_until(lambda: show(client).status is not None, what="a heartbeat")
    hub.kill()
    end_runs(workspace)
    moved(workspace, 5)
    start_hub(program=TEST_SERVER)
    with HubClient(workspace) as client:
        wait_until(lambda: "node-b" in show(client).message, what="it is known to be elsewhere")
        with pytest.raises(UsageError, match="only a stopped or failed run") as caught:
            client.call(ResumeRun(RUN), Launched)
        assert f"runs resume {RUN} --host-gone" in caught.value.hint
        with pytest.raises(UsageError, match="lives: node-b was heard of"):
            client.call(ResumeRun(RUN, host_gone=True), Launched)
        assert show(client).state == "running"

        moved(workspace, LOST_AFTER_S + 60)
        refused(cli("runs", "resume", RUN, "--host-gone", "--detach"), 2, "asks first", "--yes")
        assert show(client).state == "running"
        assert RUN in cli("runs", "resume", RUN, "--host-gone", "--yes", "--detach").ok().out
        (workspace.runs / RUN / "go").touch()
        wait_until(lambda: show(client).state == "finished", 90, "it goes on here")
        with pytest.raises(UsageError, match="does not run on another machine: it is finished"):
            client.call(ResumeRun(RUN, host_gone=True), Launched)
