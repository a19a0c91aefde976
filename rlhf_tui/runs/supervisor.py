"""The parent of a run's worker: starts it, passes a stop on, and writes down how it ended.

Run as `python -m rlhf_tui.runs.supervisor DIR`. It leaves the terminal and the process that
started it, so that a run outlives both, and stays small: no torch, no duckdb.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from rlhf_tui.errors import UsageError
from rlhf_tui.runs import accelerating, batching, layout
from rlhf_tui.runs.environment import worker_environment
from rlhf_tui.runs.gone import Guard
from rlhf_tui.runs.launch import GIVEN
from rlhf_tui.runs.layout import RunArguments, RunExit, RunStatus, StopRequest
from rlhf_tui.runs.machine import Watch
from rlhf_tui.runs.memory import out_of_memory_kills
from rlhf_tui.runs.process import adopt_orphans, kill_descendants, mark
from rlhf_tui.runs.ranks import first_failure

WORKER_COMMAND = (sys.executable, "-P", "-m", "rlhf_tui.runs.worker")
"""-P: a run directory's own folders must not be taken for Python packages."""
HUB_COMMAND = (sys.executable, "-P", "-m", "rlhf_tui.hub.autostart")


class Supervisor:
    """One run's life: its worker, or Accelerate's launcher with several, until none goes on."""

    def __init__(self, directory: Path, worker: Sequence[str]) -> None:
        self.directory = directory
        self.worker = [*worker, str(directory)]
        self.process: subprocess.Popen[bytes] | None = None
        self.launched = False
        self.asked = 0.0

    def on_term(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked = time.time()
        if self.launched:
            self._note_stop()
        elif self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def supervise(self, arguments: RunArguments) -> RunExit:
        """Start the worker, wait for its end, and say how it went.

        With `auto_batch` a worker that memory was too small for is followed by one with smaller
        batches, as long as there is something to halve.
        """
        while True:
            chosen = batching.adjusted_arguments(self.directory, arguments.arguments)
            ended = self._work(arguments, chosen)
            stopping = self.asked or (self.directory / layout.STOP).exists()
            if not (ended.out_of_memory and chosen.get("auto_batch")) or stopping:
                return ended
            adjusted = batching.adjust(self.directory, chosen)
            if adjusted is None:
                return ended
            print(adjusted.reason, flush=True)

    def _work(self, arguments: RunArguments, chosen: Mapping[str, Any]) -> RunExit:
        """One worker, or one set of them, from its start to its end."""
        kills_before = out_of_memory_kills()
        shutil.rmtree(self.directory / layout.FAILURES, ignore_errors=True)
        try:
            command = accelerating.command(chosen, self.worker)
            environment = worker_environment(os.environ, arguments)
            accelerating.adapt_environment(environment, chosen, arguments.device)
            self.launched = accelerating.is_launched(chosen)
            # A session of its own: what is signalled to the supervisor's group spares the worker.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        except OSError as error:
            message = f"The worker could not be started: {error.strerror}."
            return RunExit(None, None, False, time.time(), message)
        except UsageError as error:
            return RunExit(error.exit_code, None, False, time.time(), str(error))
        layout.write_atomic(self.directory / layout.WORKER, mark(self.process.pid))
        if self.asked:
            # Came while the worker was being started, when there was nobody to pass it on to.
            self.on_term(signal.SIGTERM, None)
        watch = Watch(
            self.directory,
            self.process.pid,
            environment.get(accelerating.VISIBLE),
            _device(arguments, chosen),
        )
        with Guard(self.directory), watch:
            returned = self.process.wait()
        # What a killed worker left behind (data loaders) would hold the device.
        kill_descendants()
        if self.asked:
            self._note_stop()
        kills_after = out_of_memory_kills()
        killed = None not in (kills_before, kills_after) and kills_after != kills_before
        if self.launched and returned > 0:
            return self._describe_launched(chosen, memory_kill=killed)
        return self._describe(returned, chosen, memory_kill=killed)

    def _note_stop(self) -> None:
        """Leave a stop where the main worker looks for one. Accelerate's launcher, told by a
        signal, would end its workers at once."""
        if not (self.directory / layout.STOP).exists():
            layout.write_last(self.directory / layout.STOP, StopRequest(self.asked))

    def _describe(self, returned: int, chosen: Mapping[str, Any], *, memory_kill: bool) -> RunExit:
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
        message = _told_memory(chosen) if memory else _told(number, stop)
        return RunExit(None, number, memory, time.time(), message)

    def _describe_launched(self, chosen: Mapping[str, Any], *, memory_kill: bool) -> RunExit:
        """The launcher's own code says only that some process failed: which one did, and of what,
        those that could have left behind."""
        failure = first_failure(self.directory)
        if failure is not None and not failure.lost_peer:
            memory = failure.code == layout.OUT_OF_MEMORY_EXIT
            message = f"{failure.message} (Process {failure.rank} of the run.)"
            return RunExit(failure.code, None, memory, time.time(), message)
        if memory_kill:
            return RunExit(1, None, True, time.time(), _told_memory(chosen))
        message = (
            "One of the run's processes was ended from outside, or crashed, and the others with "
            "it; its log says more."
        )
        return RunExit(1, None, False, time.time(), message)


def _device(arguments: RunArguments, chosen: Mapping[str, Any]) -> str:
    """Where the run works; under the launcher its environment names the GPUs already."""
    if accelerating.is_launched(chosen) and arguments.device != "cpu":
        return "cuda"
    return arguments.device


def _told_memory(chosen: Mapping[str, Any]) -> str:
    return f"The system ended the worker because memory ran out. {batching.advice(chosen)}"


def _told(number: int, stop: StopRequest | None) -> str:
    """A sentence for a worker that a signal ended."""
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


def _start_hub(workspace: str, given: Sequence[str]) -> None:
    """Start the workspace's hub if none runs, so that the next queued run gets its turn.

    Args:
        given: variables of this run alone; a hub would pass them on to every other.
    """
    environment = {name: value for name, value in os.environ.items() if name not in given}
    subprocess.run(
        [*HUB_COMMAND, workspace], stdin=subprocess.DEVNULL, check=False, env=environment
    )


def main(argv: Sequence[str] | None = None, worker: Sequence[str] = WORKER_COMMAND) -> int:
    """Supervise the run whose directory is the only argument.

    Args:
        worker: command that the run directory is appended to.
    """
    named = layout.named_run(argv, "supervisor")
    if named is None:
        return 2
    directory, arguments = named
    given = os.environ.pop(GIVEN, "").split(",")
    ready = _detach(directory / layout.LOG)
    supervisor = Supervisor(directory, worker)
    signal.signal(signal.SIGTERM, supervisor.on_term)
    os.chdir(directory)
    adopt_orphans()
    layout.write_atomic(directory / layout.SUPERVISOR, mark())
    layout.make_reserve(directory)
    os.write(ready, b"1")
    os.close(ready)
    ended = supervisor.supervise(arguments)
    # If even this fails, status.json and that nobody is alive any more still tell the tale.
    layout.write_last(directory / layout.EXIT, ended)
    (directory / layout.RESERVE).unlink(missing_ok=True)
    if arguments.workspace:
        _start_hub(arguments.workspace, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
