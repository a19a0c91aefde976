"""How fast a run is, and when it will end, from the times of its metrics.

A run's time is that of its usual steps, which may drift, and of what comes between them now and
then: evaluations, checkpoints. Both are told apart by the distances between its lines. What no
line has shown yet cannot be foreseen: evaluations of which none has been, and what is saved at the
end.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

from rlhf_tui.tracking.clock import Clock, TimeClock, XAxis

MOST_POINTS = 512
"""Distances looked at: of a longer run every so many-th line."""
RECENT = 64
"""Usual distances that are enough to tell how fast it is now; of a longer run the newer half."""
SPIKE = 0.25
"""A distance longer than usual by this share, and by six times the usual scatter, has something
else in it than steps."""
WARM_UP = 0.25
"""Share of the distances that may be slow at first, as kernels are compiled and caches filled."""
LONGEST = 6
"""Slow distances in a row that may be one evaluation."""
SMALL = 0.2
"""Of the greatest extra: less is no event of its own."""
LATE = 1.5
"""What comes at fixed distances is not later than after so many of them."""
AHEAD = 2.0
"""A drift goes on for so many times as long as it has been seen, then no further."""
DRIFT = (0.67, 1.5)
"""Within which it may change the time of a step."""
WINDOW_S = 60.0
LINES = 10
"""Throughput is that of the last minute, and of the last ten lines if they reach back further."""


@dataclass(frozen=True)
class Estimate:
    """What is left of a run."""

    seconds: float
    """Until its last step is done."""
    per_step: float
    """Seconds of a usual step now, without what comes in between."""


class _Distance(NamedTuple):
    """From one line to the next one looked at."""

    stop: float
    steps: float
    seconds: float
    pace: float
    """Seconds a step."""


def estimate(
    steps: Sequence[float], seconds: Sequence[float], total: float, since: float = -math.inf
) -> Estimate | None:
    """What is left after the last point; None with fewer than three points since the start.

    Args:
        steps, seconds: the lines of a run; both rise, seconds need not strictly.
        total: the last step.
        since: only lines from then on count, in the same seconds: the last start of a run that
            was resumed.
    """
    begin = bisect_left(seconds, since)
    count = len(steps) - begin
    if count < 3:
        return None
    every = -(-count // MOST_POINTS)
    chosen = [*range(begin, len(steps) - 1, every), len(steps) - 1]
    distances = [_distance(steps, seconds, a, b) for a, b in pairwise(chosen)]
    usual, spikes = _told_apart(distances)
    recent = usual[-max(RECENT, len(usual) // 2) :]
    pace = sum(one.seconds for one in recent) / sum(one.steps for one in recent)
    left = max(0.0, total - steps[-1])
    between = _between(spikes, usual, total, steps[begin], steps[-1])
    rest = pace * _drift(usual, pace, left) * left + between
    return Estimate(rest, pace) if math.isfinite(rest) else None


def _distance(steps: Sequence[float], seconds: Sequence[float], a: int, b: int) -> _Distance:
    done, took = steps[b] - steps[a], seconds[b] - seconds[a]
    return _Distance(steps[b], done, took, took / done)


def _told_apart(distances: list[_Distance]) -> tuple[list[_Distance], list[_Distance]]:
    """The usual distances, and those with something else in them, neighbours as one.

    Slow ones at the very beginning are in neither.
    """
    count = len(distances)
    edges = [*range(0, max(1, count - RECENT // 2), RECENT), count]
    slow: list[bool] = []
    for a, b in pairwise(edges):
        limit = _limit([one.pace for one in distances[a:b]])
        slow += [one.pace > limit for one in distances[a:b]]
    usual: list[_Distance] = []
    spikes: list[_Distance] = []
    at = 0
    for is_slow, group in groupby(slow):
        some = distances[at : at + len(list(group))]
        at += len(some)
        if is_slow and at == len(some) and at <= WARM_UP * count:
            continue
        if not is_slow or len(some) > LONGEST:
            # So many in a row: the machine has become slower.
            usual += some
        else:
            whole = sum(one.seconds for one in some)
            steps = sum(one.steps for one in some)
            spikes.append(_Distance(some[-1].stop, steps, whole, whole / steps))
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


def _between(
    spikes: list[_Distance], usual: list[_Distance], total: float, first: float, last: float
) -> float:
    """Seconds of evaluations and the like that are still to come.

    Args:
        first, last: the steps between which all of this was seen.
    """
    if not spikes:
        return 0.0
    worked = sum(one.seconds for one in usual)
    pace = worked / sum(one.steps for one in usual)
    costs = [one.seconds - pace * one.steps for one in spikes]
    # A machine that slept, or a clock that was set: far beyond the others, or beyond all else.
    most = 10 * statistics.median(costs) if len(costs) > 2 else worked
    costs = [cost for cost in costs if cost <= most]
    if not costs:
        return 0.0
    # They come at multiples of their distance, counted from the first step of all.
    begin = 0.0 if first <= spikes[0].steps else first
    stops = [one.stop for one in spikes]
    apart = (stops[-1] - stops[0]) / (len(stops) - 1) if stops[1:] else max(1.0, stops[0] - begin)
    coming = (total - stops[-1]) / apart
    if last - stops[-1] > LATE * apart:
        # The next one was due: they come by chance, as often as they have come so far.
        coming = (total - last) / (last - begin) * len(stops)
    elif math.isfinite(coming):
        coming = math.floor(coming + 1e-6)
    return coming * statistics.fmean(costs) if math.isfinite(coming) else 0.0


def _drift(usual: list[_Distance], pace: float, left: float) -> float:
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


def _slope(some: list[_Distance]) -> tuple[float, float]:
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


def seconds_left(
    clocks: Mapping[XAxis, Clock],
    step: float,
    total: float,
    *,
    started: float,
    updated: float,
    now: float,
) -> float | None:
    """Seconds until a living run has done its last step; None while that cannot be told.

    Args:
        clocks: of its follower.
        step, total: as its status says.
        started, updated, now: its last start, its last heartbeat and the present, in seconds
            since 1970.
    """
    if total <= step or step <= 0:
        return None
    clock = clocks.get("time")
    found = None
    if isinstance(clock, TimeClock) and clock.steps:
        # A clock that was set back says nothing of the start any more.
        since = started - clock.origin if started <= now else -math.inf
        found = estimate(clock.steps, clock.values, total, since)
    if not isinstance(clock, TimeClock) or found is None:
        # No line tells yet: loading counts, too, so it is too long rather than too short.
        return (now - started) / step * (total - step) if 0 < started < now else None
    ahead = max(0.0, step - clock.steps[-1])
    moment = updated if ahead else clock.before
    waited = max(0.0, now - moment)
    return max(0.0, found.seconds - found.per_step * ahead - min(waited, found.per_step))


def throughput(clocks: Mapping[XAxis, Clock]) -> dict[XAxis, float]:
    """Steps, tokens and samples a second of late, as far as the run tells of them.

    `step` is measured with the clock of time alone; without one there is nothing.
    """
    time = clocks.get("time")
    if time is None or len(time) < 2:
        return {}
    last = time.values[-1]
    place = min(bisect_left(time.values, last - WINDOW_S), max(0, len(time) - 1 - LINES))
    first = time.steps[place]
    found: dict[XAxis, float] = {}
    if last > time.values[place]:
        found["step"] = (time.steps[-1] - first) / (last - time.values[place])
    axes: tuple[XAxis, ...] = ("tokens", "samples")
    for axis in axes:
        clock = clocks.get(axis)
        if clock is None or not clock.steps or clock.steps[-1] <= first:
            continue
        seconds = time.at(clock.steps[-1]) - time.values[place]
        if seconds > 0:
            found[axis] = (clock.values[-1] - clock.at(first)) / seconds
    return found
