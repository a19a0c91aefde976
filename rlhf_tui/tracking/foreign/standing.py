"""How a log of another program stands, by a glance: alive, how far, or how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from rlhf_tui.tracking.foreign.glance import Progress, glance
from rlhf_tui.tracking.foreign.scan import Found

RUNNING_S = 90.0
"""A log that has not grown for so long is no more alive: an evaluation fits in between."""
LONGEST_S = 6 * 3600.0
"""… and a trainer_state.json, which comes with the checkpoints, after twice the time between the
last two of them, at most after this."""
State = Literal["running", "finished", "failed", "quiet"]
"""`quiet`: it has not grown for a while, and does not say that it ended."""


@dataclass(frozen=True)
class Standing:
    """How a log stands."""

    state: State
    changed: float
    """Seconds since 1970; 0 where nothing is there."""
    progress: Progress


class Witness:
    """Looks at a log now and then, and remembers when it changed."""

    def __init__(self) -> None:
        self._signature: tuple[Any, ...] | None = None
        self._grown = 0.0
        """By the monotonic clock; 0 before any change was seen."""
        self._progress = Progress()

    def look(self, found: Found, over: str = "") -> Standing:
        """
        Args:
            over: how it ended, where its reader knows.
        """
        dated = []
        for path in found.files:
            try:
                facts = path.stat()
            except OSError:
                continue
            dated.append((facts.st_mtime, facts.st_size, str(path), facts.st_ino))
        dated.sort(reverse=True)
        changed = dated[0][0] if dated else 0.0
        if tuple(dated) != self._signature:
            if self._signature is not None:
                self._grown = time.monotonic()
            self._signature = tuple(dated)
            self._progress = glance(found)
        return Standing(self._state(found, dated, over), changed, self._progress)

    def _state(self, found: Found, dated: list[Any], over: str) -> State:
        progress = self._progress
        if over == "failed" or progress.over == "failed":
            return "failed"
        if over or progress.over or 0 < progress.total <= progress.step:
            return "finished"
        if not dated:
            return "quiet"
        patience = RUNNING_S
        if found.format == "trainer_state" and len(dated) > 1:
            patience = min(LONGEST_S, max(patience, 2 * (dated[0][0] - dated[1][0])))
        # By what was seen here, too: the clock of another machine, or a changed one, may be off.
        if self._grown and time.monotonic() - self._grown < patience:
            return "running"
        return "running" if -patience < time.time() - dated[0][0] < patience else "quiet"
