"""The human reference line: how far two people agree, and how often one is right by that.

If every person is right with probability p, whatever the other says, two of them say the same
when both are right or both are wrong: A = p² + (1 - p)². So p = (1 + √(2A - 1)) / 2 for A of at
least one half; below, people agree less than by tossing coins, and no p of that kind exists.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.model_report import HumanReference
from rlhf_tui.evaluation.report import Figure

RULE = (
    "Over every two people who decided the same case; ties and a person's own repeats are left"
    " out; cases of one prompt are not independent."
)
NAME = "human_agreement"
DECIDED = (
    " These are the cases that they decided: where disputed ones were left out of the data, people"
    " agree less than this."
)
Row = Mapping[str, Any]


def labeller_accuracy(agreement: float) -> float:
    """p of A; one half for an A below one half."""
    return (1 + math.sqrt(max(0.0, 2 * agreement - 1))) / 2


def two_way_agreement(accuracy: float) -> float:
    """A of p."""
    return accuracy**2 + (1 - accuracy) ** 2


def human_reference(rows: Sequence[Row]) -> HumanReference:
    """The reference by a data set's own rows: preference pairs, or thumbs.

    Rows of one person each are compared case by case; rows that several people came to
    (`aggregate`) carry their votes. A case weighs 1/(cases of its ranking), whatever weight its
    row has for training, which is less where people disagree.
    """
    agreed: list[float] = []
    weight: list[float] = []
    prompts: list[str] = []
    cases = _cases(rows)
    for (prompt, _), votes in cases.items():
        if votes.both():
            agreed.append(votes.alike() / votes.both())
            # Each two people count once, in the measure in which their rankings do.
            weight.append(votes.both() * votes.weight)
            prompts.append(prompt)
    figure = intervals.share(
        NAME, np.array(agreed), np.array(prompts, dtype=str), RULE, np.array(weight)
    )
    told = sentence(figure)
    if figure.value is not None and any(votes.yes + votes.no for votes in cases.values()):
        told += DECIDED
    return HumanReference(figure, _accuracy(figure), told)


def sentence(figure: Figure) -> str:
    """What the reference says, and what it does not."""
    if figure.value is None:
        return (
            "How far people agree is not known: nothing in the run's data was decided by two or"
            " more of them."
        )
    known = f"Two people agree on {figure.value:.1%} of {figure.cases:,} cases"
    if figure.value < 0.5:
        return f"{known}, less than by chance: how often one of them is right cannot be told."
    return (
        f"{known}; if each errs independently, one person is right in"
        f" {labeller_accuracy(figure.value):.1%}. A good model, which learnt from many, may pass"
        " the first figure, since it is measured against single people's errors too; it hardly"
        " passes the second."
    )


def _accuracy(figure: Figure) -> float | None:
    if figure.value is None or figure.value < 0.5:
        return None
    return labeller_accuracy(figure.value)


class _Votes:
    """What people said of one case: the one, or the other."""

    def __init__(self) -> None:
        self.people: dict[str, bool] = {}
        self.yes = 0
        self.no = 0
        self.weight = 1.0

    def both(self) -> int:
        """Twos of people."""
        return math.comb(self.yes + self.no, 2) + math.comb(len(self.people), 2)

    def alike(self) -> int:
        """Twos that say the same."""
        counted = math.comb(self.yes, 2) + math.comb(self.no, 2)
        return counted + sum(a == b for a, b in combinations(self.people.values(), 2))


def _cases(rows: Sequence[Row]) -> Mapping[tuple[str, Any], _Votes]:
    """(prompt, case) → votes; a case is two completions, or one with a thumb."""
    cases: dict[tuple[str, Any], _Votes] = defaultdict(_Votes)
    sizes = Counter(row.get("ranking_id") for row in rows)
    for row in rows:
        case, says = _case_of(row)
        votes = cases[str(row.get("prompt_id", "")), case]
        ranking = row.get("ranking_id")
        votes.weight = 1.0 if ranking is None else 1 / sizes[ranking]
        if row.get("votes_for") is not None:
            # votes_for is of what the row says.
            given = int(row["votes_for"]), int(row["votes_against"] or 0)
            yes, no = given if says else given[::-1]
            votes.yes += yes
            votes.no += no
        elif row.get("annotator"):
            # Who judged it again does not agree with themselves; the first time counts.
            votes.people.setdefault(str(row["annotator"]), says)
    return cases


def _case_of(row: Row) -> tuple[Any, bool]:
    if "chosen" not in row:
        return str(row.get("completion_id") or row["completion"]), bool(row["label"])
    better = str(row.get("chosen_id") or row["chosen"])
    worse = str(row.get("rejected_id") or row["rejected"])
    return (min(better, worse), max(better, worse)), better < worse
