"""What systemd does to a hub, and to the runs that it starts, when its user logs out.

Two things end processes then (logind.conf(5), loginctl(1)). Where KillUserProcesses is set, those
of a login session end with that session. Those of the user's own manager, where `systemd-run
--user` puts them, end with it: when the last session has ended, unless the user lingers.
Supervisors and workers stay where the hub that started them is.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rlhf_tui.hub.identity import user_name

Place = Literal["session", "manager", "elsewhere"]
CGROUP = Path("/proc/self/cgroup")
ANSWER_S = 5.0
"""logind answers in milliseconds; without an answer nothing is assumed."""
SCOPE = ("systemd-run", "--user", "--scope", "--quiet", "--collect", "--")
"""Runs a command as a child of the user's manager; its exit code is that of the command."""

ENDS_WITH_SESSION = (
    "This hub and its runs end when the login session that started it ends: KillUserProcesses is"
    " set here, and no systemd of your own could take them. Stay logged in (tmux ends, too), or ask"
    " the administrator for 'loginctl enable-linger {name}'."
)
ENDS_WITH_LAST = (
    "This hub and its runs end when you have logged out everywhere."
    " To keep them: loginctl enable-linger"
)


def place() -> Place:
    """Which part of systemd's tree this process is in."""
    try:
        found = CGROUP.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "elsewhere"
    if re.search(r"/session-[^/\n]+\.scope(/|$)", found, re.MULTILINE):
        return "session"
    return "manager" if re.search(r"/user@\d+\.service(/|$)", found, re.MULTILINE) else "elsewhere"


def prefix() -> tuple[str, ...]:
    """What to put before the command of a hub so that it outlives this login session; nothing
    where it does so anyway, or where it cannot."""
    if place() != "session" or not _kills_sessions():
        return ()
    # Tried with nothing at stake: a hub's own failure could not be told from this one.
    return SCOPE if _answer([*SCOPE, "true"]) is not None else ()


def warning() -> str:
    """What becomes of this process when its user logs out, and what to do; empty if it stays."""
    here = place()
    if here == "session" and _kills_sessions():
        return ENDS_WITH_SESSION.format(name=user_name(os.geteuid()))
    if here == "manager" and _user("Linger") == "no":
        return ENDS_WITH_LAST
    return ""


def _kills_sessions() -> bool:
    """Whether logind ends what is left of this user's sessions."""
    names = ("KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers")
    told = _properties(["loginctl", "show-session", *(f"--property={name}" for name in names)])
    if told.get("KillUserProcesses") != "yes":
        return False
    name = user_name(os.geteuid())
    only = told.get("KillOnlyUsers", "").split()
    return name not in told.get("KillExcludeUsers", "").split() and (not only or name in only)


def _user(name: str) -> str:
    """A property of this user as logind has it; empty when it does not say."""
    command = ["loginctl", "show-user", str(os.geteuid()), f"--property={name}"]
    return _properties(command).get(name, "")


def _properties(command: Sequence[str]) -> dict[str, str]:
    lines = (_answer(command) or "").splitlines()
    return {name: value.strip() for name, _, value in (line.partition("=") for line in lines)}


def _answer(command: Sequence[str]) -> str | None:
    """What a command says; None when it is not there, fails, or does not come back."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.decode(errors="replace")
