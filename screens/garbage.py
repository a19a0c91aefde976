"""Garbage is collected while nobody types: the collector's pauses were the slow keys."""

from __future__ import annotations

import gc

LOOK_S = 0.5
"""Between two looks at how much there is."""
WORTH_IT = 20_000
"""Objects made since the last collection from which one pays."""
TOO_MUCH = 400_000
"""Objects from which one cannot wait for a quiet moment: some ten megabytes."""
STILL = 500
"""Objects that are made between two looks while nothing happens."""
FULL_EVERY = 20
"""Of so many collections one looks at the old objects too."""


class Collector:
    """In the place of the automatic collector, which comes in the middle of a key."""

    def __init__(self) -> None:
        self._before = 0
        self._times = 0

    def settle(self) -> None:
        """Take what the start made out of the collector's sight, and take its place."""
        gc.collect()
        gc.freeze()
        gc.disable()

    def look(self) -> bool:
        """Collect where it pays and nothing happens; whether it did."""
        made = gc.get_count()[0]
        grown, self._before = made - self._before, made
        if made < WORTH_IT or (grown > STILL and made < TOO_MUCH):
            return False
        self._times += 1
        gc.collect(2 if self._times % FULL_EVERY == 0 else 1)
        self._before = gc.get_count()[0]
        return True
