"""The files that `runs export` writes: their names, and what stands in them once they are whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rlhf_tui.errors import UsageError, nearest

STDOUT = "-"


def free(out: str, overwrite: bool) -> None:
    """Raises UsageError where something is there already."""
    if Path(out).exists() and not overwrite:
        raise UsageError(
            f"{out} exists already.", hint="Name a new file, or replace it with --overwrite."
        )


@contextmanager
def opened(out: str) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears under its name only when it is whole."""
    from rlhf_tui.exchange import written_whole

    if out == STDOUT:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with written_whole(Path(out)) as file:
        yield file


def no_such_metric(wanted: str, found: Sequence[Path]) -> UsageError:
    from rlhf_tui.tracking.exporting import read_curves

    names = sorted({name for place in found for name in read_curves(place)})
    if not names:
        return UsageError(f"{' and '.join(ids(found))} logged no metrics.")
    return UsageError(f"No metric's name holds {wanted!r}.", hint=nearest(wanted, names))


def ids(found: Sequence[Path]) -> list[str]:
    """Names of the runs: their directories', or whole paths where two are the same."""
    names = [path.name for path in found]
    return names if len(set(names)) == len(names) else [str(path) for path in found]
