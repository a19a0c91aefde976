"""Processes of `rlhf-tui` that begin where Python has imported it: each is forked from one.

A start costs a third of a second of a core, nearly all of it imports, and the tests make hundreds.
The process that forks is as fresh as `python -m rlhf_tui.cli` after its imports: no thread, no
pytest, no model library. Run as a program, this file is that process.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

MESSAGE = 1 << 20
"""Bytes: arguments and an environment are far smaller."""
IMPORTED = (
    "rlhf_tui.cli.main",
    "rlhf_tui.cli.quick",
    "rlhf_tui.hub.client",
    "rlhf_tui.hub.watch",
    "rlhf_tui.config.combinations",
    "rich.progress",
    "rich.table",
)
"""What most commands come to import."""
AT_START = (
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "LANG",
    "LC_",
    "LD_",
    "PY",
    "TERMINAL_",
    "TYPER",
    "_TYPER",
)
"""Beginnings of variables that are read when Python starts, or by an import."""


class Forks:
    """Starts the process that forks with the first command, and asks it for one after the other."""

    def __init__(self) -> None:
        self._environ: dict[str, str] = {}
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        atexit.register(self._end)

    def run(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        stdin: str,
        limit: float,
    ) -> tuple[int, str, str] | None:
        """Run a command to its end: its code as subprocess has it, its output and its errors.

        Returns:
            None where a new Python has to be started: a variable that is read at its start or by
            an import is not as it was, or this system has no such sockets.

        Raises:
            TimeoutExpired: it took longer than `limit` seconds; it was killed.
        """
        if sys.platform != "linux":
            return None
        with self._lock:
            if self._channel is None:
                self._start()
        if _at_start(environ) != self._environ:
            return None
        ours, theirs = _pair()
        given, out, err = os.pipe(), os.pipe(), os.pipe()
        request = json.dumps([list(arguments), str(cwd), dict(environ)]).encode()
        with ours:
            with self._lock, theirs:
                assert self._channel is not None
                ends = [theirs.fileno(), given[0], out[1], err[1]]
                socket.send_fds(self._channel, [request], ends)
            for end in ends[1:]:
                os.close(end)
            return self._ended(ours, given[1], out[0], err[0], stdin, limit, arguments)

    def _start(self) -> None:
        ours, theirs = _pair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[theirs.fileno()],
            )
        self._environ, self._channel = _at_start(os.environ), ours

    def _end(self) -> None:
        if self._channel is not None and self._process is not None:
            self._channel.close()
            self._process.wait()

    @staticmethod
    def _ended(
        ours: socket.socket,
        given: int,
        out: int,
        err: int,
        stdin: str,
        limit: float,
        arguments: Sequence[str],
    ) -> tuple[int, str, str]:
        read: dict[int, str] = {}

        def take(end: int) -> None:
            with os.fdopen(end, encoding="utf-8") as stream:
                read[end] = stream.read()

        def give() -> None:
            with suppress(BrokenPipeError), os.fdopen(given, "w", encoding="utf-8") as stream:
                stream.write(stdin)

        threads = [threading.Thread(target=take, args=(end,), daemon=True) for end in (out, err)]
        threads.append(threading.Thread(target=give, daemon=True))
        for thread in threads:
            thread.start()
        end = time.monotonic() + limit
        pid = int(ours.recv(64))
        ours.settimeout(limit)
        try:
            code = int(ours.recv(64))
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
                if thread.is_alive():
                    raise TimeoutError
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired([*arguments], limit) from None
        return code, read[out], read[err]


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two ends between which messages stay apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    found = {name: value for name, value in environ.items() if name.startswith(AT_START)}
    found.pop("PYTEST_CURRENT_TEST", None)
    return found


# --- the process that forks ----------------------------------------------------------------------


def serve(channel: socket.socket) -> None:
    """Fork a command for each request, until those who ask are gone."""
    for name in IMPORTED:
        __import__(name)
    gc.collect()
    gc.freeze()
    # Nobody waits for those that wait for the commands.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, ends, _, _ = socket.recv_fds(channel, MESSAGE, 4)
        if not request:
            return
        if not os.fork():
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _wait_for(ends, *json.loads(request))
        for end in ends:
            os.close(end)


def _wait_for(ends: list[int], arguments: list[str], cwd: str, environ: dict[str, str]) -> NoReturn:
    """Fork the command itself, and tell its number and how it ended."""
    told, *streams = ends
    pid = os.fork()
    if not pid:
        os.close(told)
        _command(streams, arguments, cwd, environ)
    for stream in streams:
        os.close(stream)
    with socket.socket(fileno=told) as asker, suppress(OSError):
        asker.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        asker.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _command(
    streams: list[int], arguments: list[str], cwd: str, environ: dict[str, str]
) -> NoReturn:
    """What `python -m rlhf_tui.cli` does once it is imported."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    random.seed()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        opened = open(  # noqa: SIM115 - it stays open to the end
            number,
            "w" if number else "r",
            encoding=before.encoding,
            errors=before.errors,
            closefd=False,
            buffering=1 if number == 2 else -1,
        )
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)
    sys.argv[1:] = arguments
    sys.path[0] = cwd
    code: Any = 0
    try:
        runpy.run_module("rlhf_tui.cli", run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code
    except BaseException as error:  # noqa: BLE001 - as Python itself does
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for written in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            written.flush()
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
