"""How far people agree with each other: the list of coefficients, with the tie rule of each.

Gold items and repeats measure single people and are left out of all of these.

Kappa allows for agreement by chance, which depends on how often each answer is given. Which of two
completions is called the first means nothing, so each pair is counted both ways round: the chance
that two people agree is then not a matter of how ids happen to sort.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from rlhf_tui.evaluation import kappa, rankings
from rlhf_tui.evaluation.intervals import jackknife, share
from rlhf_tui.evaluation.judged import Array, Judged
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.evaluation.votes import Votes, together

MOST_PAIRS_OF_PEOPLE = 10
"""Cohen's kappa is told for so many, those who met most often; a longer list is not read."""
ANSWERS = 3
"""Second better (thumb down), tie, first better (thumb up)."""

RAW_RULE = {
    "rank": "Pairs of completions that both people put on different tiers; ties, unranked and "
    "unsure are left out.",
    "thumbs": "Completions that both people gave a thumb; unsure is left out.",
}
ANSWER_RULE = {
    "rank": "Answers are better, worse, tie, each pair of completions counted both ways round; "
    "unranked and unsure are left out.",
    "thumbs": "Answers are good and bad; unsure is left out.",
}


class Meetings:
    """All pairs of votes of two people on one question.

    Attributes:
        votes: those that can meet.
        left, right: [m] places in `votes`.
        decided: [m] bool: neither is a tie.
        agreed: [m] bool: the same answer.
        item: [m] the item of each meeting.
    """

    def __init__(self, votes: Votes) -> None:
        self.votes = votes
        self.left, self.right = together(votes.question)
        left, right = votes.value[self.left], votes.value[self.right]
        self.decided: Array = (left != 0) & (right != 0)
        self.agreed: Array = left == right
        self.item: Array = votes.item[self.left]

    def raw(self, name: str, mask: Array, rule: str) -> Figure:
        """Raw agreement of those meetings of a mask that both people decided."""
        chosen = mask & self.decided
        return share(name, self.agreed[chosen], self.item[chosen], rule)


def agreement(judged: Judged, meetings: Meetings, ai: Collection[str] = ()) -> list[Figure]:
    """All coefficients of the kind, those that cannot be computed with value None.

    Args:
        ai: annotators that are no people. They count like everybody else; where there are both,
            raw agreement is told of people alone, and of people with AI, too.
    """
    kind = judged.kind
    everywhere = np.ones(len(meetings.left), dtype=bool)
    found = [meetings.raw("raw agreement", everywhere, RAW_RULE[kind])]
    artificial = np.array([name in ai for name in judged.names], dtype=bool)
    if artificial.any() and not artificial.all():
        left = artificial[meetings.votes.annotator[meetings.left]]
        right = artificial[meetings.votes.annotator[meetings.right]]
        found += [
            meetings.raw("raw agreement, people alone", ~left & ~right, RAW_RULE[kind]),
            meetings.raw("raw agreement, people with AI", left != right, RAW_RULE[kind]),
        ]
    found += _cohen(judged, meetings)
    found.append(_fleiss(judged, meetings.votes))
    if kind == "thumbs":
        found.append(_alpha_of_thumbs(meetings.votes))
    else:
        found += rankings.alphas(judged)
        found.append(rankings.mean_tau(judged))
        found.append(_ties(meetings.votes))
    return found


def _ties(votes: Votes) -> Figure:
    rule = "Share of ranked pairs of completions that were put on the same tier."
    return share("ties", votes.value == 0, votes.item, rule)


def _cohen(judged: Judged, meetings: Meetings) -> list[Figure]:
    first = meetings.votes.annotator[meetings.left]
    second = meetings.votes.annotator[meetings.right]
    low, high = np.minimum(first, second), np.maximum(first, second)
    people = len(judged.names)
    pairs, counts = np.unique(low.astype(np.int64) * people + high, return_counts=True)
    most = pairs[np.argsort(-counts, kind="stable")][:MOST_PAIRS_OF_PEOPLE]
    found = []
    for pair in sorted(most.tolist()):
        one, other = divmod(pair, people)
        met = np.flatnonzero((low == one) & (high == other))
        swapped = first[met] != one
        left = meetings.votes.value[meetings.left[met]] + 1
        right = meetings.votes.value[meetings.right[met]] + 1
        cell = np.where(swapped, right, left) * ANSWERS + np.where(swapped, left, right)

        def compute(mask: Array, cell: Array = cell) -> float | None:
            table = np.bincount(cell[mask], minlength=ANSWERS**2).reshape(ANSWERS, ANSWERS)
            return kappa.cohen(table + table[::-1, ::-1] if judged.kind == "rank" else table)

        name = f"Cohen's kappa: {judged.names[one]}, {judged.names[other]}"
        rule = ANSWER_RULE[judged.kind]
        found.append(jackknife(name, compute, meetings.item[met], len(met), rule))
    return found


def _table(votes: Votes) -> tuple[Array, Array]:
    """[questions, ANSWERS] how many people gave each answer, and the item of each question."""
    questions, first, place = np.unique(votes.question, return_index=True, return_inverse=True)
    cells = place.astype(np.int64) * ANSWERS + votes.value + 1
    counts = np.bincount(cells, minlength=len(questions) * ANSWERS)
    return counts.reshape(-1, ANSWERS), votes.item[first]


def _fleiss(judged: Judged, votes: Votes) -> Figure:
    counts, item = _table(votes)
    voices = counts.sum(axis=1)
    usual = int(np.bincount(voices[voices >= 2]).argmax()) if (voices >= 2).any() else 2
    counts, item = counts[voices == usual], item[voices == usual]

    def compute(mask: Array) -> float | None:
        chosen = counts[mask]
        ranked = judged.kind == "rank"
        return kappa.fleiss(np.concatenate([chosen, chosen[:, ::-1]]) if ranked else chosen)

    what = "Pairs of completions" if judged.kind == "rank" else "Completions"
    rule = f"{what} answered by {usual} people, the most usual number. {ANSWER_RULE[judged.kind]}"
    return jackknife("Fleiss' kappa", compute, item, len(counts), rule)


def _alpha_of_thumbs(votes: Votes) -> Figure:
    counts, item = _table(votes)
    heard = counts.sum(axis=1) >= 2
    counts, item = counts[heard], item[heard]
    return jackknife(
        "Krippendorff's alpha, nominal",
        lambda mask: kappa.alpha(counts[mask], [-1, 0, 1], "nominal"),
        item,
        len(counts),
        "Units are completions with thumbs of two people or more, values good and bad.",
    )
