"""How far the reading of a `--dataset` file is: a small file in the run's directory meanwhile.

A launch is answered only when its data set is whole, which of a large file takes minutes; whoever
waits for the answer looks here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.runs import layout

SCRATCH = ".reading"
"""Directory in the run's, gone before the run starts."""
PROGRESS = "progress.json"


class Progress(msgspec.Struct):
    file: str
    """Absolute path."""
    rows: int
    """Taken so far."""


def tell(scratch: Path, progress: Progress) -> None:
    """Replace what was told before; not forced to the disk, as nothing depends on it."""
    aside = scratch / f"{PROGRESS}.part"
    aside.write_bytes(msgspec.json.encode(progress))
    aside.replace(scratch / PROGRESS)


def rows_read(runs: Path, file: Path) -> int:
    """Rows taken so far of a file, of the newest launch that reads it; 0 when none does.

    Args:
        runs: the workspace's directory of runs.
    """
    for path in sorted(runs.glob(f"*/{SCRATCH}/{PROGRESS}"), key=_age):
        try:
            found = layout.read(path, Progress)
        except InputError:
            continue
        if found is not None and found.file == str(file):
            return found.rows
    return 0


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        # Read to its end while we looked.
        return 0.0
