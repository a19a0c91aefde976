"""What people who judged the same things came to, weighed by how reliable each of them is.

A question has two answers: which of two completions is better, or whether a completion is good.
Two models of the answers:

- dawid-skene: each question has a true answer, and each person gives it with a probability of
  their own (Dawid and Skene 1979), by crowd-kit. Which of two completions comes first in a
  question means nothing, so every vote is given in mirror image too: that makes the two answers
  equally likely beforehand and a person's two error rates one.
- bradley-terry: each completion has a score, better ones win more often, and each person may be
  right more or less often (Chen et al. 2013, "Pairwise ranking aggregation in a crowdsourced
  setting"): P(person says a beats b) = η σ(s_a - s_b) + (1 - η) σ(s_b - s_a). Fitted by scipy's
  L-BFGS-B: crowd-kit 1.4's NoisyBradleyTerry overwrites its workers' gradients where it should
  add them up.

Run as `python -m rlhf_tui.evaluation.reliability MODEL VOTES OUT` by the hub: VOTES is Parquet
with question, prompt, first, second (whole numbers), annotator and answer (true: the first is
better, or the completion is good); OUT gets question and probability (of the answer true).
Prints JSON: each person's probability of a right answer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.evaluation.worker_process import told

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MIRROR = 2
"""Each question is asked twice: as it is, and in mirror image."""
PULL = 0.1
"""Weight of the regularizer: each completion also won and lost once against one of score 0, so
that scores stay finite where everybody agrees."""
PRIOR = (10.0, 2.0)
"""Beta prior of a person's η: as if they had been seen to be right nine times and wrong once.
It also breaks the symmetry between everybody right and everybody wrong."""


class Votes(msgspec.Struct):
    """One person's answer to one question a row; arrays of one length."""

    question: Numbers
    first: Numbers
    second: Numbers
    annotator: npt.NDArray[np.str_]
    answer: npt.NDArray[np.bool_]


class Outcome(msgspec.Struct):
    question: Numbers
    """Each question once, ascending."""
    probability: Floats
    """That its answer is true, in [0, 1]."""
    reliability: dict[str, float]
    """Each person's probability of a right answer; by bradley-terry η, that of following the
    scores."""


def dawid_skene(votes: Votes) -> Outcome:
    """Answers and reliability by EM, starting from the majority."""
    import pandas as pd
    from crowdkit.aggregation import DawidSkene

    data = pd.DataFrame(
        {
            "task": np.concatenate([votes.question * MIRROR, votes.question * MIRROR + 1]),
            "worker": np.concatenate([votes.annotator, votes.annotator]),
            "label": np.concatenate([votes.answer, ~votes.answer]).astype(int),
        }
    )
    model = DawidSkene(n_iter=100).fit(data)
    probas: Any = model.probas_
    errors: Any = model.errors_
    question = np.unique(votes.question)
    probability = probas[1].loc[question * MIRROR].to_numpy(dtype=float)
    reliability = {
        name: float(errors[1].get((name, 1), 0.0)) for name in sorted(set(votes.annotator.tolist()))
    }
    return Outcome(question, np.clip(probability, 0.0, 1.0), reliability)


def bradley_terry(votes: Votes) -> Outcome:
    """Scores by maximum likelihood with the priors above, and the answers that they imply."""
    from scipy.optimize import minimize

    entries, places = np.unique(np.stack([votes.first, votes.second]), return_inverse=True)
    first, second = places.reshape(2, -1)
    people, person = np.unique(votes.annotator, return_inverse=True)
    sign = np.where(votes.answer, 1.0, -1.0)
    start = np.zeros(len(entries) + len(people))
    # η = 0.9: near the prior's middle, on the side where people are right.
    start[len(entries) :] = np.log(9.0)
    found = minimize(
        negative_log_posterior,
        start,
        args=(first, second, person, sign, len(entries)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000},
    )
    scores, trust = found.x[: len(entries)], _sigmoid(found.x[len(entries) :])
    question, where = np.unique(votes.question, return_index=True)
    probability = _sigmoid(scores[first[where]] - scores[second[where]])
    return Outcome(question, probability, dict(zip(people.tolist(), trust.tolist(), strict=True)))


def negative_log_posterior(
    values: Floats, first: Numbers, second: Numbers, person: Numbers, sign: Floats, entries: int
) -> tuple[float, Floats]:
    """The function that is minimized, and its gradient.

    Args:
        values: [entries + people] scores, then log-odds of η.
        first, second, person: [n] places of each vote.
        sign: [n] 1 where the first was said to be better, else -1.
    """
    scores, trust = values[:entries], _sigmoid(values[entries:])
    wins = _sigmoid(sign * (scores[first] - scores[second]))
    eta = trust[person]
    likelihood = eta * wins + (1 - eta) * (1 - wins)
    prior = (PRIOR[0] - 1) * np.log(trust) + (PRIOR[1] - 1) * np.log1p(-trust)
    pull = PULL * (np.log(_sigmoid(scores)) + np.log(_sigmoid(-scores)))
    value = np.log(likelihood).sum() + prior.sum() + pull.sum()
    by_score = (2 * eta - 1) * wins * (1 - wins) * sign / likelihood
    by_trust = (2 * wins - 1) * eta * (1 - eta) / likelihood
    gradient = np.zeros_like(values)
    gradient[:entries] = (
        np.bincount(first, by_score, entries)
        - np.bincount(second, by_score, entries)
        + PULL * (1 - 2 * _sigmoid(scores))
    )
    gradient[entries:] = (
        np.bincount(person, by_trust, len(trust))
        + (PRIOR[0] - 1) * (1 - trust)
        - (PRIOR[1] - 1) * trust
    )
    return -float(value), -gradient


def _sigmoid(x: Any) -> Any:
    from scipy.special import expit

    return expit(x)


MODELS = {"dawid-skene": dawid_skene, "bradley-terry": bradley_terry}


def main(argv: Sequence[str]) -> None:
    """Read votes, fit, write the answers.

    Raises:
        UsageError: wrong arguments, or no such model.
    """
    if len(argv) != 3:
        raise UsageError("Usage: python -m rlhf_tui.evaluation.reliability MODEL VOTES OUT")
    name, source, target = argv
    if name not in MODELS:
        raise UsageError(f"There is no model {name!r}.", hint=nearest(name, MODELS))
    table = pq.read_table(source)
    columns = {
        column: table[column].to_numpy() for column in ("question", "first", "second", "answer")
    }
    people = np.array(table["annotator"].to_pylist(), dtype=np.str_)
    outcome = MODELS[name](Votes(annotator=people, **columns))
    pq.write_table(
        pa.table({"question": outcome.question, "probability": outcome.probability}), target
    )
    print(msgspec.json.encode(outcome.reliability).decode())


if __name__ == "__main__":
    sys.exit(told(main))
