"""Figures of a scorer against judgements, by hand."""

from __future__ import annotations

import math

import pytest

from rlhf_tui.evaluation.reward_metrics import (
    mean_and_deviation,
    pair_metrics,
)


def test_pair_metrics_by_hand() -> None:
    found = pair_metrics([2.0, 1.0, 0.0], [1.0, 1.0, 3.0])
    assert found.pairs == 3
    assert found.accuracy == pytest.approx(0.5), "right, equal, wrong"
    assert found.margin == pytest.approx((1 + 0 - 3) / 3)
    losses = [math.log(1 + math.exp(-m)) for m in (1.0, 0.0, -3.0)]
    assert found.log_loss == pytest.approx(sum(losses) / 3)


def test_no_pairs_have_no_accuracy() -> None:
    found = pair_metrics([], [])
    assert found.pairs == 0 and math.isnan(found.accuracy)


def test_large_margins_do_not_overflow() -> None:
    assert pair_metrics([0.0], [1e4]).log_loss == pytest.approx(1e4)


def test_mean_and_deviation() -> None:
    assert mean_and_deviation([1.0, 3.0]) == (2.0, pytest.approx(math.sqrt(2)))
    assert math.isnan(mean_and_deviation([1.0])[1])
    assert math.isnan(mean_and_deviation([])[0])
