"""What becomes of a hub at logout: told as logind has it, with its commands replaced by others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Cli
from helpers.hubs import PROGRAMS, HubProcess, end_hub, tasks

from rlhf_tui.hub import logout
from rlhf_tui.hub.autostart import answers, ensure_hub
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.identity import user_name
from rlhf_tui.hub.messages import HubStatus, HubStatusAnswer, Ingest, Ingested, Launch, Launched
from rlhf_tui.workspace import Workspace

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"
OLD_SESSION = "12:pids:/x\n1:name=systemd:/user.slice/user-1000.slice/session-c2.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r5.scope\n"
SERVICE = "0::/system.slice/rlhf.service\n"
KILLS = "KillUserProcesses=yes\nKillOnlyUsers=\nKillExcludeUsers=somebody\n"
ME = user_name(os.geteuid())

LOGINCTL = """#!/bin/sh
case "$1" in
show-session) cat "{0}/logind" ;;
show-user) test "$2" = {1} && cat "{0}/user" ;;
esac
"""
SYSTEMD_RUN = """#!/bin/sh
echo "$@" >> "{0}/ran"
test -e "{0}/no-manager" && exit 1
while test "$1" != "--"; do shift; done
shift
exec "$@"
"""


class Machine:
    """A systemd that says and does what files in a directory say."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name, text in (("loginctl", LOGINCTL), ("systemd-run", SYSTEMD_RUN)):
            program = directory / name
            program.write_text(text.format(directory, os.geteuid()))
            program.chmod(0o755)
        self.says("cgroup", SESSION)
        self.says("logind", KILLS)
        self.says("user", "Linger=no\n")

    def says(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    @property
    def ran(self) -> list[str]:
        """What systemd-run was asked for."""
        path = self.directory / "ran"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    directory = tmp_path / "machine"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(logout, "CGROUP", directory / "cgroup")
    return Machine(directory)


@pytest.mark.parametrize("cgroup", [SESSION, OLD_SESSION])
@pytest.mark.parametrize(
    ("logind", "kills"),
    [
        (KILLS, True),
        ("KillUserProcesses=no\nKillOnlyUsers=\nKillExcludeUsers=\n", False),
        (f"KillUserProcesses=yes\nKillOnlyUsers=\nKillExcludeUsers=bin {ME}\n", False),
        ("KillUserProcesses=yes\nKillOnlyUsers=somebody\nKillExcludeUsers=\n", False),
        (f"KillUserProcesses=yes\nKillOnlyUsers=bin {ME}\nKillExcludeUsers=\n", True),
        ("", False),
    ],
)
def test_a_session_ends_its_processes_as_logind_is_told(
    machine: Machine, cgroup: str, logind: str, kills: bool
) -> None:
    machine.says("cgroup", cgroup)
    machine.says("logind", logind)
    assert (logout.prefix() == logout.SCOPE) == kills
    assert ("KillUserProcesses" in logout.warning()) == kills


def test_the_users_own_manager_ends_with_the_last_session_unless_they_linger(
    machine: Machine,
) -> None:
    machine.says("cgroup", MANAGER)
    assert "logged out everywhere" in logout.warning()
    assert "loginctl enable-linger" in logout.warning()
    machine.says("user", "Linger=yes\n")
    assert logout.warning() == ""
    assert logout.prefix() == ()
    assert machine.ran == []


@pytest.mark.parametrize("cgroup", [SERVICE, "0::/\n", ""])
def test_elsewhere_nobody_is_asked(machine: Machine, cgroup: str) -> None:
    machine.says("cgroup", cgroup)
    (machine.directory / "loginctl").write_text('#!/bin/sh\ntouch "$(dirname "$0")/asked"\n')
    assert (logout.prefix(), logout.warning()) == ((), "")
    assert not (machine.directory / "asked").exists()


def test_without_these_commands_nothing_is_assumed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.directory / "nothing"))
    assert (logout.prefix(), logout.warning()) == ((), "")
    machine.says("cgroup", MANAGER)
    assert logout.warning() == ""
    (machine.directory / "cgroup").unlink()
    assert logout.place() == "elsewhere"


def test_a_hub_is_started_out_of_a_session_that_would_end_it(
    machine: Machine, workspace: Workspace
) -> None:
    try:
        ensure_hub(workspace)
        assert answers(workspace)
        tried, started = machine.ran
        assert tried == "--user --scope --quiet --collect -- true"
        assert started.startswith("--user --scope --quiet --collect -- ")
        assert started.endswith(f"rlhf_tui.hub.server --detach {workspace.root}")
    finally:
        end_hub(workspace)


def test_without_a_manager_of_ones_own_a_hub_is_started_all_the_same(
    machine: Machine, workspace: Workspace
) -> None:
    machine.says("no-manager", "")
    try:
        ensure_hub(workspace)
        assert answers(workspace)
        assert machine.ran == ["--user --scope --quiet --collect -- true"]
    finally:
        end_hub(workspace)


def test_what_will_happen_is_said_at_the_start_and_with_every_run(
    machine: Machine, workspace: Workspace, start_hub: Callable[..., HubProcess], cli: Cli
) -> None:
    (workspace.root / "cgroup").write_text(SESSION)
    start_hub(program=(sys.executable, str(PROGRAMS / "placed.py")))
    with HubClient(workspace) as client:
        batch = tasks(4)
        client.call(Ingest(prompts=batch.prompts), Ingested)
        launched = client.call(Launch(kind="generate", arguments={"model": "sample"}), Launched)
        assert sum("KillUserProcesses" in note for note in launched.notes) == 1
        said = client.call(HubStatus(), HubStatusAnswer).at_logout
        assert said.startswith("This hub and its runs end when the login session")
        assert said in cli("hub", "start").ok().err
        (workspace.root / "cgroup").write_text(MANAGER)
        assert "logged out everywhere" in cli("hub", "status").ok().err
        (workspace.root / "cgroup").write_text(SERVICE)
        assert client.call(HubStatus(), HubStatusAnswer).at_logout == ""
        assert cli("hub", "start").ok().err == ""
