"""How far each person's answers can be trusted where nobody knows the right ones."""

from __future__ import annotations

import warnings

import numpy as np

from rlhf_tui.evaluation import reliability
from rlhf_tui.evaluation.judged import Judged
from rlhf_tui.evaluation.votes import Votes

FEWEST_PEOPLE = 3
"""With two people the model cannot tell who of them is right."""
FEWEST_CASES = 10
"""Of one person, shared with others."""
MOST_VOTES = 60_000
"""The newest: each of the model's rounds goes over all of them."""
TOO_FEW = (
    f"Reliability by Dawid and Skene needs {FEWEST_PEOPLE} people with {FEWEST_CASES} cases each "
    "that others judged too."
)


def reliabilities(judged: Judged, votes: Votes) -> dict[str, float]:
    """The probability of a right answer by Dawid and Skene (1979), by annotator.

    Answers are the decided votes on questions that two or more people decided. Empty where it
    cannot be told.
    """
    votes = votes.where(votes.decided)
    if len(votes) > MOST_VOTES:
        oldest_kept = np.sort(votes.row)[-MOST_VOTES]
        votes = votes.where(votes.row >= oldest_kept)
    while len(votes):
        _, place, voices = np.unique(votes.question, return_inverse=True, return_counts=True)
        shared = voices[place] >= 2
        cases = np.bincount(votes.annotator[shared], minlength=len(judged.names))
        kept = shared & (cases[votes.annotator] >= FEWEST_CASES)
        if kept.all():
            break
        votes = votes.where(kept)
    if len(np.unique(votes.annotator)) < FEWEST_PEOPLE:
        return {}
    nowhere = np.zeros(len(votes), dtype=np.int64)
    names = np.array(judged.names)[votes.annotator]
    asked = reliability.Votes(votes.question, nowhere, nowhere, names, votes.value > 0)
    with warnings.catch_warnings():
        # crowd-kit 1.4 writes into frames in a way that pandas 3.1 wants to be rid of.
        warnings.filterwarnings("ignore", message="The (inplace|copy) keyword")
        return reliability.dawid_skene(asked).reliability
