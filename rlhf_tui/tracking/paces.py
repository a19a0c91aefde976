"""How long a run's steps take: its usual ones, those with something else in them, and a drift."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from rlhf_tui.tracking.plan import Evaluations

RECENT = 64
"""Usual distances that are enough to tell how fast it is now; of a longer run the newer half."""
SPIKE = 0.25
"""A distance longer than usual by this share, and by six times the usual scatter, has something
else in it than steps."""
WARM_UP = 0.25
"""Share of the distances that may be slow at first, as kernels are compiled and caches filled."""
FEW = 4
"""Among so few distances the first is slow if it is longer than each of the others."""
LONGEST = 6
"""Slow distances in a row that may be one evaluation."""
SMALL = 0.2
"""Of the greatest extra: less is no event of its own."""
AHEAD = 2.0
"""A drift goes on for so many times as long as it has been seen, then no further."""
DRIFT = (0.67, 1.5)
"""Within which it may change the time of a step."""


class Distance(NamedTuple):
    """From one line to the next one looked at."""

    stop: float
    steps: float
    seconds: float
    pace: float
    """Seconds a step."""

    def holds(self, evaluations: Evaluations) -> int:
        """How many evaluations lie in it."""
        return evaluations.between(self.stop - self.steps, self.stop)


def distance(steps: Sequence[float], seconds: Sequence[float], a: int, b: int) -> Distance:
    done, took = steps[b] - steps[a], seconds[b] - seconds[a]
    return Distance(steps[b], done, took, took / done)


def told_apart(distances: list[Distance]) -> tuple[list[Distance], list[Distance]]:
    """The usual distances, and those with something else in them, neighbours as one.

    Slow ones at the very beginning are in neither.
    """
    count = len(distances)
    edges = [*range(0, max(1, count - RECENT // 2), RECENT), count]
    slow: list[bool] = []
    for a, b in pairwise(edges):
        limit = _limit([one.pace for one in distances[a:b]])
        slow += [one.pace > limit for one in distances[a:b]]
    if 1 < count <= FEW:
        # Too few to tell what is usual.
        slow[0] = distances[0].pace > (1 + SPIKE) * max(one.pace for one in distances[1:])
    usual: list[Distance] = []
    spikes: list[Distance] = []
    at = 0
    for is_slow, group in groupby(slow):
        some = distances[at : at + len(list(group))]
        at += len(some)
        if is_slow and at == len(some) and (at == 1 or at <= WARM_UP * count):
            continue
        if not is_slow or len(some) > LONGEST:
            # So many in a row: the machine has become slower.
            usual += some
        else:
            whole = sum(one.seconds for one in some)
            steps = sum(one.steps for one in some)
            spikes.append(Distance(some[-1].stop, steps, whole, whole / steps))
    pace = statistics.median(one.pace for one in usual)
    costs = [one.seconds - pace * one.steps for one in spikes]
    # Beside an evaluation a step that took a little longer is a step.
    small = [one for one, cost in zip(spikes, costs, strict=True) if cost < SMALL * max(costs)]
    usual = sorted([*usual, *small], key=lambda one: one.stop)
    return usual, [one for one in spikes if one not in small]


def _limit(paces: list[float]) -> float:
    """The longest usual time of a step."""
    middle = statistics.median(paces)
    scatter = statistics.median([abs(pace - middle) for pace in paces])
    return middle + max(6 * scatter, SPIKE * middle)


def drift(usual: list[Distance], pace: float, left: float) -> float:
    """How much longer than now the steps that are left take, for a drift that both halves show."""
    if len(usual) < RECENT or pace <= 0 or left <= 0:
        return 1.0
    half = len(usual) // 2
    slope, error = _slope(usual)
    halves = [_slope(usual[:half])[0], _slope(usual[half:])[0]]
    # One that only the beginning shows is warming up; one within the scatter is none.
    if abs(slope) <= 4 * error or any(part * slope <= slope * slope / 3 for part in halves):
        return 1.0
    recent = usual[-max(RECENT, half) :]
    seen = usual[-1].stop - usual[0].stop
    # From the middle of what the pace was measured over to the end of what is extrapolated.
    lag = (usual[-1].stop - recent[0].stop) / 2
    ahead = min(left, AHEAD * seen)
    mean = lag + (ahead / 2 * ahead + ahead * (left - ahead)) / left
    return min(DRIFT[1], max(DRIFT[0], 1 + slope * mean / pace))


def _slope(some: list[Distance]) -> tuple[float, float]:
    """How much longer each step takes than the one before, in seconds, and its standard error."""
    xs, ys = [one.stop for one in some], [one.pace for one in some]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x0) * (x - x0) for x in xs)
    if not spread > 0:
        return 0.0, 0.0
    slope = sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / spread
    rests = [y - y0 - slope * (x - x0) for x, y in zip(xs, ys, strict=True)]
    error = math.sqrt(sum(r * r for r in rests) / (len(xs) - 2) / spread)
    return (slope, error) if math.isfinite(slope) else (0.0, 0.0)
