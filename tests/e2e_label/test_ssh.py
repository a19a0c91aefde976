"""Labelling through OpenSSH, as people do from their own machines, and a line that drops."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from helpers import Cli, wait_until
from helpers.desk import bring_in, exported, ranking_of, wait_for_draft
from helpers.terminals import LOOK_S, PATIENCE_S, Pane, Terminals

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import HubStatus, HubStatusAnswer
from rlhf_tui.workspace import Workspace

SERVER = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
OWN = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
"""What a test keeps apart from the person who runs it; a login would bring theirs back."""

pytestmark = pytest.mark.skipif(
    SERVER is None or shutil.which("ssh") is None, reason="needs sshd and ssh"
)


def film(number: int) -> str:
    return f"Film number {number} is"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[list[str]]:
    """A server of our own with keys of its own; the client's command that reaches it."""
    assert SERVER is not None
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "person"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "person.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    log = folder / "log"
    with log.open("wb") as said:
        server = subprocess.Popen([SERVER, "-D", "-e", "-f", str(config)], stderr=said)
    options = {
        "IdentityFile": folder / "person",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": folder / "known",
        "StrictHostKeyChecking": "no",
        "BatchMode": "yes",
        "LogLevel": "ERROR",
    }
    named = [f"-o{name}={value}" for name, value in options.items()]
    client = ["ssh", "-F", "none", "-p", str(port), *named, f"{getpass.getuser()}@127.0.0.1"]

    def lets_in() -> bool:
        assert server.poll() is None, log.read_text()
        return subprocess.run([*client, "true"], capture_output=True, check=False).returncode == 0

    try:
        wait_until(lets_in, PATIENCE_S, f"the server lets us in; {log}", LOOK_S)
        yield client
    finally:
        server.terminate()
        server.wait()


def label_over(line: list[str], workspace: Workspace, screens: Terminals) -> Pane:
    own = [f"{name}={os.environ[name]}" for name in OWN]
    command = ["env", "-C", str(workspace.root), "LC_ALL=C.UTF-8", *own]
    command += [sys.executable, "-m", "rlhf_tui.cli", "label"]
    remote = [line[0], "-tt", *line[1:], shlex.join(command)]
    return screens.run(workspace.root, *remote, size=(100, 30))


def clients(workspace: Workspace) -> int:
    """How many the hub serves, the one that asks among them."""
    with HubClient(workspace) as hub:
        return hub.call(HubStatus(), HubStatusAnswer).clients


def test_a_line_that_drops_keeps_what_was_begun(
    line: list[str], cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    bring_in(cli, {film(n): [f" {word} {n}." for word in ("good", "bad", "odd")] for n in range(4)})
    pane = label_over(line, workspace, screens)
    pane.shows(film(0))
    pane.press("2", "1", "Enter")
    pane.shows(film(1))
    pane.press("3", "y")
    pane.shows("1st")
    wait_for_draft(workspace, ranking_of(workspace, film(1)), "3y1")
    pane.resize(70, 20)
    pane.shows(r"(?m)^ Ranking.* 1/4 .*\S saved *$")
    pane.kill()  # the client alone, as when the laptop closes: nobody says goodbye
    wait_until(lambda: clients(workspace) == 1, PATIENCE_S, "its program ends", LOOK_S)

    again = label_over(line, workspace, screens)
    again.shows(film(1))
    again.shows("1st")
    again.shows(r"\+ good")
    again.press("1", "Enter")
    again.shows(film(2))
    again.shows(r"(?m)^ Ranking.*\S saved *$")
    again.press("q")
    again.gone()
    first, second = exported(cli, "rankings")
    assert (first["prompt_text"], first["tiers"]) == (film(0), [2, 1, 3])
    assert (second["prompt_text"], second["tiers"]) == (film(1), [2, 3, 1])
    assert second["thumbs"] == [True, None, None]
