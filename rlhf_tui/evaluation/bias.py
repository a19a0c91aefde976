"""Bias meters: does the place on the screen, or the length of a text, win by itself?

Sides are shuffled for each person, so that without a bias the first shown of a pair wins half of
the time whatever the texts are. Length is another matter: a longer answer may be the better one.
The figure says how far length and judgement go together, not why.
"""

from __future__ import annotations

import warnings

import numpy as np
from statsmodels.discrete.discrete_model import Logit
from statsmodels.tools.sm_exceptions import (
    ConvergenceWarning,
    HessianInversionWarning,
    PerfectSeparationError,
    PerfectSeparationWarning,
)

from rlhf_tui.evaluation.intervals import share
from rlhf_tui.evaluation.judged import Array
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.evaluation.votes import Votes
from rlhf_tui.records import TaskKind

STEP = 100
"""Tokens or characters that the coefficient of length is told for."""
FEWEST_CASES = 20
FEWEST_ITEMS = 10
"""Below, the interval that allows for items is itself a guess."""
MOST_CASES = 400_000
"""Beyond, an even selection: the fit takes seconds, and the interval is narrow already."""
LARGEST = 15.0
"""Log-odds of one standard deviation. Larger ones mean that no fit exists: the likelihood grows
for ever (separation), and the numbers are where the search stopped."""
FIRST_RULE = "Pairs decided by one person; ties, unranked, unsure and repeats are left out."
LENGTH_RULE = "The same pairs, without those of equal or unknown length."


def first_shown(votes: Votes) -> Figure:
    """How often the one shown first of two won."""
    chosen = votes.where(votes.decided & (votes.shown != 0))
    return share("first shown wins", chosen.value == chosen.shown, chosen.item, FIRST_RULE)


def longer(votes: Votes, unit: str) -> Figure:
    """How often the longer of two won."""
    known = np.isfinite(votes.longer) & (votes.longer != 0)
    chosen = votes.where(votes.decided & (votes.shown != 0) & known)
    rule = f"{LENGTH_RULE} Length in {unit}."
    return share("longer wins", np.sign(chosen.longer) == chosen.value, chosen.item, rule)


def meters(kind: TaskKind, votes: Votes, unit: str) -> tuple[list[Figure], list[str]]:
    """The figures over everyone, and sentences about those that cannot be told."""
    if kind == "thumbs":
        chosen = votes.where(votes.decided & np.isfinite(votes.longer))
        won, columns = chosen.value > 0, [chosen.longer / STEP]
        names = ["log-odds of a thumb up", f"log-odds of a thumb up per {STEP} {unit} more"]
        rule = f"Logistic regression of the thumb on length in {unit}, clustered by item."
        found: list[Figure] = []
        middle = [chosen.longer.mean() / STEP if len(chosen) else 0.0]
    else:
        known = np.isfinite(votes.longer)
        chosen = votes.where(votes.decided & (votes.shown != 0) & known)
        won, columns = chosen.value == chosen.shown, [chosen.longer * chosen.shown / STEP]
        names = ["log-odds for the first shown", f"log-odds per {STEP} {unit} longer"]
        rule = (
            "Logistic regression of 'the first shown wins' on how much longer it is, clustered "
            f"by item. Length in {unit}; {FIRST_RULE[0].lower()}{FIRST_RULE[1:]}"
        )
        found = [first_shown(votes), longer(votes, unit)]
        middle = [0.0]
    fitted, trouble = _fit(won, columns[0] - middle[0], chosen.item, names, rule)
    # Of thumbs the intercept is how lenient people are at a text of mean length: no bias.
    found += fitted[1:] if kind == "thumbs" else fitted
    return found, [f"{names[1].capitalize()}: {trouble}"] if trouble else []


def _fit(
    won: Array, length: Array, item: Array, names: list[str], rule: str
) -> tuple[list[Figure], str]:
    """Intercept and slope with cluster-robust intervals; without values where there is no fit."""
    cases = len(won)
    none = [Figure(name, cases=cases, rule=rule) for name in names]
    if cases < FEWEST_CASES or len(np.unique(item)) < FEWEST_ITEMS:
        return none, "too few cases to tell." if cases else ""
    if won.all() or not won.any():
        return none, "all cases went the same way, so there is no coefficient."
    spread = float(np.std(length))
    if spread == 0.0:
        return none, "all differences of length are the same."
    step = -(-cases // MOST_CASES)
    won, length, item = won[::step], length[::step], item[::step]
    design = np.column_stack([np.ones(len(won)), length / spread])
    groups = np.unique(item, return_inverse=True)[1]
    separated = "length decides all or nearly all cases, so there is no coefficient."
    with warnings.catch_warnings():
        for kind in (ConvergenceWarning, HessianInversionWarning, PerfectSeparationWarning):
            warnings.simplefilter("error", kind)
        warnings.simplefilter("ignore", RuntimeWarning)  # exp() of a fit that runs away
        try:
            fit = Logit(won.astype(float), design).fit(
                disp=0, cov_type="cluster", cov_kwds={"groups": groups}
            )
        except (
            ConvergenceWarning,
            HessianInversionWarning,
            PerfectSeparationWarning,
            PerfectSeparationError,
            np.linalg.LinAlgError,
        ):
            return none, separated
        ends = fit.conf_int(alpha=0.05)
    numbers = np.column_stack([fit.params, ends])
    if not np.isfinite(numbers).all() or np.abs(fit.params).max() > LARGEST:
        return none, separated
    numbers[1] /= spread
    return [
        Figure(name, value, low, high, len(won), rule)
        for name, (value, low, high) in zip(names, numbers.tolist(), strict=True)
    ], ""
