"""Keeping the write-ahead logs of unclean exits, before DuckDB replays and removes them."""

from __future__ import annotations

import filecmp
import shutil
import time
from pathlib import Path

KEPT_WALS = 3
"""Write-ahead logs of unclean exits that are kept aside."""

ROOM_FOR_WAL = 4
"""A log is copied only where the disk has room for this many of it: work needs the rest."""


def set_aside(path: Path) -> Path | None:
    """Copy the write-ahead log of the store at `path`, if an unclean exit left one.

    A damaged log may open without complaint and with rows missing; the copy is what a repair
    starts from.
    """
    wal = path.with_name(f"{path.name}.wal")
    # One reading of the clock: two could lie on both sides of a second, and sort the wrong way.
    seconds, rest = divmod(time.time_ns(), 10**9)
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}-{rest:09d}"
    aside = path.with_name(f"{path.name}.wal-{stamp}")
    kept = sorted(path.parent.glob(f"{path.name}.wal-*"))
    try:
        size = wal.stat().st_size if wal.exists() else 0
        if size == 0:
            return None
        if kept and filecmp.cmp(wal, kept[-1], shallow=False):
            # Tried before, in vain: more copies of it would push out the older ones.
            return kept[-1]
        if shutil.disk_usage(path.parent).free < ROOM_FOR_WAL * size:
            return None
        shutil.copyfile(wal, aside)
    except OSError:
        # To open the store matters more than the copy.
        aside.unlink(missing_ok=True)
        return None
    for old in [*kept, aside][:-KEPT_WALS]:
        old.unlink(missing_ok=True)
    return aside
