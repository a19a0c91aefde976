"""Whether programs of this machine wait for a processor, so that who only watches steps back.

Linux tells it in /proc/pressure/cpu (pressure stall information, `some avg10`): in what share of
the last ten seconds any program had to wait. Where that cannot be read, it counts as waiting when
more programs want to run than there are processors, by the load average of the last minute.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

PRESSURE = Path("/proc/pressure/cpu")
CROWDED = 10.0
"""Per cent of the time that anything waits, from which a machine is crowded: one viewer beside a
training that fills all processors makes it wait for some 1 %, twenty viewers for 20."""
ROOM = 5.0
"""… and below which there is room again. Between the two it stays as it was: stepping back lowers
what is measured."""
LOOK_S = 2.0
"""Between two looks."""

_SOME = re.compile(r"^some avg10=(\d+(?:\.\d+)?)", re.MULTILINE)


class Crowd:
    """Looks now and then; until the first look that tells otherwise there is room."""

    def __init__(self, pressure: Path = PRESSURE) -> None:
        """
        Args:
            pressure: the file that the kernel tells it in.
        """
        self._pressure = pressure
        self._crowded = False
        self._next = 0.0

    def crowded(self) -> bool:
        """Whether programs wait for a processor."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOOK_S
            waiting = self.waiting()
            self._crowded = waiting > (ROOM if self._crowded else CROWDED)
        return self._crowded

    def waiting(self) -> float:
        """Per cent of the time that something waits now; 0 where nothing tells it."""
        try:
            found = _SOME.search(self._pressure.read_text(encoding="ascii", errors="replace"))
        except OSError:
            found = None
        if found is not None:
            return float(found[1])
        try:
            load = os.getloadavg()[0]
        except OSError:
            return 0.0
        return 100.0 if load > (os.cpu_count() or 1) else 0.0
