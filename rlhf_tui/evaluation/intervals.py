"""Shares and means with 95 % intervals that know that cases of one item are not independent.

A ranking of four makes six pairs that hang together: an interval that took them for six cases
would be too narrow. So shares get Wilson's interval on the effective number of cases, which is
that of the sample survey: n divided by Kish's design effect, the variance between items over that
of independent cases (Korn and Graubard 1998, Dean and Pagano 2015). Other figures get the
jackknife that leaves out a group of items at a time (Kott 2001).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint

from rlhf_tui.evaluation.judged import Array
from rlhf_tui.evaluation.report import Figure

GROUPS = 40
"""Of the jackknife: with as many degrees of freedom t is nearly normal, and each costs one more
computation of the figure."""


def share(name: str, hit: Array, cluster: Array, rule: str, weight: Array | None = None) -> Figure:
    """The share of cases that are hits.

    Args:
        hit: [n] 0 or 1, or between for a half.
        cluster: [n] the item of each case.
        weight: [n] what each case counts; None: all alike.
    """
    n = len(hit)
    if not n:
        return Figure(name, rule=rule)
    value = float(np.average(hit, weights=weight))
    effective = effective_cases(hit, cluster, weight)
    low, high = proportion_confint(value * effective, effective, alpha=0.05, method="wilson")
    return Figure(name, value, float(low), float(high), n, rule)


def effective_cases(hit: Array, cluster: Array, weight: Array | None = None) -> float:
    """How many independent cases tell as much; never more than there are.

    Where all or none are hits the variance says nothing, and each item counts as one case.
    """
    n = len(hit)
    part = np.full(n, 1 / n) if weight is None else weight / weight.sum()
    value = float(np.average(hit, weights=weight))
    _, place = np.unique(cluster, return_inverse=True)
    clusters = int(place.max()) + 1
    spread = np.bincount(place, weights=part * (hit - value))
    between = clusters / max(clusters - 1, 1) * float(np.sum(spread**2))
    if clusters < 2 or value in (0.0, 1.0) or between == 0.0:
        return float(clusters)
    alone = value * (1 - value) / (n - 1)
    return min(float(n), max(1.0, n * alone / between))


def jackknife(
    name: str,
    compute: Callable[[Array], float | None],
    cluster: Array,
    cases: int,
    rule: str,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> Figure:
    """A figure with the interval of a delete-a-group jackknife over items.

    Args:
        compute: the figure of a boolean mask over `cluster`; None where it cannot be told.
        cluster: [n] the item of each case.
        bounds: what the interval is cut at.
    """
    value = compute(np.ones(len(cluster), dtype=bool)) if len(cluster) else None
    if value is None:
        return Figure(name, cases=cases, rule=rule)
    _, place = np.unique(cluster, return_inverse=True)
    groups = min(GROUPS, int(place.max()) + 1)
    group = place % groups
    without = [compute(group != number) for number in range(groups)] if groups > 1 else []
    told = [one for one in without if one is not None]
    if len(told) < 2 or len(told) < len(without) or np.ptp(told) == 0.0:
        return Figure(name, value, cases=cases, rule=rule)
    deviation = np.sqrt((groups - 1) / groups * np.sum((np.array(told) - np.mean(told)) ** 2))
    half = float(student.ppf(0.975, groups - 1) * deviation)
    low, high = max(bounds[0], value - half), min(bounds[1], value + half)
    return Figure(name, value, low, high, cases, rule)
