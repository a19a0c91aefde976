"""An index of a run's metrics in the viewer's own cache, so that a long run opens at once.

One file a run directory (`index_file`), named by a hash of its path, never in the run directory
itself, written aside and renamed, so that viewers may write the same one at once. One that does
not fit the run any more, or this program, or itself, counts as none. So does a cache that cannot
be written: an index saves time, nothing else.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import platformdirs

from rlhf_tui.runs.tail import Place
from rlhf_tui.tracking.index_file import Arrays, IndexFile, header_of, write
from rlhf_tui.tracking.metrics import Metrics

LOOKED_AT = 4096
"""Bytes at the beginning of the metrics, and before the place, that an index must agree on."""
MOST_BYTES = 1024**3
"""Of all indices together; the longest unused go first. One alone takes half of it at most."""
MOST_AGE_S = 30 * 86400.0


class Index:
    """The index of one metrics file.

    Args:
        source: the metrics file.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        name = hashlib.sha256(os.fsencode(os.path.realpath(source))).hexdigest()[:32]
        self.path = platformdirs.user_cache_path("rlhf-tui") / "runs" / f"{name}.index"
        self._file: IndexFile | None = None

    @property
    def broken(self) -> bool:
        """Whether points could not be read any more that had been promised: begin anew."""
        return self._file is not None and self._file.broken

    def load(self) -> tuple[Metrics, Place] | None:
        """What was kept, and how far it goes; None where there is nothing fit."""
        self._file = None
        try:
            file = IndexFile(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
            header = file.header()
            if header is None or self.source.stat().st_ino != header.inode:
                return None
            if header.looked_at != _looked_at(self.source, header.offset):
                return None
            metrics = file.metrics(header)
            os.utime(self.path)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, ValueError, IndexError):
            # None yet, or one that another version wrote, or half of one.
            return None
        self._file = file
        return metrics, Place(header.offset, header.inode, header.before)

    def save(self, metrics: Metrics, place: Place) -> bool:
        """Keep what was taken in up to a place; whether that could be done."""
        arrays = Arrays()
        try:
            header = header_of(metrics, place, _looked_at(self.source, place.offset), arrays)
            if self.broken or sum(arrays.lengths) * 8 > MOST_BYTES // 2:
                return False
            folder = self.path.parent
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(self.path, header, arrays)
            prune(folder)
        except OSError:
            # A full disk, a cache that is read-only, metrics that have just gone.
            return False
        return True


def _looked_at(source: Path, offset: int) -> str:
    """What the metrics look like: a hash of their first bytes and of those before a place.

    Raises:
        OSError: they cannot be read.
    """
    with source.open("rb") as file:
        first = file.read(min(LOOKED_AT, offset))
        file.seek(max(0, offset - LOOKED_AT))
        last = file.read(min(LOOKED_AT, offset))
    if len(last) < min(LOOKED_AT, offset):
        return ""
    return hashlib.sha256(first + last).hexdigest()


def prune(folder: Path) -> None:
    """Remove indices that nobody has used for long, and the longest unused beyond `MOST_BYTES`."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                facts = entry.stat(follow_symlinks=False)
                found.append((facts.st_mtime, facts.st_size, entry.path))
    now, room = time.time(), MOST_BYTES
    for used, size, path in sorted(found, reverse=True):
        room -= size
        left_behind = path.endswith(".aside") and now - used > 3600
        if room < 0 or now - used > MOST_AGE_S or left_behind:
            with suppress(OSError):
                Path(path).unlink()
