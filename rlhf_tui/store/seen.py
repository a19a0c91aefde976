"""Which event ids the log holds already, in eight bytes each.

An index in the database would make every append slower and has sharp edges; a scan of a million
ids costs tens of milliseconds under a commit that should take two. This filter answers 'new' at
once; 'perhaps known' is then looked up in the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

HASH_SQL = "md5_number_upper(event_id)"
"""The same number as `digest`, as DuckDB computes it from the column."""


def digest(event_id: str) -> int:
    """The number that HASH_SQL gives for this id."""
    value = hashlib.md5(event_id.encode(), usedforsecurity=False).digest()
    return int.from_bytes(value[:8], "little")


class SeenIds:
    """A set of 64-bit hashes: those found at opening sorted in an array, later ones in a set."""

    def __init__(self, hashes: np.ndarray[Any, np.dtype[np.uint64]]) -> None:
        self._old = np.sort(hashes)
        self._new: set[int] = set()

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    def perhaps(self, event_id: str) -> bool:
        """False: certainly new. True: in the log, or (once in 2⁶⁴/n) only alike."""
        number = digest(event_id)
        if number in self._new:
            return True
        place = int(np.searchsorted(self._old, np.uint64(number)))
        return place < len(self._old) and int(self._old[place]) == number

    def add(self, event_ids: Iterable[str]) -> None:
        self._new.update(digest(event_id) for event_id in event_ids)
