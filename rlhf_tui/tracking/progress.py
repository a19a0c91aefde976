"""How fast a run is, and what its steps and evaluations still take, from the times of its metrics.

A run's time is that of its usual steps, which may drift, and of what comes between them now and
then: evaluations, checkpoints. Evaluations come when the run's arguments say so (`plan`), and one
that was not seen yet is taken for what its rows take without learning. All else is told from the
distances between the lines. What a run's end takes, `time_left` knows.

After a tenth of a run its end is so told within a tenth of the whole time where some thirty lines
are there by then, steps scatter by a tenth (a fifth with a hundred lines), and the last steps take
at most a sixth longer than the first; a third where they scatter so little that the drift shows.
It cannot be where other work comes and goes on the machine, where responses grow by a third or
more, or where evaluations that have not been seen yet are most of the time.

What earlier runs took is left out of it: on a machine that others use, too, their figures move the
end away from the truth as often as towards it.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.paces import RECENT, Distance, distance, drift, told_apart
from rlhf_tui.tracking.plan import Evaluations

MOST_POINTS = 512
"""Distances looked at: of a longer run every so many-th line."""
LATE = 1.5
"""What comes at fixed distances is not later than after so many of them."""
FEWEST = 3
"""Distances without an evaluation that tell how long a step takes."""
PENDING = 0.5
"""Of what an evaluation takes: a last line that came sooner is that of its step alone."""
FAR = 10.0
"""Times the median: beyond it, or of two beyond all steps together, nobody computed."""
WINDOW_S = 60.0
LINES = 10
"""Throughput is that of the last minute, and of the last ten lines if they reach back further."""


@dataclass(frozen=True)
class Estimate:
    """What is left of a run."""

    seconds: float
    """Until its last step is done, and the evaluations after it as far as they are known."""
    per_step: float
    """Seconds of a usual step now, without what comes in between."""
    due: float = 0.0
    """Seconds of the evaluation that the last line is followed by at once; 0: by a step."""


def estimate(
    steps: Sequence[float],
    seconds: Sequence[float],
    total: float,
    since: float = -math.inf,
    evaluations: Evaluations | None = None,
) -> Estimate | None:
    """What is left after the last point; None with fewer than two points since the start.

    Args:
        steps, seconds: the lines of a run; both rise, seconds need not strictly.
        total: the last step.
        since: only lines from then on count, in the same seconds: the last start of a run that
            was resumed.
        evaluations: None: when they come is told from the lines alone.
    """
    begin = bisect_left(seconds, since)
    count = len(steps) - begin
    if count < 2:
        return None
    every = -(-count // MOST_POINTS)
    chosen = [*range(begin, len(steps) - 1, every), len(steps) - 1]
    distances = [distance(steps, seconds, a, b) for a, b in pairwise(chosen)]
    held: list[Distance] = []
    if evaluations is not None:
        plain = [one for one in distances if not one.holds(evaluations)]
        held = [one for one in distances if one.holds(evaluations)]
        if len(plain) < min(FEWEST, len(held) + 1):
            # They are in each distance, and so in the pace.
            evaluations, held = None, []
        else:
            distances = plain
    usual, spikes = told_apart(distances)
    recent = usual[-max(RECENT, len(usual) // 2) :]
    pace = sum(one.seconds for one in recent) / sum(one.steps for one in recent)
    left = max(0.0, total - steps[-1])
    between, due = _between(spikes, usual, total, steps[begin], steps[-1]), 0.0
    if evaluations is not None:
        coming, due = _evaluating(evaluations, held, usual, pace, steps[-1], total)
        between += coming
    rest = pace * drift(usual, pace, left) * left + between
    return Estimate(rest, pace, due) if math.isfinite(rest) else None


def _between(
    spikes: list[Distance], usual: list[Distance], total: float, first: float, last: float
) -> float:
    """Seconds of evaluations and the like that are still to come.

    Args:
        first, last: the steps between which all of this was seen.
    """
    if not spikes:
        return 0.0
    worked = sum(one.seconds for one in usual)
    pace = worked / sum(one.steps for one in usual)
    costs = _believed([one.seconds - pace * one.steps for one in spikes], worked)
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


def _believed(costs: list[float], worked: float) -> list[float]:
    """Without a machine that slept, or a clock that was set.

    Args:
        costs: of evaluations and the like, in seconds.
        worked: seconds of all steps.
    """
    most = FAR * statistics.median(costs) if len(costs) > 2 else worked
    return [cost for cost in costs if cost <= most]


def _evaluating(
    evaluations: Evaluations,
    held: list[Distance],
    usual: list[Distance],
    pace: float,
    last: float,
    total: float,
) -> tuple[float, float]:
    """Seconds of the evaluations that are still to come, and of the one that is due now.

    Args:
        held: distances with evaluations in them.
    """
    worked = sum(one.seconds for one in usual)
    mean = worked / sum(one.steps for one in usual)
    costs = [max(0.0, o.seconds - mean * o.steps) / o.holds(evaluations) for o in held]
    first = evaluations.seconds or evaluations.steps * pace
    coming, due = evaluations.coming(last, total), False
    if held and held[-1].stop == last:
        others = statistics.median(costs[:-1]) if costs[:-1] else first or pace
        due = costs[-1] < PENDING * others
        if due:
            costs.pop()
            coming += 1
    # A checkpoint may be written beside some of them.
    costs = _believed(costs, worked)
    each = statistics.fmean(costs) if costs else first
    return coming * each, each if due else 0.0


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
