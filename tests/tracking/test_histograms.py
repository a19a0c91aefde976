"""Histograms put into other bins."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.runs.layout import DistributionRow
from rlhf_tui.tracking.histograms import Histograms, grouped, mean, quantile, shares

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)
edges = st.lists(
    st.floats(-1e3, 1e3, allow_subnormal=False), min_size=2, max_size=20, unique=True
).map(sorted)


@given(counts, st.floats(-100, 100), st.floats(0, 100, allow_subnormal=False), edges)
def test_no_value_is_lost(numbers: list[int], low: float, span: float, places: list[float]) -> None:
    row = DistributionRow(1, "x", low, low + span, numbers)
    found = shares(row, places)
    assert len(found) == len(places) - 1
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0


@given(counts, st.floats(-100, 100), st.floats(0.1, 100), edges)
def test_shares_are_those_of_values_spread_evenly(
    numbers: list[int], low: float, span: float, places: list[float]
) -> None:
    row = DistributionRow(1, "x", low, low + span, numbers)
    inner = [-math.inf, *places[1:-1], math.inf]

    def below(value: float) -> float:
        width = span / len(numbers)
        return sum(
            number * min(1.0, max(0.0, (value - low - place * width) / width))
            for place, number in enumerate(numbers)
        ) / sum(numbers)

    wanted = [below(right) - below(left) for left, right in itertools.pairwise(inner)]
    assert shares(row, places) == pytest.approx(wanted, abs=1e-6)


def test_bins_that_fit_stay_as_they_are() -> None:
    row = DistributionRow(1, "x", 0.0, 4.0, [1, 2, 3, 4])
    assert shares(row, [0.0, 1.0, 2.0, 3.0, 4.0]) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert shares(row, [0.0, 2.0, 4.0]) == pytest.approx([0.3, 0.7])
    assert shares(row, [10.0, 11.0, 12.0]) == [1.0, 0.0]


def test_what_is_read_off() -> None:
    row = DistributionRow(1, "x", 0.0, 4.0, [1, 1, 1, 1])
    assert mean(row) == 2.0
    assert quantile(row, 0.5) == 2.0
    assert quantile(row, 0.25) == 1.0
    same = DistributionRow(1, "x", 3.0, 3.0, [7])
    assert (mean(same), quantile(same, 0.5)) == (3.0, 3.0)
    assert shares(same, [2.0, 3.0, 4.0]) == [0.0, 1.0]


def test_steps_that_come_again_and_broken_rows() -> None:
    rows = [
        DistributionRow(1, "reward", 0, 1, [1]),
        DistributionRow(2, "reward", 0, 1, [2]),
        DistributionRow(3, "reward", 0, 1, [3]),
        DistributionRow(2, "reward", 0, 1, [9], unit="points"),
        DistributionRow(4, "reward", 1, 0, [1]),
        DistributionRow(5, "reward", 0, math.inf, [1]),
        DistributionRow(6, "reward", 0, 1, []),
        DistributionRow(7, "reward", 0, 1, [0]),
        DistributionRow(8, "reward", 0, 1, [-1]),
        DistributionRow(2, "length", 5, 9, [1, 2]),
    ]
    found = grouped(rows)
    assert list(found) == ["reward", "length"]
    assert found["reward"].steps == [1, 2]
    assert found["reward"].unit == "points"
    newest = found["reward"].at(99)
    assert newest is not None
    assert newest.counts == [9]
    assert found["reward"].at(0) is None


def test_an_axis_shows_all_but_the_tails() -> None:
    histograms = Histograms("kl")
    histograms.add(DistributionRow(1, "kl", 0.0, 100.0, [9990, *[0] * 98, 1]))
    low, high = histograms.span()
    assert low < 0.1
    assert high < 1.1
    same = Histograms("kl")
    same.add(DistributionRow(1, "kl", 0.0, 0.0, [5]))
    assert same.span() == (-0.5, 0.5)


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.7e308, 1.7e308), (0.0, math.inf), (math.nan, 1.0), (2.0, 1.0), (-1e300, 0.0)],
)
def test_bins_beyond_all_measure_are_left_out(low: float, high: float) -> None:
    assert grouped([DistributionRow(1, "x", low, high, [1, 2])]) == {}


def test_an_axis_is_wide_enough_to_be_cut_into_rows() -> None:
    one = Histograms("x")
    one.add(DistributionRow(1, "x", 0.0, 5e-324, [1, 2]))
    low, high = one.span()
    assert sum(shares(DistributionRow(1, "x", 0.0, 5e-324, [1, 2]), [low, 0.1, high])) == 1
