"""The figures of each kind of run on rows that it has not learnt from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.answers import measure_answers
from rlhf_tui.evaluation.held_out import JUDGED
from rlhf_tui.evaluation.human_reference import human_reference
from rlhf_tui.evaluation.judged import Array
from rlhf_tui.evaluation.measuring import responses, rewards
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.preference_figures import preference_figures, rank_accuracy
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.evaluation.subject import Rows, Subject, mean_of, prompts_of, reference_of
from rlhf_tui.training.rendering import Row

if TYPE_CHECKING:
    pass


def measure(subject: Subject, rows: Rows, people: Rows) -> Evaluation:
    """The evaluation, without where its rows come from.

    Args:
        rows: to measure on.
        people: of the same kind, by which the agreement of people is told.
    """
    # What a model of reliability takes to be undecided, weight 0, says nothing for or against.
    rows = [row for row in rows if row.get("weight", 1.0) > 0]
    found = Evaluation(subject.kind, "validation", len(rows))
    match subject.kind:
        case "rm":
            _reward_model(subject, rows, found)
        case "dpo":
            _dpo(subject, rows, found)
        case "kto":
            _kto(subject, rows, found)
        case "sft":
            _language(subject, rows, found)
        case _:
            measure_answers(subject, rows, found)
    if subject.kind in JUDGED:
        found.human = human_reference(people)
    return found


# --- preferences ----------------------------------------------------------------------------


def _reward_model(subject: Subject, rows: Rows, found: Evaluation) -> None:
    prompts = [row["prompt"] for row in rows]
    chosen = subject.renderer.scored(prompts, [row["chosen"] for row in rows])
    rejected = subject.renderer.scored(prompts, [row["rejected"] for row in rows])
    scores = rewards(subject.model, [*chosen, *rejected], subject.forward())
    _preferences(rows, np.array(scores[: len(rows)]), np.array(scores[len(rows) :]), found)
    found.figures.append(mean_of("mean_reward", np.array(scores), np.tile(prompts_of(rows), 2)))


def _dpo(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """Implicit rewards β·(log π - log π_ref), summed over the response (Rafailov 2023)."""
    prompts = [row["prompt"] for row in rows]
    sides = [
        token_row
        for name in ("chosen", "rejected")
        for token_row in subject.renderer.rows(prompts, [row[name] for row in rows])
    ]
    implicit = _implicit(subject, sides)
    _preferences(rows, implicit[: len(rows)], implicit[len(rows) :], found)
    found.notes.append("Scores are DPO's implicit rewards, β·log π/π_ref of whole responses.")


def _preferences(rows: Rows, chosen: Array, rejected: Array, found: Evaluation) -> None:
    first = [
        str(row.get("chosen_id") or row["chosen"]) < str(row.get("rejected_id") or row["rejected"])
        for row in rows
    ]
    weight = np.array([row["weight"] for row in rows], dtype=float)
    found.preference = preference_figures(
        chosen, rejected, weight, prompts_of(rows), np.array(first, dtype=bool)
    )


def _kto(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """Implicit rewards of liked and disliked responses (Ethayarajh 2024)."""
    token_rows = subject.renderer.rows(
        [row["prompt"] for row in rows], [row["completion"] for row in rows]
    )
    implicit = _implicit(subject, token_rows)
    label = np.array([bool(row["label"]) for row in rows])
    weight = np.array([float(row.get("weight", 1.0)) for row in rows])
    prompt = prompts_of(rows)
    right = (np.sign(np.where(label, implicit, -implicit)) + 1) / 2
    found.figures += [
        intervals.share(
            "sign_accuracy",
            right,
            prompt,
            "Sign accuracy: thumbs up with an implicit reward above 0, thumbs down below it; 0 is"
            " half right.",
            weight,
        ),
        intervals.jackknife(
            "auc",
            lambda mask: rank_accuracy(implicit[mask], label[mask], weight[mask]),
            prompt,
            len(rows),
            "AUC: how often a liked response has more implicit reward than a disliked one; 0.5 is"
            " chance.",
            (0.0, 1.0),
        ),
        *(
            mean_of(name, implicit[some], prompt[some], weight[some])
            for name, some in (("reward_liked", label), ("reward_disliked", ~label))
        ),
    ]


def _implicit(subject: Subject, rows: Sequence[Row]) -> Array:
    """β·(log π - log π_ref) of each row's response: [n]."""
    own = responses(subject.model, rows, subject.forward())
    other = reference_of(subject)(rows)
    beta = float(subject.arguments["beta"])
    pairs = zip(own, other, strict=True)
    return np.array([beta * (a.logprob - b.logprob) for a, b in pairs])


# --- language -------------------------------------------------------------------------------


def _language(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """Loss a response token, over all tokens alike, and how often the likeliest one was meant."""
    token_rows = subject.renderer.rows(
        [row["prompt"] for row in rows], [row["completion"] for row in rows]
    )
    said = responses(subject.model, token_rows, subject.forward())
    nats = np.array([-one.logprob for one in said])
    tokens = np.array([one.tokens for one in said])
    hits = np.array([one.hits for one in said])
    prompt = prompts_of(rows)
    count = int(tokens.sum())
    rule = "Over the tokens of responses, EOS included; those of one prompt are not independent."

    def ratio(name: str, of: Array, shape: Callable[[float], float] = lambda x: x) -> Figure:
        return intervals.jackknife(
            name,
            lambda mask: shape(float(of[mask].sum() / tokens[mask].sum())) if mask.any() else None,
            prompt,
            count,
            rule,
            (0.0, 1.0) if name == "token_accuracy" else (0.0, math.inf),
        )

    found.figures += [
        ratio("loss", nats),
        ratio("perplexity", nats, lambda loss: math.exp(min(loss, 700.0))),
        ratio("token_accuracy", hits),
    ]
