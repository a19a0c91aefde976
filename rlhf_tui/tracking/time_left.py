"""When a living run will be over for those who wait for it.

That is once its steps are done and the evaluations after them, its model is written, and its
process is gone. What the steps and evaluations take is told by `progress`; the end takes a share of
what the start took, as the libraries and the model that are loaded then are put away.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

from rlhf_tui.tracking.clock import Clock, TimeClock, XAxis
from rlhf_tui.tracking.plan import Evaluations
from rlhf_tui.tracking.progress import Estimate, estimate

ENDING = 0.2
"""Of what its start takes, until the libraries and the models are loaded, the end of a run takes
until its model is written and its process gone."""
MOST_ENDING_S = 60.0


def seconds_left(
    clocks: Mapping[XAxis, Clock],
    step: float,
    total: float,
    *,
    started: float,
    updated: float,
    now: float,
    began: float = 0.0,
    first: float = 0.0,
    evaluations: Evaluations | None = None,
) -> float | None:
    """Seconds until a living run is over; None while that cannot be told.

    Args:
        clocks: of its follower.
        step, total: as its status says.
        started, updated, now: its last start, its last heartbeat and the present, in seconds
            since 1970.
        began, first: when it was loaded and went on to its steps, and how many were done by then;
            0: that is not known.
        evaluations: as `progress.estimate` takes them.
    """
    if total < step or step <= 0:
        return None
    # A clock that was set back says nothing of the start any more.
    began = began if began <= now else 0.0
    clock = clocks.get("time")
    lines = clock if isinstance(clock, TimeClock) else TimeClock()
    if not lines.steps and not began:
        # Loading counts, too, so it is too long rather than too short.
        told = step < total and 0 < started < now
        return (now - started) / step * (total - step) if told else None
    if lines.steps and lines.steps[-1] > total:
        # They count something else than steps: the pairs of a learning curve.
        return None
    since = started - lines.origin if lines.steps and started <= now else -math.inf
    begin = bisect_left(lines.values, since)
    if len(lines) - begin > 1:
        found = estimate(lines.steps, lines.values, total, since, evaluations)
        done = min(step, lines.steps[-1])
    elif begin > 1:
        # Just resumed, perhaps from an earlier step: how fast it was before still tells.
        found = estimate(lines.steps[:begin], lines.values[:begin], total, evaluations=evaluations)
        done = lines.steps[begin - 1]
    else:
        steps, moments = _first_points(lines, begin, (first, began), (step, updated))
        found, done = estimate(steps, moments, total, evaluations=evaluations), step
    if found is None:
        return None
    starting = began - started if began else _starting(lines, begin, since, found)
    rest = found.seconds - found.per_step * (step - done)
    rest += min(MOST_ENDING_S, ENDING * max(0.0, starting))
    on_line = bool(lines.steps) and lines.steps[-1] >= step == done
    waited = max(0.0, now - (lines.before if on_line else updated))
    if step < total:
        # A step that does not come takes no time off.
        waited = min(waited, found.per_step + (found.due if on_line else 0.0))
    return max(0.0, rest - waited)


def _first_points(
    lines: TimeClock, begin: int, began: tuple[float, float], beat: tuple[float, float]
) -> tuple[list[float], list[float]]:
    """Steps and moments of a run that has written one line or none since it was started.

    Args:
        begin: index of that line.
        began, beat: when its steps began, 0 if that is not known, and its last heartbeat.
    """
    points = dict([began] if began[1] else [])
    if begin < len(lines):
        points[lines.steps[begin]] = lines.before
    if beat[0] > max(points, default=math.inf):
        points[beat[0]] = beat[1]
    steps = sorted(points)
    return steps, list(accumulate((points[step] for step in steps), max))


def _starting(lines: TimeClock, begin: int, since: float, found: Estimate) -> float:
    """Seconds until the first step began, as the first line since the start tells it.

    Args:
        begin: index of that line.
        since: the start, by the clock of the lines.
    """
    if begin == len(lines) or not math.isfinite(since):
        return 0.0
    done = lines.steps[begin] - (lines.steps[begin - 1] if begin else 0.0)
    return lines.values[begin] - since - found.per_step * done
