"""Terminals in tmux: programs on a real screen that a test can read as a person sees it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from helpers.waiting import wait_until

PATIENCE_S = 120.0
"""Starting a program may take long where other tests run beside this one."""
LOOK_S = 0.1
"""Between two looks at a screen: each starts a process."""


class Pane:
    """One program in one terminal; its last screen can be read after its end."""

    def __init__(self, server: Terminals, name: str) -> None:
        self._server = server
        self.name = name
        self.pid = int(self._told("#{pane_pid}"))

    def _told(self, what: str) -> str:
        return self._server.tmux("display-message", "-p", "-t", self.name, what).strip()

    @property
    def dead(self) -> bool:
        # A zombie counts: tmux may take its time to collect it.
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    @property
    def screen(self) -> str:
        return self._server.tmux("capture-pane", "-p", "-t", self.name)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: `1`, `Enter`, `C-c` …"""
        self._server.tmux("send-keys", "-t", self.name, *keys)

    def write(self, text: str) -> None:
        """Text as it stands, letter by letter."""
        self._server.tmux("send-keys", "-t", self.name, "-l", "--", text)

    def paste(self, text: str) -> None:
        """As the person's terminal pastes: between marks, if the program has asked for them."""
        self._server.tmux("set-buffer", "--", text)
        self._server.tmux("paste-buffer", "-p", "-t", self.name)

    def resize(self, columns: int, rows: int) -> None:
        self._server.tmux("resize-window", "-t", self.name, "-x", str(columns), "-y", str(rows))

    def shows(self, pattern: str) -> str:
        """Wait until the screen holds this; returns the screen."""
        seen = [""]

        def there() -> bool:
            seen[0] = self.screen
            return re.search(pattern, seen[0]) is not None

        try:
            wait_until(there, PATIENCE_S, poll=LOOK_S)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} on this screen:\n{seen[0]}") from None
        return seen[0]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.gone()

    def gone(self) -> None:
        wait_until(lambda: self.dead, PATIENCE_S, f"{self.name} has ended")

    def close_terminal(self) -> None:
        """As when the window is closed or the line drops: SIGHUP, and nothing to draw on."""
        self._server.tmux("kill-session", "-t", self.name)


class Terminals:
    """A tmux server of a test's own."""

    def __init__(self, socket: Path) -> None:
        self._command = ("tmux", "-u", "-S", str(socket), "-f", "/dev/null")
        self.panes: list[Pane] = []

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout

    def open(self, cwd: Path, *arguments: str, size: tuple[int, int] = (100, 30)) -> Pane:
        """`rlhf-tui ARGUMENTS` in a terminal of columns x rows."""
        return self.run(cwd, sys.executable, "-m", "rlhf_tui.cli", *arguments, size=size)

    def run(self, cwd: Path, *program: str, size: tuple[int, int] = (100, 30)) -> Pane:
        """Any program with its arguments, likewise."""
        name = f"t{len(self.panes)}"
        columns, rows = map(str, size)
        self.tmux(
            *("new-session", "-d", "-s", name, "-c", str(cwd), "-x", columns, "-y", rows, "--"),
            *program,
            *(";", "set-option", "-g", "status", "off"),
            *(";", "set-option", "-g", "remain-on-exit", "on"),
        )
        self.panes.append(Pane(self, name))
        return self.panes[-1]


@contextmanager
def terminals() -> Iterator[Terminals]:
    """A tmux server; skipped where there is no tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    # Not under tmp_path: the address of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="rlhf-tui-"))
    server = Terminals(folder / "tmux")
    try:
        # A session that stays, so that the server lives as long as the test.
        server.tmux("new-session", "-d", "-s", "keeper", "--", "sleep", "100000")
        yield server
    finally:
        subprocess.run(
            [*server._command, "kill-server"], capture_output=True, check=False, timeout=60
        )
        shutil.rmtree(folder, ignore_errors=True)
