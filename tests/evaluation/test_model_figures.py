"""Figures of scored pairs, and the human reference, by hand and by definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.human_reference import (
    human_reference,
    labeller_accuracy,
    two_way_agreement,
)
from rlhf_tui.evaluation.preference_figures import (
    calibration,
    macro_scores,
    preference_figures,
    rank_accuracy,
)


def figures(margins: list[float], **more: Any) -> Any:
    n = len(margins)
    given_: dict[str, Any] = {
        "weight": np.ones(n),
        "prompt": np.arange(n),
        "first": np.ones(n, dtype=bool),
    }
    return preference_figures(np.array(margins), np.zeros(n), **given_ | more)


def test_accuracy_margin_and_log_loss_weigh_pairs_as_training_does() -> None:
    found = figures([1.0, -2.0, 0.0], weight=np.array([1.0, 0.5, 0.5]))
    assert found.pairs == 3 and found.prompts == 3
    assert found.accuracy.value == pytest.approx((1.0 + 0.0 + 0.25) / 2)
    assert found.margin == pytest.approx((1.0 - 1.0 + 0.0) / 2)
    losses = [math.log(1 + math.exp(-m)) for m in (1.0, -2.0, 0.0)]
    assert found.log_loss == pytest.approx((losses[0] + losses[1] / 2 + losses[2] / 2) / 2)


def test_ece_by_hand() -> None:
    """Two bins are filled: 0.60 twice, once right; 0.97 three times, all right."""
    logit = [math.log(p / (1 - p)) for p in (0.6, 0.6, 0.97, 0.97, 0.97)]
    found = figures([logit[0], -logit[1], *logit[2:]])
    assert found.ece == pytest.approx(2 / 5 * abs(0.5 - 0.6) + 3 / 5 * abs(1.0 - 0.97))
    filled = [line for line in found.reliability if line.count]
    assert [(line.low, line.count) for line in filled] == [
        (pytest.approx(0.6), 2),
        (pytest.approx(0.95), 3),
    ]
    assert filled[0].confidence == pytest.approx(0.6) and filled[0].accuracy == 0.5
    assert len(found.reliability) == 10
    assert found.reliability[0].accuracy is None, "an empty bin says nothing"


def test_probabilities_at_the_ends_and_huge_margins_have_a_bin() -> None:
    error, table = calibration(np.array([0.5, 1.0]), np.array([0.5, 1.0]), np.ones(2))
    assert error == 0.0 and table[0].count == 1 and table[-1].count == 1
    assert figures([5000.0, -5000.0]).log_loss == pytest.approx(2500.0)


def test_f1_by_hand() -> None:
    """First better: 3 of 4 found, and 1 of 2 others taken for it."""
    first = np.array([1, 1, 1, 1, 0, 0], dtype=bool)
    hit = np.array([1, 1, 1, 0, 0, 1], dtype=float)
    precision, recall, f1 = macro_scores(first, hit, np.ones(6))
    assert precision == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert recall == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert f1 == pytest.approx((3 / 4 + 1 / 2) / 2)
    with_tie = macro_scores(first[:2], np.array([1.0, 0.5]), np.ones(2))
    assert with_tie[1] == pytest.approx((0.75 + 0.0) / 2), "the half is taken for the other class"


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.1, 3)), min_size=1, max_size=12)
)
def test_macro_scores_are_those_of_scikit_learn(rows: list[tuple[bool, bool, float]]) -> None:
    first = np.array([row[0] for row in rows])
    says = np.array([row[1] for row in rows])
    weight = np.array([row[2] for row in rows])
    found = macro_scores(first, (first == says).astype(float), weight)
    labels = sorted(set(first.tolist()) | set(says.tolist()))
    expected = precision_recall_fscore_support(
        first, says, labels=labels, average="macro", sample_weight=weight, zero_division=0.0
    )[:3]
    assert found == pytest.approx(tuple(map(float, expected)))


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.booleans(), st.floats(0.1, 3)), min_size=2, max_size=30
    )
)
def test_rank_accuracy_is_the_weighted_auc(rows: list[tuple[int, bool, float]]) -> None:
    score, label, weight = (np.array(column) for column in zip(*rows, strict=True))
    if label.all() or not label.any():
        assert rank_accuracy(score, label, weight) is None
    else:
        expected = roc_auc_score(label, score, sample_weight=weight)
        assert rank_accuracy(score, label, weight) == pytest.approx(expected)


def test_pairs_of_one_prompt_widen_the_interval_and_weights_of_one_change_nothing() -> None:
    hit = np.array([1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1], dtype=float)
    alone = intervals.share("a", hit, np.arange(12), "")
    together = intervals.share("a", hit, np.arange(12) // 4, "")
    assert alone.low is not None and together.low is not None
    assert together.low < alone.low
    weighed = intervals.share("a", hit, np.arange(12) // 4, "", np.full(12, 0.25))
    assert (weighed.value, weighed.low) == (
        pytest.approx(together.value),
        pytest.approx(together.low),
    )
    double = intervals.share("a", hit[:2] * [1, 0], np.arange(2), "", np.array([3.0, 1.0]))
    assert double.value == 0.75
    sure = intervals.share("a", np.ones(49), np.arange(49), "", np.full(49, 1 / 3))
    assert sure.value == 1.0 and sure.high == pytest.approx(1.0) and 0.9 < (sure.low or 0) < 0.95


@given(st.floats(0.5, 1.0))
def test_p_is_the_inverse_of_a(accuracy: float) -> None:
    assert labeller_accuracy(two_way_agreement(accuracy)) == pytest.approx(accuracy, abs=1e-7)


def test_p_of_known_agreements() -> None:
    assert labeller_accuracy(0.5) == 0.5 and labeller_accuracy(1.0) == 1.0
    assert labeller_accuracy(0.68) == pytest.approx(0.8), "0.8² + 0.2²"
    assert labeller_accuracy(0.3) == 0.5


def pair(who: str, better: str, worse: str, **more: Any) -> dict[str, Any]:
    row = {"prompt_id": "p", "annotator": who, "chosen_id": better, "rejected_id": worse}
    return row | {"chosen": better, "rejected": worse, "weight": 1.0} | more


def test_agreement_is_over_every_two_people_of_a_case() -> None:
    rows = [
        *(pair(who, "a", "b") for who in ("ada", "ben")),
        pair("cem", "b", "a"),
        *(pair("ada", "a", "c") for _ in range(2)),
        pair("ben", "a", "c"),
        pair("ada", "b", "c"),
    ]
    found = human_reference(rows)
    # a-b: one of three twos agree; a-c: the only two do; b-c: one person alone.
    assert found.agreement.value == pytest.approx((1 + 1) / (3 + 1))
    assert found.agreement.cases == 2
    assert found.accuracy == 0.5
    assert "may pass the first figure" in found.sentence


def test_agreement_of_votes_and_of_thumbs() -> None:
    voted = human_reference([pair("", "a", "b", annotator=None, votes_for=3, votes_against=1)])
    assert voted.agreement.value == pytest.approx(3 / 6)
    assert "disputed ones were left out" in voted.sentence
    thumbs = [
        {"prompt_id": "p", "completion_id": "a", "annotator": who, "label": label}
        for who, label in (("ada", True), ("ben", True), ("cem", False))
    ]
    assert human_reference(thumbs).agreement.value == pytest.approx(1 / 3)
    assert human_reference(thumbs).accuracy is None
    assert "less than by chance" in human_reference(thumbs).sentence
    assert "disputed" not in human_reference(thumbs).sentence


def test_a_disputed_case_counts_as_any_other_whatever_it_weighs_in_training() -> None:
    """A model of reliability gives it 2p - 1, next to nothing, or nothing."""
    sure = pair("", "a", "b", annotator=None, votes_for=2, votes_against=0)
    for doubt in (0.02, 0.0):
        split = pair("", "c", "d", annotator=None, votes_for=1, votes_against=1, weight=doubt)
        assert human_reference([sure, split]).agreement.value == pytest.approx(1 / 2)


def test_a_ranking_counts_once_however_many_cases_it_has() -> None:
    agreed = pair("", "a", "b", annotator=None, votes_for=2, votes_against=0, ranking_id="one")
    split = {"annotator": None, "votes_for": 1, "votes_against": 1, "ranking_id": "other"}
    rows = [agreed, *(pair("", x, y, **split) for x, y in (("c", "d"), ("c", "e"), ("d", "e")))]
    assert human_reference(rows).agreement.value == pytest.approx(1 / 2)


def test_votes_of_two_rows_of_a_case_are_counted_by_what_they_are_for() -> None:
    """Two for a, and elsewhere two for b: of six twos, two say the same."""
    votes = {"annotator": None, "votes_for": 2, "votes_against": 0}
    rows = [pair("", "a", "b", **votes), pair("", "b", "a", **votes)]
    assert human_reference(rows).agreement.value == pytest.approx(2 / 6)


def test_one_person_alone_has_no_agreement() -> None:
    found = human_reference([pair("ada", "a", "b"), pair("ada", "b", "a")])
    assert found.agreement.value is None and found.accuracy is None
    assert "not known" in found.sentence
