"""Rows of other programs' logs as series and clocks, row by row.

`tracking.metrics` takes our own lines in columns, since all of a kind have the same names. An event
file of TensorBoard brings one name a row: columns of these take three times as long as rows do.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.foreign.values import RELATIVE, SAMPLES, TOKENS
from rlhf_tui.tracking.metrics import FAR
from rlhf_tui.tracking.series import Series

MOST_SERIES = 200
"""More metric names than this are some mistake; the screen has no room for them either."""
_NOT_METRICS = frozenset({"step", "time", "epoch"})
_COUNTED: tuple[tuple[XAxis, tuple[str, ...]], ...] = (("tokens", TOKENS), ("samples", SAMPLES))


class Intake:
    """Takes rows of `values.Places` in: for the thread that draws."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.clocks: dict[XAxis, Clock] = {}
        self.step = 0.0
        """The furthest step of all."""
        self.left_out = 0
        """Numbers of names beyond `MOST_SERIES`."""
        self._began = math.nan

    def clear(self) -> None:
        """Forget all rows: the log began anew."""
        self.series.clear()
        self.clocks.clear()
        self.step, self.left_out, self._began = 0.0, 0, math.nan

    def take(self, rows: Iterable[Mapping[str, Any]]) -> None:
        gathered: dict[str, tuple[array[float], array[float]]] = {}
        for row in rows:
            step = row["step"]
            if not abs(step) <= FAR:
                continue
            self.step = max(self.step, step)
            self._tell_clocks(step, row)
            for name, value in row.items():
                points = gathered.get(name)
                if points is None:
                    if not self._wanted(name, value):
                        continue
                    points = gathered[name] = array("d"), array("d")
                points[0].append(step)
                # A number that has turned into a text: a gap, not a guess.
                points[1].append(math.nan if value is None else value)
        for name, (steps, values) in gathered.items():
            self.series[name].extend(steps, values)

    def _wanted(self, name: str, value: float | None) -> bool:
        """Whether a name has, or now gets, a series."""
        if name in self.series:
            return True
        if value is None or name in _NOT_METRICS:
            return False
        if len(self.series) >= MOST_SERIES:
            self.left_out += 1
            return False
        self.series[name] = Series(name)
        return True

    def _tell_clocks(self, step: float, row: Mapping[str, Any]) -> None:
        when = row.get("time")
        if when is not None and abs(when) <= FAR:
            if math.isnan(self._began):
                self._began = when if when > RELATIVE else 0.0
            self._add("time", step, when - self._began)
        for axis, names in _COUNTED:
            for name in names:
                value = row.get(name)
                if value is not None and abs(value) <= FAR:
                    self._add(axis, step, value)
                    break

    def _add(self, axis: XAxis, step: float, value: float) -> None:
        clock = self.clocks.setdefault(axis, Clock())
        # Only forward: some programs log one metric by epochs and another by steps, and a clock
        # that went back with the first would forget the second.
        if not clock.steps or step > clock.steps[-1]:
            clock.add(step, value)
