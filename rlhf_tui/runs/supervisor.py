"""The parent of one worker: starts it, passes SIGTERM on, and writes down how it ended.

Run as `python -m rlhf_tui.runs.supervisor DIR`. It leaves the terminal and the process that
started it, so that a run outlives both, and stays small: no torch, no duckdb.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rlhf_tui.runs import layout
from rlhf_tui.runs.environment import worker_environment
from rlhf_tui.runs.layout import RunArguments, RunExit, RunStatus, StopRequest
from rlhf_tui.runs.memory import out_of_memory_kills
from rlhf_tui.runs.process import mark

WORKER_COMMAND = (sys.executable, "-P", "-m", "rlhf_tui.runs.worker")
"""-P: a run directory's own folders must not be taken for Python packages."""
HUB_COMMAND = (sys.executable, "-P", "-m", "rlhf_tui.hub.autostart")
MEMORY_ADVICE = "Lower the batch size or the length, or use --tune lora, and resume."


class Supervisor:
    """One worker's life."""

    def __init__(self, directory: Path, worker: Sequence[str]) -> None:
        self.directory = directory
        self.command = [*worker, str(directory)]
        self.process: subprocess.Popen[bytes] | None = None
        self.asked = 0.0

    def on_term(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = time.time()
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def supervise(self, arguments: RunArguments) -> RunExit:
        """Start the worker, wait for its end, and say how it went."""
        kills_before = out_of_memory_kills()
        try:
            # A session of its own: what is signalled to the supervisor's group spares the worker.
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                env=worker_environment(os.environ, arguments),
                start_new_session=True,
            )
        except OSError as error:
            message = f"The worker could not be started: {error.strerror}."
            return RunExit(None, None, False, time.time(), message)
        layout.write_atomic(self.directory / layout.WORKER, mark(self.process.pid))
        if self.asked:
            # Came while the worker was being started, when there was nobody to pass it on to.
            self.process.send_signal(signal.SIGTERM)
        returned = self.process.wait()
        self._end_strays(self.process.pid)
        if self.asked and not (self.directory / layout.STOP).exists():
            layout.write_last(self.directory / layout.STOP, StopRequest(self.asked))
        kills_after = out_of_memory_kills()
        killed = None not in (kills_before, kills_after) and kills_after != kills_before
        return self._describe(returned, memory_kill=killed)

    @staticmethod
    def _end_strays(group: int) -> None:
        """End what a killed worker left behind (data loaders), which would hold the device."""
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _describe(self, returned: int, *, memory_kill: bool) -> RunExit:
        status = layout.read(self.directory / layout.STATUS, RunStatus)
        said = status.message if status else ""
        stop = layout.read(self.directory / layout.STOP, StopRequest)
        if returned >= 0:
            memory = returned == layout.OUT_OF_MEMORY_EXIT
            message = said
            if returned and (status is None or status.phase != "failed"):
                message = f"The worker ended with code {returned}; its log says more."
            elif not returned and status is not None and status.phase == "finished":
                message = ""
            return RunExit(returned, None, memory, time.time(), message)
        number = -returned
        memory = number == signal.SIGKILL and memory_kill
        return RunExit(None, number, memory, time.time(), _told(number, memory, stop))


def _told(number: int, memory: bool, stop: StopRequest | None) -> str:
    """A sentence for a worker that a signal ended."""
    if memory:
        return f"The system ended the worker because memory ran out. {MEMORY_ADVICE}"
    if stop is not None and stop.force and number == signal.SIGKILL:
        return "Stopped at once as asked, without a checkpoint."
    if stop is not None and number == signal.SIGTERM:
        return "Stopped as asked, before the worker had begun."
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    return f"The worker was ended from outside, by signal {number} ({name})."


def _detach(log: Path) -> int:
    """Go on in a grandchild that has no terminal to lose and writes into the log.

    Returns:
        The descriptor to write a byte to once supervisor.json stands: the launcher's child waits
        for it and ends with 0, or with 1 if we end before.
    """
    ready, ready_write = os.pipe()
    if os.fork():
        os.close(ready_write)
        os._exit(0 if os.read(ready, 1) else 1)
    os.close(ready)
    os.setsid()
    # Not the session's leader any more: no terminal that is opened later can become ours.
    if os.fork():
        os._exit(0)
    with open(os.devnull, "rb") as nothing, log.open("ab") as written:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    # Handed on by a parent that blocked or ignored signals, these would make us deaf.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return ready_write


def _start_hub(workspace: str) -> None:
    """Start the workspace's hub if none runs, so that the next queued run gets its turn."""
    subprocess.run([*HUB_COMMAND, workspace], stdin=subprocess.DEVNULL, check=False)


def main(argv: Sequence[str] | None = None, worker: Sequence[str] = WORKER_COMMAND) -> int:
    """Supervise the run whose directory is the only argument.

    Args:
        worker: command that the run directory is appended to.
    """
    named = layout.named_run(argv, "supervisor")
    if named is None:
        return 2
    directory, arguments = named
    ready = _detach(directory / layout.LOG)
    supervisor = Supervisor(directory, worker)
    signal.signal(signal.SIGTERM, supervisor.on_term)
    os.chdir(directory)
    layout.write_atomic(directory / layout.SUPERVISOR, mark())
    layout.make_reserve(directory)
    os.write(ready, b"1")
    os.close(ready)
    ended = supervisor.supervise(arguments)
    # If even this fails, status.json and that nobody is alive any more still tell the tale.
    layout.write_last(directory / layout.EXIT, ended)
    (directory / layout.RESERVE).unlink(missing_ok=True)
    if arguments.workspace:
        _start_hub(arguments.workspace)
    return 0


if __name__ == "__main__":
    sys.exit(main())
