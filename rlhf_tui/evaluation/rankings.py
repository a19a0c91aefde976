"""Agreement on whole rankings: Krippendorff's ordinal alpha and Kendall's tau-b."""

from __future__ import annotations

import numpy as np

from rlhf_tui.evaluation import kappa
from rlhf_tui.evaluation.intervals import jackknife
from rlhf_tui.evaluation.judged import MISSING, Array, Block, Judged
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.evaluation.votes import together
from rlhf_tui.records import MAX_COMPLETIONS

MOST_PAIRS = 30_000
"""Pairs of rankings that tau-b is averaged over: beyond, an even selection of them is as good and
does not take minutes."""
MOST_UNITS = 100_000
"""Completions that alpha is computed over, for the same reason."""
ALPHA_RULE = (
    "Units are completions, values their ranks; ties share the mean rank; rankings that leave a "
    "completion unranked, or are unsure, are left out."
)
TAU_RULE = (
    "Mean over pairs of people who ranked the same three or more completions; ties as tau-b has "
    "them; what either left unranked is left out, and so is a ranking that ties everything."
)


def _sure(judged: Judged, block: Block) -> Array:
    """[n of the block] bool: rankings that people are compared by."""
    plain: Array = judged.plain[block.rows]
    sure: Array = ~judged.unsure[block.rows]
    both: Array = plain & sure
    return both


def mid_ranks(tiers: Array) -> Array:
    """[n, k] twice the rank within each row, whole numbers from 2 to 2k; ties share the mean."""
    one, other = tiers[:, :, None], tiers[:, None, :]
    twice: Array = 2 * (other < one).sum(axis=2) + (other == one).sum(axis=2) + 1
    return twice


def alphas(judged: Judged) -> list[Figure]:
    """Ordinal alpha, a figure for each number of completions: ranks 1 to 2 and 1 to 4 of one
    scale would be called agreement that items differ in size."""
    found = []
    for block in judged.blocks:
        size = block.tiers.shape[1]
        whole = (block.tiers != MISSING).all(axis=1) & _sure(judged, block)
        if size < 2 or not whole.any():
            continue
        values = mid_ranks(block.tiers[whole])
        unit = judged.item[block.rows[whole]][:, None] * MAX_COMPLETIONS + np.arange(size)
        units, place = np.unique(unit, return_inverse=True)
        width = 2 * size + 1
        cells = place.reshape(-1) * width + values.reshape(-1)
        counts = np.bincount(cells, minlength=len(units) * width).reshape(-1, width)[:, 2:]
        heard = counts.sum(axis=1) >= 2
        counts, item = counts[heard], units[heard] // MAX_COMPLETIONS
        step = -(-len(counts) // MOST_UNITS) or 1
        even = np.unique(item, return_inverse=True)[1] % step == 0
        counts, item = counts[even], item[even]
        domain = list(range(2, width))

        def compute(
            mask: Array, counts: Array = counts, domain: list[int] = domain
        ) -> float | None:
            return kappa.alpha(counts[mask], domain, "ordinal")

        name = f"Krippendorff's alpha, ordinal, {size} completions"
        found.append(jackknife(name, compute, item, len(counts), ALPHA_RULE))
    return found or [Figure("Krippendorff's alpha, ordinal", rule=ALPHA_RULE)]


def mean_tau(judged: Judged) -> Figure:
    """Mean tau-b over pairs of people on one item."""
    taus: list[Array] = []
    items: list[Array] = []
    for block in judged.blocks:
        if block.tiers.shape[1] < 3:
            continue
        sure = _sure(judged, block)
        tiers, item = block.tiers[sure], judged.item[block.rows[sure]]
        order = np.argsort(item, kind="stable")
        left, right = together(item[order])
        step = -(-len(left) // MOST_PAIRS) or 1
        left, right = order[left[::step]], order[right[::step]]
        tau = _taus(tiers[left], tiers[right])
        taus.append(tau[~np.isnan(tau)])
        items.append(item[left][~np.isnan(tau)])
    tau, item = (np.concatenate(part) if part else np.empty(0) for part in (taus, items))

    def compute(mask: Array) -> float | None:
        return float(tau[mask].mean()) if mask.any() else None

    return jackknife("Kendall's tau-b", compute, item, len(tau), TAU_RULE)


def _taus(first: Array, second: Array) -> Array:
    """[n] tau-b of each two rows; NaN where it is not defined.

    The order of the completions does not matter to it, so rows that hold the same pairs of tiers
    are one case: a million pairs of rankings are some hundred different ones.
    """
    if not len(first):
        return np.empty(0)
    both = (first != MISSING) & (second != MISSING)
    base = int(max(first.max(), second.max())) + 2
    codes = np.sort(np.where(both, first.astype(np.int64) * base + second, -1), axis=1)
    patterns, place = np.unique(codes, axis=0, return_inverse=True)
    taus = np.full(len(patterns), np.nan)
    for number, pattern in enumerate(patterns):
        ranked = pattern[pattern >= 0]
        if len(ranked) >= 3:
            tau = kappa.tau_b(ranked // base, ranked % base)
            taus[number] = np.nan if tau is None else tau
    return taus[place.reshape(-1)]
