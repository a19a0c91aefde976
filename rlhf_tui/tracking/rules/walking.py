"""Walking along a series with hysteresis: from where on something holds, and whether it still does.

Every function looks backwards only: what it says of a point never changes as more points come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rlhf_tui.tracking.rules.finding import Alarm, Severity
from rlhf_tui.tracking.rules.view import Points


class Episode(NamedTuple):
    """A stretch of points for which something held: indices."""

    first: int
    """Where it was noticed."""
    last: int
    """While it holds, the newest point that is not cold; else the one at which it was over."""
    holds: bool
    worst: int
    """Where it was worst."""


def episode(
    hot: Sequence[bool],
    cold: Sequence[bool],
    *,
    on: int,
    off: int,
    badness: Sequence[float] | None = None,
) -> Episode | None:
    """The newest episode; None without any.

    Args:
        hot: points at which it is bad enough to begin.
        cold: points at which it is good enough to end: less than not hot, so that a value about
            the threshold does not flicker.
        on: so many hot points in a row begin it.
        off: so many cold points in a row end it.
        badness: to find the worst point by; the newest without it.
    """
    found: Episode | None = None
    hots = colds = 0
    for i, (is_hot, is_cold) in enumerate(zip(hot, cold, strict=True)):
        if found is not None and found.holds:
            colds = colds + 1 if is_cold else 0
            worst = i if badness is None or badness[i] > badness[found.worst] else found.worst
            over = colds >= off
            last = found.last if is_cold and not over else i
            found = Episode(found.first, last, not over, found.worst if is_cold else worst)
            hots = 0
        else:
            hots = hots + 1 if is_hot else 0
            if hots >= on:
                found, colds = Episode(i, i, True, i), 0
    return found


def alarm(
    points: Points, found: Episode | None, severity: Severity, sentence: Callable[[int], str]
) -> Alarm | None:
    """An episode's alarm: of what is over only a note remains.

    Args:
        sentence: tells of the point with this index: the newest one while it holds, else the
            worst.
    """
    if found is None:
        return None
    if found.holds:
        return Alarm(severity, points.steps[found.first], sentence(found.last))
    until = points.steps[found.last]
    return Alarm("note", points.steps[found.first], sentence(found.worst), until)


def above(
    points: Points,
    limit: float,
    back: float,
    sentence: Callable[[float, float], str],
    *,
    width: int = 3,
) -> Alarm | None:
    """A warning about a series whose rolling median stands above a limit `width` times in a row.

    Args:
        back: below it, three times in a row, it is over.
        sentence: tells of a median and its step.
        width: points whose median is taken.
    """
    values = rolling(points.means, width)
    found = episode(
        [v > limit for v in values], [v < back for v in values], on=width, off=3, badness=values
    )
    return alarm(points, found, "warning", lambda i: sentence(values[i], points.steps[i]))


def mean(values: Sequence[float]) -> float:
    """The mean of at least one value."""
    return math.fsum(values) / len(values)


def spread(values: Sequence[float]) -> float:
    """The standard deviation of a sample; 0 of a single value.

    The statistics module's own works in fractions: a hundred times slower.
    """
    if len(values) < 2:
        return 0.0
    centre = mean(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - 1))


def level(values: Sequence[float], trimmed: float = 0.25) -> tuple[float, float]:
    """Where values stand, and the standard error of that, whatever a few wild ones among them.

    The trimmed mean, and its error by the spread of what is trimmed moved to the nearest that is
    not (Yuen 1974).

    Args:
        values: at least one.
        trimmed: the share left out at each end.
    """
    ordered = sorted(values)
    count = len(ordered)
    out = int(trimmed * count)
    kept = ordered[out : count - out]
    moved = [kept[0]] * out + kept + [kept[-1]] * out
    return mean(kept), spread(moved) / ((1 - 2 * out / count) * math.sqrt(count))


def middle(values: Sequence[float]) -> float:
    """The median of at least one value."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def rolling(values: Sequence[float], width: int) -> list[float]:
    """The median of each value and the `width` - 1 before it; of fewer at the start."""
    return [middle(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]


def before(values: Sequence[float], count: int) -> float:
    """The median of the first values: where the run began; 0 without any."""
    return middle(values[:count]) if values else 0.0


def lowest_so_far(values: Sequence[float], skip: int = 0) -> list[float]:
    """The lowest value up to each, the first `skip` left out where there are others."""
    found: list[float] = []
    low = float("inf")
    for i, value in enumerate(values):
        low = value if i == skip else min(low, value)
        found.append(low)
    return found
