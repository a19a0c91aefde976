"""The moving average of a long series, taken in blocks, against the recurrence point by point."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking import average
from rlhf_tui.tracking.average import Average
from rlhf_tui.tracking.pyramid import BLOCK, Pyramid

VALUES = st.lists(
    st.one_of(
        st.floats(-1e6, 1e6),
        st.sampled_from([math.nan, math.inf, -math.inf, 1e12, -1e12, 1e300, 5e-324, 0.0]),
    ),
    min_size=1,
    max_size=300,
)


@pytest.fixture(autouse=True)
def blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every series counts as long."""
    monkeypatch.setattr(average, "LONG", 1)
    yield


def reference(values: list[float], weight: float) -> list[float]:
    found, mean = [], math.nan
    for value in values:
        if not math.isfinite(value):
            found.append(math.nan)
            continue
        mean = weight * mean + (1 - weight) * value if math.isfinite(mean) else value
        found.append(mean)
    return found


def pyramid(values: list[float]) -> Pyramid:
    made = Pyramid()
    for value in values:
        made.append(value)
    return made


@given(values=VALUES, weight=st.sampled_from([0.05, 0.6, 0.9, 0.99, 0.999]), grown=st.data())
def test_blocks_are_the_recurrence(
    values: list[float], weight: float, grown: st.DataObject
) -> None:
    first = grown.draw(st.integers(1, len(values)))
    growing, made = pyramid(values[:first]), Average(weight)
    made.of(growing)
    for value in values[first:]:
        growing.append(value)
    found, wanted = made.of(growing), reference(values, weight)
    assert len(found) == len(wanted)
    known = [value for value in values if math.isfinite(value)]
    rounding = 1e-13 * max(map(abs, known), default=0.0)
    for index, value in enumerate(wanted):
        assert found.value(index) == pytest.approx(value, rel=1e-9, abs=rounding, nan_ok=True)
    for start, stop in ((0, len(values)), (len(values) // 3, len(values)), (0, BLOCK)):
        part = [found.value(i) for i in range(start, min(stop, len(values)))]
        finite = [value for value in part if math.isfinite(value)]
        low, high = found.extent(start, min(stop, len(values)))
        assert (low, high) == ((min(finite), max(finite)) if finite else (math.inf, -math.inf))


def test_the_average_goes_on_after_points_were_taken_away() -> None:
    values = [math.sin(step) for step in range(5 * BLOCK)]
    made = Average(0.9)
    made.of(pyramid(values))
    made.truncate(100)
    again = [*values[:100], *(math.cos(step) for step in range(50))]
    found = made.of(pyramid(again))
    assert [found.value(i) for i in range(150)] == pytest.approx(reference(again, 0.9))


def test_values_that_blocks_cannot_hold_are_averaged_one_by_one() -> None:
    """A weight so small that its powers leave what doubles hold."""
    values = [1.0, 3.0, math.nan, 5.0] * 40
    found = Average(1e-9).of(pyramid(values))
    assert [found.value(i) for i in range(160)] == pytest.approx(
        reference(values, 1e-9), nan_ok=True
    )
