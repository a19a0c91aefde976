"""How well scores agree with judgements: pure figures, no model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PairMetrics:
    """Figures of a scorer on pairs of which the better one is known."""

    pairs: int
    accuracy: float
    """Share of pairs whose better one scored higher; equal scores count half. NaN for no pairs."""
    margin: float
    """Mean difference, better minus worse. NaN for no pairs."""
    log_loss: float
    """Mean Bradley-Terry loss, -log σ(margin). NaN for no pairs."""


def pair_metrics(chosen: Sequence[float], rejected: Sequence[float]) -> PairMetrics:
    """Metrics of scores given to the better and the worse side of each pair."""
    margins = [better - worse for better, worse in zip(chosen, rejected, strict=True)]
    if not margins:
        return PairMetrics(0, math.nan, math.nan, math.nan)
    right = sum(1.0 if m > 0 else 0.5 if m == 0 else 0.0 for m in margins)
    losses = (math.log1p(math.exp(-abs(m))) + max(-m, 0.0) for m in margins)
    count = len(margins)
    return PairMetrics(count, right / count, sum(margins) / count, sum(losses) / count)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; NaN where too few values give none."""
    if not values:
        return math.nan, math.nan
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
