"""Lines of metrics made into series and clocks, many at a time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from itertools import compress, groupby, islice
from typing import Any

from rlhf_tui.tracking.clock import SAMPLES, TOKENS, Clock, TimeClock, XAxis
from rlhf_tui.tracking.panels import NOT_METRICS
from rlhf_tui.tracking.series import Series, is_rising

MAX_SERIES = 1000
"""More metric names than this are some mistake, such as a name made of a number."""
FAR = 1e15
"""Steps, seconds, tokens and samples beyond it are some mistake that no axis can show."""
ODD = "not_finite"
"""Names whose value is null because JSON cannot say it, mapped to nan, inf or -inf."""
_ODD = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_SKIPPED = NOT_METRICS | {ODD}
_NUMBERS = frozenset({float, int})


class Metrics:
    """The series and clocks of one run, as far as its lines have been taken in."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.clocks: dict[XAxis, Clock] = {}
        self.rows = 0
        """Lines so far: the step of one that names none."""

    def clear(self) -> None:
        """Forget all lines."""
        self.series.clear()
        self.clocks.clear()
        self.rows = 0

    def take(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add lines, in the order in which they were written.

        A line whose step is no number, or beyond `FAR`, is left out. A value that is missing leaves
        no point; one that is null or a text leaves a gap in a metric that had numbers before.
        """
        points: dict[str, Points] = {}
        times = Points()
        # Lines of a kind come in long runs; their columns are taken in whole.
        for names, group in groupby(rows, tuple):
            some = list(group)
            if ODD in names:
                some = [with_odd(row) for row in some]
            columns = dict(
                zip(names, zip(*(row.values() for row in some), strict=True), strict=True)
            )
            first, self.rows = self.rows, self.rows + len(some)
            given = columns.get("step", range(first, self.rows))
            steps = numbers(given)
            if not are_places(steps):
                usable = [abs(step) <= FAR for step in steps]
                steps = array("d", compress(steps, usable))
                columns = {name: tuple(compress(c, usable)) for name, c in columns.items()}
            for name, column in columns.items():
                if name == "time":
                    times.add(*placed(steps, numbers(column)))
                elif name not in _SKIPPED:
                    self._collect(points, name, steps, column)
        rising: dict[int, bool] = {}
        for name, found in points.items():
            known = rising.get(id(found.steps))
            if known is None:
                known = rising[id(found.steps)] = is_rising(found.steps)
            self.series[name].extend(found.steps, found.values, rising=known)
        self._tell_clocks(times, points)

    def _collect(
        self, points: dict[str, Points], name: str, steps: array[float], column: Sequence[object]
    ) -> None:
        if name not in self.series:
            start = next((i for i, value in enumerate(column) if is_number(value)), len(column))
            if start == len(column) or len(self.series) >= MAX_SERIES:
                return
            self.series[name] = Series(name)
            if start:
                steps, column = steps[start:], tuple(islice(column, start, None))
        points.setdefault(name, Points()).add(steps, numbers(column))

    def _tell_clocks(self, times: Points, points: dict[str, Points]) -> None:
        if times.steps:
            clock = self.clocks.setdefault("time", TimeClock())
            assert isinstance(clock, TimeClock)
            clock.tell(times.steps, times.values)
        axes: tuple[tuple[XAxis, str], ...] = (("tokens", TOKENS), ("samples", SAMPLES))
        for axis, name in axes:
            if name in points:
                steps, values = placed(points[name].steps, points[name].values)
                if steps:
                    self.clocks.setdefault(axis, Clock()).extend(steps, values)


class Points:
    """Steps, and what stands at each of them; several may begin with the same array of steps."""

    def __init__(self) -> None:
        self.steps: array[float] = array("d")
        self.values: array[float] = array("d")
        self._own = True

    def add(self, steps: array[float], values: array[float]) -> None:
        """Add as many of each; the first ones are not copied."""
        if not self.steps:
            self.steps, self.values, self._own = steps, values, False
            return
        if not self._own:
            self.steps, self.values, self._own = self.steps[:], self.values[:], True
        self.steps.extend(steps)
        self.values.extend(values)


def are_places(values: array[float]) -> bool:
    """Whether all of them can stand on an axis: numbers, none beyond `FAR`."""
    # Which is the greatest cannot be told beside NaN: the sum is NaN, too, then.
    return not values or (math.isfinite(sum(values)) and min(values) >= -FAR and max(values) <= FAR)


def placed(steps: array[float], values: array[float]) -> tuple[array[float], array[float]]:
    """The points whose value can stand on an axis."""
    if are_places(values):
        return steps, values
    usable = [abs(value) <= FAR for value in values]
    return array("d", compress(steps, usable)), array("d", compress(values, usable))


def is_number(value: object) -> bool:
    """Whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(values: Sequence[object]) -> array[float]:
    """Values as doubles; NaN for what is no number, infinite for integers beyond a double."""
    if _NUMBERS.issuperset(map(type, values)):
        try:
            return array("d", values)  # type: ignore[arg-type]
        except OverflowError:
            pass
    return array("d", [number_of(value) for value in values])


def number_of(value: object) -> float:
    """A JSON value as a double: NaN for what is no number, infinite for what is beyond."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def with_odd(row: dict[str, Any]) -> dict[str, Any]:
    """A line with the values that JSON cannot say put back."""
    odd = row[ODD]
    if not isinstance(odd, dict):
        return row
    return row | {
        name: _ODD[word]
        for name, word in odd.items()
        if isinstance(word, str) and word in _ODD and row.get(name, 0) is None
    }
