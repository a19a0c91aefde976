"""Axes of a chart: from values to dots, ticks at round numbers, and how numbers are written.

How places on the x axis are written is in `chart_x_axis`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

HUGE = 1e290
"""Values beyond it are drawn at it, so that differences of two values stay finite."""
TINY = 1e-290
"""Values nearer to zero count as zero, or as this on a logarithmic axis."""


def number(value: float) -> str:
    """A value in at most four significant digits and nine characters."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    size = abs(value)
    if size and not 1e-4 <= size < 1e6:
        return _exponent(f"{value:.2e}")
    if size >= 1000:
        return f"{value:.0f}"
    if len(short := f"{value:.6g}") <= 6:
        return short
    return f"{value:.{3 - math.floor(math.log10(size)) if size < 1 else 4 - len(str(int(size)))}f}"


def _exponent(text: str) -> str:
    mantissa, exponent = text.split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def tick_label(value: float, step: float, largest: float) -> str:
    """A tick's label, with as many decimals as its axis's step asks for."""
    if value == 0 or abs(value) < step * 1e-6:
        return "0"
    if largest >= 1e5 or largest < 1e-3:
        digits = max(0, math.floor(math.log10(abs(value))) - math.floor(math.log10(step)))
        return _exponent(f"{value:.{min(digits, 10)}e}")
    return f"{value:.{max(0, min(9, -math.floor(math.log10(step) + 1e-9)))}f}"


def power_label(value: float) -> str:
    """A logarithmic tick's label: a round number, so as short as it gets."""
    return f"{value:g}" if 1e-3 <= value < 1e5 else _exponent(f"{value:.2e}")


ROUND = (1, 2, 5, 10)
FINER = (1, 2, 3, 4, 5, 6, 8, 10)
"""Steps of an axis with few ticks: with the round ones alone half of it may stand empty."""
FEW = 4


def nice_step(span: float, count: int, factors: Sequence[int] = ROUND) -> float:
    """The smallest of 1, 2, 5 · 10ⁿ that makes at most `count` intervals of a span."""
    raw = max(TINY, span / max(1, count))
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in factors:
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10 * power


class Axis:
    """Values from `low` to `high` spread over the dots 0 to `dots` - 1, `low` at 0."""

    def __init__(
        self, low: float, high: float, dots: int, ticks: list[tuple[float, str]], *, log: bool
    ) -> None:
        self.low, self.high, self.dots, self.ticks, self.log = low, high, dots, ticks, log
        self._start = math.log10(low) if log else low
        self._scale = (dots - 1) / ((math.log10(high) if log else high) - self._start)

    def dot(self, value: float) -> int:
        """The dot of a value, at the edge for values beyond it."""
        if value <= self.low:
            return 0
        if value >= self.high:
            return self.dots - 1
        return round(((math.log10(value) if self.log else value) - self._start) * self._scale)


def linear_axis(low: float, high: float, dots: int, count: int) -> Axis:
    """An axis whose ends are ticks: it moves only when the data leave it.

    Args:
        count: ticks wanted at most, at least two.
    """
    low, high = (max(-HUGE, min(HUGE, value)) for value in (low, high))
    size = max(abs(low), abs(high))
    if high - low <= max(size * 1e-9, TINY):
        room = size / 2 if size > TINY else 1.0
        low, high = low - room, high + room
    count = max(2, count)
    factors = FINER if count <= FEW else ROUND
    step = nice_step(high - low, count - 1, factors)
    while True:
        first = math.floor(low / step + 1e-9)
        last = math.ceil(high / step - 1e-9)
        # Around zero one interval never does, however long it is.
        if last - first <= max(count - 1, 2 if first < 0 < last else 1):
            break
        step = nice_step(step * 1.01, 1, factors)
    values = [index * step for index in range(first, last + 1)]
    largest = max(abs(value) for value in values)
    ticks = [(value, tick_label(value, step, largest)) for value in values]
    return Axis(values[0], values[-1], dots, ticks, log=False)


def log_axis(low: float, high: float, dots: int, count: int) -> Axis:
    """A logarithmic axis over positive values; ends at ticks (1, 2, 5 · 10ⁿ, or powers of ten).

    Args:
        count: ticks wanted at most, at least two.
    """
    low, high = (max(TINY, min(HUGE, value)) for value in (low, high))
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    if first == last:
        last = first + 1
    every = max(1, math.ceil((last - first) / max(1, count - 1)))
    if last - first <= 2 and every == 1:
        values = [f * 10.0**p for p in range(first, last + 1) for f in (1, 2, 5)]
        start = max((v for v in values if v <= low * (1 + 1e-9)), default=values[0])
        stop = min((v for v in values if v >= high * (1 - 1e-9)), default=values[-1])
        if start == stop:
            stop = next(v for v in [*values, 10.0 ** (last + 1)] if v > start)
        shown = [v for v in values if start <= v <= stop]
        if len(shown) > count:
            shown = [start, *(v for v in shown[1:-1] if math.log10(v).is_integer()), stop]
    else:
        last = first + every * math.ceil((last - first) / every)
        shown = [10.0**power for power in range(first, last + 1, every)]
    return Axis(shown[0], shown[-1], dots, [(v, power_label(v)) for v in shown], log=True)


def grown_end(last: float, total: float) -> float:
    """Where the step axis of a growing run ends: a round step, so that it rarely moves.

    Args:
        last: newest step.
        total: steps in all; 0 when unknown.
    """
    power = 10.0 ** math.floor(math.log10(max(last, 1.0)))
    end = next(end for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if (end := factor * power) >= last)
    end = max(end, 10.0)
    return max(last, min(end, total) if total else end)
