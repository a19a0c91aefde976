"""What a rule looks at: a run's series thinned to a few hundred points, its rows and its state.

Rules run beside the keys of a screen: a series of a million points costs as much as one of
`POINTS`, and neither rows nor values are kept a second time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from rlhf_tui.runs.layout import DistributionRow, MachineRow, RunExit, RunStatus, SampleRow, State
from rlhf_tui.tracking.metric_names import parts
from rlhf_tui.tracking.metrics import number_of
from rlhf_tui.tracking.series import Series

POINTS = 500
"""Most points of a thinned series: a rule walks them in well under a millisecond."""
HUGE = 1e100
"""Values beyond it count as it, so that squares and sums of values stay finite."""
LOOKS = 4
"""Values whose mean stands for a piece of a long series, beside its lowest and highest."""


@dataclass(frozen=True)
class Situation:
    """How a run stands, apart from its figures."""

    state: State = "running"
    step: int = 0
    total_steps: int = 0
    """0 where it is not known."""
    message: str = ""
    silent_s: float = 0.0
    """Seconds since the last heartbeat of a run that should be alive and is not heard of."""
    exit: RunExit | None = None

    @property
    def over(self) -> bool:
        return self.state in ("finished", "stopped", "failed")


def situation(
    state: State,
    status: RunStatus | None = None,
    ended: RunExit | None = None,
    *,
    message: str = "",
    lost: bool = False,
    now: float = 0.0,
) -> Situation:
    """A situation from what a run's files, or the hub, say of it.

    Args:
        lost: whether its heartbeat is too old.
        now: seconds since 1970, for how old.
    """
    silent = max(0.0, now - status.updated) if lost and status is not None else 0.0
    return Situation(
        state,
        status.step if status else 0,
        status.total_steps if status else 0,
        message or (status.message if status else ""),
        max(silent, 1.0) if lost else 0.0,
        ended,
    )


@dataclass(frozen=True)
class Points:
    """A series, thinned: pieces of equally many values; of a short one every value by itself."""

    steps: list[float] = field(default_factory=list)
    """Of the last value of each piece."""
    means: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.steps)


def _bounded(value: float) -> float:
    return max(-HUGE, min(HUGE, value))


def thinned(series: Series) -> Points:
    """At most `POINTS` pieces; those without a finite value are left out.

    The pieces begin at multiples of a power of two, so that all but the last stay as they are
    while the series grows, until there are twice as many.
    """
    length, values = len(series), series.values
    if not length:
        return Points()
    lowest, highest = values.extent(0, length)
    raw = values.levels[0][0]
    if max(highest, -lowest) > HUGE:
        raw = array("d", [v if math.isinf(v) else _bounded(v) for v in raw])
    if length <= POINTS:
        finite = [math.isfinite(v) for v in raw]
        one = list(compress(raw, finite))
        return Points(list(compress(series.steps, finite)), one, one, one)
    stride = 2
    while length > stride * POINTS:
        stride *= 2
    points = Points()
    for start in range(0, length, stride):
        stop = min(length, start + stride)
        low, high = values.extent(start, stop)
        if low > high:
            continue
        seen = raw[start : stop : max(1, (stop - start) // LOOKS)]
        if not values.gapless:
            seen = array("d", filter(math.isfinite, seen))
        low, high = _bounded(low), _bounded(high)
        points.steps.append(series.steps[stop - 1])
        points.means.append(math.fsum(seen) / len(seen) if seen else (low + high) / 2)
        points.lows.append(low)
        points.highs.append(high)
    return points


def _by_usual_names(series: Mapping[str, Series]) -> dict[str, Series]:
    """Series of another program also by the names that our trainers would log them under."""
    found = dict(series)
    for name, one in series.items():
        stem, split = parts(name)
        found.setdefault(f"eval_{stem}" if split in ("eval", "test") else stem, one)
    return found


def kind_of(series: Mapping[str, Series]) -> str:
    """The kind of run whose metrics another program's log holds; `log` where nothing tells."""
    names = _by_usual_names(series)
    for kind, signs in _SIGNS.items():
        if all(sign in names for sign in signs):
            return kind
    return "log"


_SIGNS = {
    "ppo": ("objective/kl", "objective/scores"),
    "grpo": ("frac_reward_zero_std", "reward"),
    "dpo": ("rewards/margins", "rewards/accuracies"),
    "kto": ("rewards/margins", "kl"),
    "rm": ("margin", "accuracy"),
}
"""Metrics by which a kind is known, the first one that fits."""


class View:
    """One run as its rules see it."""

    def __init__(
        self,
        kind: str,
        series: Mapping[str, Series],
        *,
        samples: Sequence[SampleRow] = (),
        distributions: Sequence[DistributionRow] = (),
        machine: Sequence[MachineRow] = (),
        arguments: Mapping[str, Any] | None = None,
        state: Situation | None = None,
    ) -> None:
        self.foreign = kind == "log"
        self.kind = kind_of(series) if kind == "log" else kind
        self.series = _by_usual_names(series) if kind == "log" else series
        self.samples = samples
        self.distributions = distributions
        self.machine = machine
        self.arguments = arguments or {}
        self.state = state or Situation()
        self._points: dict[str, Points] = {}

    def points(self, *names: str) -> Points:
        """The first of these series that the run has, thinned; empty without any."""
        for name in names:
            if name in self.series:
                if name not in self._points:
                    self._points[name] = thinned(self.series[name])
                if self._points[name]:
                    return self._points[name]
        return Points()

    def number(self, name: str, default: float) -> float:
        """A numeric argument; the default where it is missing or of another type."""
        value = number_of(self.arguments.get(name))
        return value if math.isfinite(value) else default

    @property
    def last_step(self) -> float:
        """The newest step of the series that were looked at, and of the state."""
        seen = (points.steps[-1] for points in self._points.values() if points)
        return max(seen, default=float(self.state.step))

    @property
    def total(self) -> int:
        """Steps in all; 0 where nobody says."""
        return self.state.total_steps
