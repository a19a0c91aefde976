"""Chance-corrected agreement and rank correlation, by established packages.

Each function answers None where the coefficient is not defined (no cases, or only one answer ever
given), instead of a warning and NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import krippendorff
import numpy as np
from scipy.stats import kendalltau
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa

from rlhf_tui.evaluation.judged import Array

Numbers = Sequence[int] | Array


def cohen(table: Array) -> float | None:
    """Cohen's kappa (1960), unweighted.

    Args:
        table: [answers, answers] how often the first person gave the row's answer where the
            second gave the column's.
    """
    table = np.asarray(table)
    if np.count_nonzero(table.sum(axis=0) + table.sum(axis=1)) < 2:
        return None
    first, second = np.indices(table.shape).reshape(2, -1)
    return _told(cohen_kappa_score(first, second, sample_weight=table.ravel()))


def fleiss(counts: Array) -> float | None:
    """Fleiss' kappa (1971).

    Args:
        counts: [cases, answers] how many people gave each answer; every case has equally many,
            at least two.
    """
    counts = np.asarray(counts)
    if not len(counts) or np.count_nonzero(counts.sum(axis=0)) < 2:
        return None
    return _told(fleiss_kappa(counts, method="fleiss"))


def alpha(
    counts: Array, domain: Sequence[float], level: Literal["nominal", "ordinal"]
) -> float | None:
    """Krippendorff's alpha (2011).

    Args:
        counts: [units, values] how many people gave each value; units with one voice are let be.
        domain: the values, ascending.
    """
    counts = np.asarray(counts)
    heard = counts[counts.sum(axis=1) >= 2] if len(counts) else counts
    if not len(heard) or np.count_nonzero(heard.sum(axis=0)) < 2:
        return None
    return _told(
        krippendorff.alpha(value_counts=heard, value_domain=domain, level_of_measurement=level)
    )


def tau_b(first: Numbers, second: Numbers) -> float | None:
    """Kendall's tau-b (1945) of two rankings; None where one of them ties everything."""
    if len(first) < 2 or len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        return None
    return _told(kendalltau(first, second, variant="b", method="asymptotic").statistic)


def _told(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
