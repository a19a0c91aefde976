"""Processes that can be told from others that got their number later, and signals to them."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from rlhf_tui.errors import RunFailed
from rlhf_tui.runs.layout import ProcessMark

PR_SET_CHILD_SUBREAPER = 36
"""Linux' prctl: orphans among our descendants become our own children."""
GONE_S = 10.0
"""A killed process that is still there after so long hangs in a driver; nothing more helps."""
CLOCK_JITTER_S = 2.0
"""create_time() is reckoned from a boot time in whole seconds, which adjusting the clock moves."""


@functools.cache
def boot_id() -> str:
    """What changes with every start of this machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(int(psutil.boot_time()))


def _start_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The second field is the program's name and may hold blanks and brackets itself.
    return int(stat.rpartition(")")[2].split()[19])


def mark(pid: int | None = None) -> ProcessMark:
    """The mark of a process of this machine; None: of this process.

    Raises:
        ProcessLookupError: no such process.
    """
    pid = os.getpid() if pid is None else pid
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(f"No process {pid}.") from error
    return ProcessMark(pid, started, socket.gethostname(), boot_id(), _start_ticks(pid))


def is_here(mark: ProcessMark) -> bool:
    """Whether the process was started on this machine, on this or an earlier start of it."""
    return mark.host == socket.gethostname()


def require_here(mark: ProcessMark) -> None:
    """Refuse what cannot be done to another machine's process.

    Raises:
        RunFailed: the process belongs to another machine.
    """
    if not is_here(mark):
        raise RunFailed(
            f"The process runs on {mark.host}, and this is {socket.gethostname()}.",
            hint=f"Give the command on {mark.host}.",
        )


def alive(mark: ProcessMark) -> bool:
    """Whether exactly this process still runs on this machine; False for other machines'."""
    if not is_here(mark) or mark.boot_id != boot_id():
        return False
    try:
        process = psutil.Process(mark.pid)
        started, status = process.create_time(), process.status()
    except psutil.NoSuchProcess:
        return False
    # A zombie has ended; only its parent has not asked yet how.
    if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        return False
    ticks = _start_ticks(mark.pid)
    if mark.ticks and ticks:
        return mark.ticks == ticks
    return abs(float(started) - mark.started) <= CLOCK_JITTER_S


def signal_process(mark: ProcessMark, sig: signal.Signals) -> bool:
    """Send a signal, but only to exactly the marked process; False if it has ended.

    Raises:
        RunFailed: the process belongs to another machine or to another user.
    """
    require_here(mark)
    if not alive(mark):
        return False
    try:
        os.kill(mark.pid, sig)
    except ProcessLookupError:
        return False
    except PermissionError as error:
        raise RunFailed(
            f"Process {mark.pid} belongs to another user.", hint="Ask its owner to stop it."
        ) from error
    return True


def adopt_orphans() -> None:
    """Become the parent of whatever our children leave behind (Linux), so that it can be found."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_descendants() -> None:
    """End all processes below this one, and wait until they are gone."""
    below = psutil.Process().children(recursive=True)
    for process in below:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(below, timeout=GONE_S)
