"""Which of a run's processes this is, and what one that failed leaves for the supervisor to tell.

Under `accelerate launch` the same worker runs several times on one run directory. torchrun says
in the environment which one each is; reading that takes no torch.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from rlhf_tui.runs import layout

VARIABLES = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "ROLE_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
)
"""torchrun's; a worker that runs by itself must not find those of somebody else's job."""
PR_SET_PDEATHSIG = 1
"""Linux' prctl: the signal that a process gets when its parent ends."""


class Rank(msgspec.Struct, frozen=True):
    """One process among those of a run."""

    rank: int = 0
    """0 writes; the others only compute."""
    world: int = 1
    """Processes in all, on all machines."""
    local: int = 0
    """Among those of this machine: which of its GPUs it takes."""
    launched: bool = False
    """Whether torchrun started it, so that it ends when torchrun says so."""

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def rank_of(environ: Mapping[str, str]) -> Rank:
    """The process's place, from the environment that torchrun gave it; alone without one."""
    if "RANK" not in environ:
        return Rank()
    return Rank(
        int(environ["RANK"]),
        int(environ.get("WORLD_SIZE", "1")),
        int(environ.get("LOCAL_RANK", "0")),
        launched=True,
    )


class RankFailure(msgspec.Struct):
    """How one process of several failed, in its own words."""

    rank: int
    code: int
    message: str
    """A sentence for people."""
    time: float
    """Seconds since 1970."""
    lost_peer: bool = False
    """It failed only because another process had gone."""


def note_failure(directory: Path, failure: RankFailure) -> None:
    """Leave a failure for the supervisor; on a full disk the log has to do."""
    (directory / layout.FAILURES).mkdir(exist_ok=True)
    layout.write_last(directory / layout.FAILURES / f"rank-{failure.rank}.json", failure)


def first_failure(directory: Path) -> RankFailure | None:
    """The failure that came first and was nobody else's: what the others failed of."""
    found = []
    for path in (directory / layout.FAILURES).glob("rank-*.json"):
        failure = layout.read(path, RankFailure)
        if failure is not None:
            found.append(failure)
    return min(found, key=lambda failure: (failure.lost_peer, failure.time), default=None)


def failed_now(rank: Rank, code: int, message: str, *, lost_peer: bool) -> RankFailure:
    return RankFailure(rank.rank, code, message, time.time(), lost_peer)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when the launcher is gone, however that ended.

    torchrun gives each worker a session of its own, so no signal to a group reaches them, and
    one that outlived a killed launcher would hold its device for ever. Linux only.

    Args:
        parent: the launcher's number, asked for as early as possible.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It went before the kernel knew of our wish.
        os._exit(1)
