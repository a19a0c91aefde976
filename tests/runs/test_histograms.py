"""Histograms of what a step's rows or tokens had."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.runs import layout
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.histograms import BINS, histogram
from rlhf_tui.runs.layout import DistributionRow, RunArguments
from rlhf_tui.runs.ranks import Rank


@given(st.lists(st.floats(width=32), max_size=200))
def test_every_finite_value_falls_into_a_bin(values: list[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    row = histogram(3, "reward", values, "points")
    if row is None:
        assert not finite
        return
    assert sum(row.counts) == len(finite) and len(row.counts) <= BINS
    assert row.low == min(finite) and row.high >= max(finite)
    assert (row.step, row.name, row.unit) == (3, "reward", "points")


@given(st.lists(st.integers(0, 500), min_size=2, max_size=50).filter(lambda x: len(set(x)) > 1))
def test_bins_of_whole_numbers_hold_equally_many_of_them(values: list[int]) -> None:
    row = histogram(1, "response_length", values)
    assert row is not None
    width = (row.high - row.low) / len(row.counts)
    assert width == int(width)
    for place, count in enumerate(row.counts):
        low = row.low + place * width
        assert count == sum(low <= value < low + width for value in values)


def test_equal_values_are_one_bin() -> None:
    assert histogram(1, "x", [2.5] * 4) == DistributionRow(1, "x", 2.5, 2.5, [4])


def test_whatever_holds_numbers_will_do() -> None:
    import torch

    expected = histogram(1, "x", [0.0, 0.5, 2.0])
    for values in (
        numpy.array([[0.0, 0.5, 2.0]]),
        torch.tensor([[0.0], [0.5], [2.0]], dtype=torch.bfloat16, requires_grad=True),
        (0, 0.5, 2),
    ):
        assert histogram(1, "x", values) == expected
    assert histogram(1, "x", []) is None
    assert histogram(1, "x", torch.tensor([math.nan])) is None
    assert histogram(1, "x", 1.5) == DistributionRow(1, "x", 1.5, 1.5, [1])


@pytest.mark.parametrize("rank", [0, 1])
def test_the_main_process_alone_writes(tmp_path: Path, rank: int) -> None:
    place = Rank(rank=rank, world=2, launched=True)
    context = RunContext(tmp_path, RunArguments("ppo-0001", "ppo", {}), place)
    context.distribution(1, "reward", [math.inf])
    assert not (tmp_path / layout.DISTRIBUTIONS).exists(), "no values: no line"
    context.distribution(2, "reward", [1.0, 2.0], "points")
    path = tmp_path / layout.DISTRIBUTIONS
    assert path.exists() == (rank == 0)
    if rank == 0:
        (row,) = [json.loads(line) for line in path.read_text().splitlines()]
        assert (row["step"], row["name"], row["low"], row["unit"]) == (2, "reward", 1.0, "points")


def test_a_run_that_writes_none_does_not_import_numpy() -> None:
    code = "import sys, rlhf_tui.runs.context; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
