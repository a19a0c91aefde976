"""Start a run so that it outlives whoever starts it, and ask one to stop."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rlhf_tui.errors import RunFailed
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import ProcessMark, RunStatus, StopRequest
from rlhf_tui.runs.process import alive, is_here, require_here, signal_process

GIVEN = "RLHF_TUI_GIVEN"
"""Names the variables that a supervisor was given for its worker, and passes on to no hub."""
LET_GO_S = 1.0
"""A killed process counts as dead a moment before the last of its threads lets go of its files."""
SUPERVISOR_COMMAND = (sys.executable, "-P", "-m", "rlhf_tui.runs.supervisor")


def processes(directory: Path) -> tuple[ProcessMark | None, ProcessMark | None]:
    """The marks of a run's supervisor and worker, as far as they have been started."""
    supervisor = layout.read(directory / layout.SUPERVISOR, ProcessMark)
    worker = layout.read(directory / layout.WORKER, ProcessMark)
    if worker is None:
        status = layout.read(directory / layout.STATUS, RunStatus)
        worker = status.process if status else None
    return supervisor, worker


def spawn_supervisor(
    directory: Path,
    program: Sequence[str] = SUPERVISOR_COMMAND,
    secrets: Mapping[str, str] | None = None,
) -> ProcessMark:
    """Start the run's supervisor in a session of its own, and wait until it stands.

    Starts afresh in a directory whose run has ended before: how it ended is forgotten, its
    metrics, samples and checkpoints stay. Takes as long as a Python start; never forks this
    process, so threads and open databases are safe.

    Args:
        program: command that the directory is appended to.
        secrets: variables for the worker alone, handed on from environment to environment.

    Raises:
        RunFailed: the run is alive already, here or on another machine, or the supervisor could
            not start.
    """
    marks = [found for found in processes(directory) if found is not None]
    if any(alive(found) for found in marks):
        raise RunFailed(f"{directory.name} is running already.")
    if marks and not is_here(marks[-1]) and not _has_ended(directory):
        raise RunFailed(
            f"{directory.name} runs on {marks[-1].host}, for all that can be seen from here.",
            hint=f"Resume it on {marks[-1].host}.",
        )
    with _claiming(directory) as claim:
        for name in (layout.EXIT, layout.STOP, layout.STATUS, layout.WORKER, layout.SUPERVISOR):
            (directory / name).unlink(missing_ok=True)
        try:
            started = subprocess.run(
                [*program, str(directory)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | dict(secrets or {}) | {GIVEN: ",".join(secrets or {})},
                pass_fds=claim,
            )
        except OSError as error:
            raise RunFailed(f"{directory.name} could not be started: {error.strerror}.") from error
    supervisor = layout.read(directory / layout.SUPERVISOR, ProcessMark)
    if started.returncode or supervisor is None:
        told = started.stderr.strip().splitlines()
        raise RunFailed(
            f"{directory.name} could not be started: {told[-1] if told else 'no reason given'}",
            hint=f"{directory / layout.LOG} may say more.",
        )
    return supervisor


@contextmanager
def _claiming(directory: Path) -> Iterator[list[int]]:
    """Hold a lock on the run that its supervisor, given the descriptor, holds as long as it lives.

    The marks of its processes come too late to tell a second starter: a hub that was killed while
    it started a run, and the next one.

    Raises:
        RunFailed: somebody else holds it.
    """
    try:
        descriptor = os.open(directory / layout.ARGS, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # The supervisor says what is wrong with it.
        yield []
        return
    try:
        _lock(descriptor, directory)
        yield [descriptor]
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    end = time.monotonic() + LET_GO_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > end:
                raise RunFailed(f"{directory.name} is running already.") from error
            time.sleep(0.02)
        except OSError:
            # A file system without locks: the marks have to do.
            return
        else:
            return


def is_starting(directory: Path) -> bool:
    """Whether somebody holds a run of which no process has left its mark yet."""
    if any(processes(directory)):
        return False
    try:
        with _claiming(directory):
            return False
    except RunFailed:
        return True


def _has_ended(directory: Path) -> bool:
    """Whether the run's files say so, whatever processes there are."""
    status = layout.read(directory / layout.STATUS, RunStatus)
    told = status is not None and status.phase in ("finished", "stopped", "failed")
    return told or (directory / layout.EXIT).exists()


def request_stop(directory: Path, *, force: bool = False) -> bool:
    """Ask a run to save a checkpoint and end, or with `force` end it at once.

    Returns at once; the run is `stopping` until its worker has saved.

    Returns:
        False if it had ended already.

    Raises:
        RunFailed: the run is on another machine, or belongs to another user.
    """
    supervisor, worker = processes(directory)
    known = [found for found in (supervisor, worker) if found is not None]
    for found in known:
        require_here(found)
    if not any(alive(found) for found in known):
        return False
    asked = StopRequest(time.time(), force)
    if force:
        layout.write_last(directory / layout.STOP, asked)
    else:
        # Without room even for this the signal does, and the run's last words keep theirs.
        with suppress(OSError):
            layout.write_atomic(directory / layout.STOP, asked)
    if force and worker is not None and signal_process(worker, signal.SIGKILL):
        return True
    # The supervisor passes it on; after a kill -9 of it the worker is asked directly.
    if supervisor is not None and signal_process(supervisor, signal.SIGTERM):
        return True
    status = layout.read(directory / layout.STATUS, RunStatus)
    if worker is not None and status is not None and status.process.pid != worker.pid:
        # That is Accelerate's launcher, which a signal would end; the main worker sees the file.
        return alive(worker)
    return worker is not None and signal_process(worker, signal.SIGTERM)
