"""How hubs start, end, and keep out of each other's way."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.hubs import PROGRAMS, HubProcess, end_hub, ingest, tasks
from helpers.waiting import wait_until

from rlhf_tui.cli.hub import stop
from rlhf_tui.config.settings import Settings, WorkspaceSettings
from rlhf_tui.errors import HubError
from rlhf_tui.hub import life
from rlhf_tui.hub.autostart import ensure_hub
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Done, HubStatus, HubStatusAnswer, Progress, ProgressAnswer
from rlhf_tui.hub.messages import Shutdown as ShutdownRequest
from rlhf_tui.hub.process import LINGER_S, patience
from rlhf_tui.workspace import Workspace, init_workspace

Start = Callable[..., HubProcess]


def pid_of(workspace: Workspace) -> int:
    with HubClient(workspace) as client:
        return client.call(HubStatus(), HubStatusAnswer).pid


def test_many_first_commands_at_once_start_one_hub(workspace: Workspace) -> None:
    try:
        with ThreadPoolExecutor(6) as pool:
            pids = set(pool.map(lambda _: pid_of(workspace), range(6)))
        assert len(pids) == 1
    finally:
        end_hub(workspace)


def test_a_hub_started_by_a_command_has_no_terminal_and_leaves_nothing_to_wait_for(
    workspace: Workspace,
) -> None:
    ensure_hub(workspace)
    try:
        found = life.read_hub_file(workspace)
        assert found is not None
        pid = found.process.pid
        assert os.getsid(pid) == pid
        assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
        assert Path(f"/proc/{pid}/fd/2").readlink() == workspace.hub_log
        assert stat.S_IMODE(workspace.socket.stat().st_mode) == 0o600
    finally:
        end_hub(workspace)


def test_a_second_hub_is_refused_and_the_first_goes_on(
    hub: HubProcess, workspace: Workspace
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_tui.hub.server", str(workspace.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == HubError.exit_code
    assert "held by another process" in done.stderr
    assert "Traceback" not in done.stderr
    assert pid_of(workspace) == hub.process.pid


def test_a_hub_takes_the_place_of_one_that_was_killed(
    start_hub: Start, workspace: Workspace
) -> None:
    first = start_hub()
    ingest(workspace, tasks(3))
    first.kill()
    assert workspace.socket.exists()
    second = start_hub()
    with HubClient(workspace) as client:
        assert client.welcome.pid == second.process.pid
        assert client.call(Progress(), ProgressAnswer).rank.tasks == 3


def test_sigterm_ends_a_hub_in_good_order(hub: HubProcess, workspace: Workspace) -> None:
    with HubClient(workspace, client="someone who stays"):
        assert hub.stop() == 0
    assert not workspace.socket.exists()
    assert not workspace.hub_file.exists()
    assert not workspace.store.with_name("store.duckdb.wal").exists()


def test_a_hub_lets_go_of_the_store_after_its_socket_which_could_be_the_next_hubs(
    start_hub: Start, workspace: Workspace
) -> None:
    hub = start_hub(program=(sys.executable, str(PROGRAMS / "bad_day.py")))
    ingest(workspace, tasks(1))
    assert hub.stop() == 0


@pytest.mark.parametrize(
    ("shared", "asked", "stays"),
    [(False, None, LINGER_S), (True, None, 0.0), (True, 5.0, 5.0), (False, 0.0, 0.0)],
)
def test_where_people_share_a_hub_it_stays(shared: bool, asked: float | None, stays: float) -> None:
    settings = Settings(workspace=WorkspaceSettings(shared=shared))
    assert patience(asked, settings) == stays


def test_hub_stop_ends_a_hub_of_another_version(
    start_hub: Start, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = start_hub(program=(sys.executable, str(PROGRAMS / "other_version.py")))
    with pytest.raises(HubError, match=r"protocol 99.*hub stop"):
        HubClient(workspace)
    stop(workspace=workspace.root)
    assert hub.process.wait(30) == 0
    stop(workspace=workspace.root)
    assert capsys.readouterr().out == "The hub has stopped.\nThe hub does not run.\n"


def test_shutdown_asks_for_force_while_others_are_connected(
    hub: HubProcess, workspace: Workspace
) -> None:
    with HubClient(workspace, client="other"), HubClient(workspace) as client:
        with pytest.raises(HubError, match="other client"):
            client.call(ShutdownRequest(), Done)
        client.call(ShutdownRequest(force=True), Done)
        assert hub.process.wait(30) == 0


def test_a_hub_that_nobody_needs_leaves(start_hub: Start, workspace: Workspace) -> None:
    hub = start_hub("--linger", "0.2")
    assert hub.process.wait(30) == 0
    assert not workspace.socket.exists()


def test_a_connected_client_keeps_the_hub(start_hub: Start, workspace: Workspace) -> None:
    hub = start_hub("--linger", "1")
    with HubClient(workspace) as client:
        with pytest.raises(subprocess.TimeoutExpired):
            hub.process.wait(2.5)
        assert client.call(HubStatus(), HubStatusAnswer).pid == hub.process.pid
    assert hub.process.wait(30) == 0


def test_a_workspace_may_lie_deeper_than_a_socket_address_is_long(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name-of-a-directory"] * 6) / "w"
    workspace = init_workspace(deep)
    assert len(os.fsencode(workspace.socket)) > 200
    try:
        assert pid_of(workspace) == pid_of(workspace)
    finally:
        end_hub(workspace)


def test_a_directory_without_a_workspace_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_tui.hub.server", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "is not a workspace" in done.stderr


def test_a_broken_setting_is_what_the_client_is_told(workspace: Workspace) -> None:
    workspace.config.write_text("[label]\noverlap = 'two'\n")
    with pytest.raises(HubError, match="overlap"):
        HubClient(workspace)


def test_a_store_that_is_no_database_is_what_the_client_is_told(workspace: Workspace) -> None:
    workspace.store.write_bytes(b"This is not a database at all. " * 400)
    with pytest.raises(HubError, match=r"store\.duckdb"):
        HubClient(workspace)


def test_without_autostart_a_hub_that_is_not_there_is_a_sentence(workspace: Workspace) -> None:
    with pytest.raises(HubError, match=r"does not run.*hub start"):
        HubClient(workspace, autostart=False)


def test_a_network_file_system_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "file_system", lambda _: "nfs4")
    with pytest.raises(HubError, match=r"network file system \(nfs4\).*--allow-network-fs"):
        life.require_local(workspace)
    life.write_hub_file(workspace, 0)
    told = json.loads(workspace.hub_file.read_text())
    told["process"]["host"] = "elsewhere"
    workspace.hub_file.write_text(json.dumps(told))
    with pytest.raises(HubError, match="runs on elsewhere"):
        life.require_local(workspace)


def test_the_file_system_of_a_place_is_that_of_its_mount() -> None:
    assert life.file_system(Path("/proc/self")) == "proc"
    assert life.file_system(Path("/")) not in ("", "proc")


def test_hub_json_says_who_and_where(hub: HubProcess, workspace: Workspace) -> None:
    wait_until(workspace.hub_file.exists)
    told = json.loads(workspace.hub_file.read_text())
    assert told["process"]["pid"] == hub.process.pid
    assert told["process"]["host"] == socket.gethostname()
    assert told["workspace"] == str(workspace.root)


def test_terminate_ends_a_hub_without_talking_to_it(hub: HubProcess, workspace: Workspace) -> None:
    wait_until(workspace.hub_file.exists)
    assert life.terminate(workspace)
    assert hub.process.wait(30) == 0
    assert not life.terminate(workspace)
