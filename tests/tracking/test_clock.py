"""What steps can be drawn by: clocks that never fall, whatever the wall clock does."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.tracking.clock import Clock, TimeClock

BEGAN = 1_700_000_000.0


def told(moments: list[float], pieces: int = 1) -> TimeClock:
    """A clock that was told these moments for the steps 0, 1, 2 …, in so many pieces."""
    clock = TimeClock()
    size = -(-len(moments) // pieces) or 1
    for at in range(0, len(moments), size):
        some = moments[at : at + size]
        clock.tell(array("d", range(at, at + len(some))), array("d", some))
    return clock


def test_seconds_since_the_first_line() -> None:
    clock = told([BEGAN, BEGAN + 2, BEGAN + 3.5])
    assert clock.values.tolist() == [0, 2, 3.5]
    assert clock.at(1.5) == 2.75
    assert clock.step_at(2.75) == 1.5
    assert clock.origin == BEGAN


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_clock_set_back_goes_on_from_where_it_was(pieces: int) -> None:
    moments = [BEGAN + s for s in range(20)] + [BEGAN - 5000 + s for s in range(20)]
    values = told(moments, pieces).values.tolist()
    assert values == pytest.approx(list(range(40)), abs=0.5)


@pytest.mark.parametrize("pieces", [1, 9])
def test_a_leap_forth_and_back_is_taken_out_again(pieces: int) -> None:
    year = 3e7
    moments = [BEGAN + s + (year if 10 <= s < 15 else 0) for s in range(40)]
    values = told(moments, pieces).values.tolist()
    assert values == pytest.approx(list(range(40)), abs=1.5)


def test_a_pause_counts_and_a_small_correction_after_it_leaves_it_be() -> None:
    moments = [BEGAN + s for s in range(20)]
    moments += [BEGAN + 10_000 + s for s in range(20)]
    moments += [BEGAN + 10_019.8 + s for s in range(5)]
    values = told(moments).values.tolist()
    assert values[19] == 19
    assert values[20] == 10_000
    assert values[-1] == pytest.approx(10_024, abs=1)


def test_steps_that_come_again_take_the_place_of_the_old_ones() -> None:
    clock = told([BEGAN + s for s in range(10)])
    clock.tell(array("d", [5, 6]), array("d", [BEGAN + 100, BEGAN + 101]))
    assert clock.steps.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert clock.values.tolist() == [0, 1, 2, 3, 4, 100, 101]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(-1e9, 4e9) | st.floats(0, 100)), max_size=60),
    st.integers(1, 5),
)
def test_no_clock_ever_falls(points: list[tuple[int, float]], pieces: int) -> None:
    size = -(-len(points) // pieces) or 1
    clocks: list[Clock] = []
    for clock in (Clock(), TimeClock()):
        for at in range(0, len(points), size):
            steps = array("d", [step for step, _ in points[at : at + size]])
            values = array("d", [value for _, value in points[at : at + size]])
            if isinstance(clock, TimeClock):
                clock.tell(steps, values)
            else:
                clock.extend(steps, values)
        clocks.append(clock)
    for clock in clocks:
        assert len(clock.steps) == len(clock.values)
        assert all(a < b for a, b in pairwise(clock.steps))
        assert all(a <= b for a, b in pairwise(clock.values))


def test_points_by_the_thousand_are_as_those_one_by_one() -> None:
    one, many = Clock(), Clock()
    steps, values = array("d", [0, 1, 2, 2, 3]), array("d", [0, 10, 5, 20, 15])
    for step, value in zip(steps, values, strict=True):
        one.add(step, value)
    many.extend(steps, values)
    assert (one.steps, one.values) == (many.steps, many.values)
