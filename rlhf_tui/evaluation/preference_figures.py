"""Figures of scored pairs: accuracy, precision, recall, F1, calibration. Arrays in, no model.

Shapes: n pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.judged import Array
from rlhf_tui.evaluation.model_report import Bin, Pairs

BINS = 10
"""Of equal width between 0.5 and 1."""
RULE = "Equal scores are half right; pairs of one prompt are not independent."


def preference_figures(
    chosen: Array, rejected: Array, weight: Array, prompt: Array, first: Array
) -> Pairs:
    """All figures of pairs of which the better side is known.

    Args:
        chosen, rejected: [n] scores whose difference is a log-odds.
        weight: [n] positive.
        prompt: [n] of each pair, for the interval.
        first: [n] True where the better side stands first in an order that does not know it.
    """
    margin = chosen.astype(float) - rejected
    if not len(margin):
        return Pairs(0, 0, intervals.share("accuracy", margin, prompt, RULE))
    hit = (np.sign(margin) + 1) / 2
    precision, recall, f1 = macro_scores(first, hit, weight)
    confidence, right = predicted(margin)
    error, table = calibration(confidence, right, weight)
    return Pairs(
        pairs=len(margin),
        prompts=len(np.unique(prompt)),
        accuracy=intervals.share("accuracy", hit, prompt, RULE, weight),
        precision=precision,
        recall=recall,
        f1=f1,
        margin=float(np.average(margin, weights=weight)),
        log_loss=float(np.average(np.logaddexp(0.0, -margin), weights=weight)),
        ece=error,
        reliability=table,
    )


def macro_scores(first: Array, hit: Array, weight: Array) -> tuple[float, float, float]:
    """Macro-averaged precision, recall and F1 of 'the first is better' and 'the second is'.

    A class that nothing was predicted as has precision 0, as has one that never occurs and was
    predicted; one that neither occurs nor was predicted is left out.

    Args:
        first: [n] True where the first side is better.
        hit: [n] 1 where the model says so too, 0 where not, one half where it cannot tell.
    """
    truth = first.astype(bool)
    found: list[tuple[float, float, float]] = []
    for is_class in (truth, ~truth):
        right = float(np.sum(weight * hit * is_class))
        taken_for = right + float(np.sum(weight * (1 - hit) * ~is_class))
        occurs = float(np.sum(weight * is_class))
        if not taken_for and not occurs:
            continue
        precision = right / taken_for if taken_for else 0.0
        recall = right / occurs if occurs else 0.0
        both = precision + recall
        found.append((precision, recall, 2 * precision * recall / both if both else 0.0))
    means: Sequence[float] = np.mean(found, axis=0).tolist()
    return means[0], means[1], means[2]


def predicted(margin: Array) -> tuple[Array, Array]:
    """Of the side that the model prefers: its probability σ(|margin|), and whether it is better.

    Equal scores give 0.5, and one half.
    """
    return 1 / (1 + np.exp(-np.abs(margin))), (np.sign(margin) + 1) / 2


def calibration(confidence: Array, right: Array, weight: Array) -> tuple[float, list[Bin]]:
    """Expected calibration error, and its table (Guo 2017, with bins from 0.5 as there are two
    sides).

    Args:
        confidence: [n] in [0.5, 1].
        right: [n] in [0, 1].
        weight: [n].
    """
    edges = np.linspace(0.5, 1.0, BINS + 1)
    # A probability on an edge belongs to the bin above; 1 to the last.
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, BINS - 1)
    error, table = 0.0, []
    for number in range(BINS):
        some = place == number
        line = Bin(float(edges[number]), float(edges[number + 1]), int(some.sum()))
        if line.count:
            line.confidence = float(np.average(confidence[some], weights=weight[some]))
            line.accuracy = float(np.average(right[some], weights=weight[some]))
            share = float(weight[some].sum() / weight.sum())
            error += share * abs(line.accuracy - line.confidence)
        table.append(line)
    return error, table


def rank_accuracy(score: Array, label: Array, weight: Array) -> float | None:
    """The probability that a case of label True scores above one of False, equal ones half (AUC).

    Args:
        score: [n].
        label: [n] True or False.
        weight: [n].

    Returns:
        None where one of the labels is missing.
    """
    up, down = label.astype(bool), ~label.astype(bool)
    if not up.any() or not down.any():
        return None
    order = np.argsort(score[down], kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weight[down][order])])
    ranked = score[down][order]
    less = below[np.searchsorted(ranked, score[up], side="left")]
    not_more = below[np.searchsorted(ranked, score[up], side="right")]
    won = float(np.sum(weight[up] * (less + not_more) / 2))
    return won / float(weight[up].sum() * weight[down].sum())
