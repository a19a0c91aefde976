"""Ranking as pure state: whatever keys are pressed, what comes out is a ranking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.screens.label_state import IDLE_AFTER_S, RankState, WorkClock

KEYS = st.text(alphabet="123456789=b", max_size=30)


def state(size: int, keys: str) -> RankState:
    return RankState.replay(size, keys)


@pytest.mark.parametrize(
    ("size", "keys", "tiers"),
    [
        (4, "2134", [2, 1, 3, 4]),
        (4, "213", [2, 1, 3, 4]),  # the one left over is last
        (4, "21", [2, 1, None, None]),  # two left over stay unranked
        (4, "1=2", [1, 1, None, None]),
        (4, "1=2=3", [1, 1, 1, 2]),
        (4, "1=2=3=", [1, 1, 1, 1]),  # = before Enter ties the one left over
        (4, "3=41=2", [2, 2, 1, 1]),
        (2, "2", [2, 1]),
        (2, "2=", [1, 1]),
        (3, "1==2", [1, 2, 3]),  # = twice is taken back
        (4, "b", [None] * 4),
        (4, "b41", [2, None, None, 1]),
    ],
)
def test_the_tiers_of_a_ranking(size: int, keys: str, tiers: list[int | None]) -> None:
    assert state(size, keys).tiers == tiers


@pytest.mark.parametrize(
    ("size", "keys", "ready"),
    [
        (4, "", False),
        (4, "1", False),
        (4, "12", True),
        (4, "b", True),
        (4, "bb", False),
        (2, "1", True),
        (1, "1", False),
        (1, "b", True),
    ],
)
def test_when_it_can_be_submitted(size: int, keys: str, ready: bool) -> None:
    assert (state(size, keys).missing == "") is ready


def test_keys_that_cannot_be_taken_say_why_and_change_nothing() -> None:
    picked = state(3, "1")
    for key, reason in (("1", "ranked already"), ("7", "no completion 7"), ("0", "no completion")):
        after, notice = picked.press(key)
        assert after == picked
        assert reason in notice
    assert "Pick one first" in RankState(3).press("=")[1]
    assert "All are ranked" in state(2, "12").press("=")[1]


@given(st.integers(1, 9), KEYS)
def test_tiers_are_dense_and_ties_are_what_was_tied(size: int, keys: str) -> None:
    result = state(size, keys)
    tiers = result.tiers
    assert len(tiers) == size
    used = sorted({tier for tier in tiers if tier is not None})
    assert used == list(range(1, len(used) + 1))
    for tier, group in enumerate(result.ranked, 1):
        assert all(tiers[pane - 1] == tier for pane in group)
    ranked = sum(tier is not None for tier in tiers)
    assert (result.missing == "") == (result.both_bad or ranked >= 2)


@given(st.integers(1, 9), KEYS)
def test_undo_walks_back_to_the_beginning_through_states_that_were_there(
    size: int, keys: str
) -> None:
    seen = [RankState(size)]
    for key in keys:
        after, notice = seen[-1].press(key)
        if not notice:
            seen.append(after)
    result = seen[-1]
    steps = 0
    while (before := result.undo()) is not None:
        assert before in seen
        result, steps = before, steps + 1
    assert result == RankState(size)
    assert steps <= len(keys)


def test_time_away_from_the_keyboard_is_not_time_at_work() -> None:
    clock = WorkClock.start(100.0)
    clock.touch(110.0)
    clock.touch(110.0 + 3600)
    assert clock.active_ms == (10 + IDLE_AFTER_S) * 1000
    assert clock.wall_ms == 3610 * 1000


def test_time_of_an_earlier_visit_counts_on() -> None:
    clock = WorkClock.start(100.0, active_ms=5000, wall_ms=9000)
    clock.touch(101.0)
    assert (clock.active_ms, clock.wall_ms) == (6000, 10000)
