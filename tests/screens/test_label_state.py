"""Ranking as pure state: whatever keys are pressed, what comes out is a ranking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.screens.label_state import (
    IDLE_AFTER_S,
    RankState,
    WorkClock,
    order_cleared,
    tokens,
)
from rlhf_tui.screens.label_tiers import tier_of

PANE = st.integers(1, 9).map(str)
TOKENS = st.lists(
    st.one_of(
        PANE,
        st.sampled_from("=bx<>"),
        st.tuples(st.sampled_from("[]ynw"), PANE).map("".join),
        st.tuples(st.just("e"), PANE, PANE).map("".join),
    ),
    max_size=25,
)
KEYS = TOKENS.map("".join)


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
        (4, "12x", [None] * 4),  # unsure puts the order away
        (4, "12xx", [1, 2, None, None]),  # and brings it back
        (4, "12x3", [None, None, 1, None]),  # a pick takes the unsure back
        (3, "12[2", [2, 1, 3]),
        (3, "12]2", [1, 3, 2]),  # with the one that came last by itself
        (3, "1=2]1", [2, 1, 3]),  # out of a tie
        (3, "1=2[3", [2, 2, 1]),  # over a tie as a whole
        (3, "1[1", [1, None, None]),  # first already
        (3, "1e31", [2, 3, 1]),  # edited, chosen, rejected
        (3, "12e32", [1, 3, 2]),  # an edit stands directly above what it was made of
        (3, "3e13", [1, 3, 2]),
        (3, "12w3", [2, 3, 1]),
        (3, "1e31]3", [2, 3, 1]),  # and stays above it
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
        (4, "x", True),
        (4, "xx", False),
        (4, "y1y2", False),  # thumbs are no ranking
    ],
)
def test_when_it_can_be_submitted(size: int, keys: str, ready: bool) -> None:
    assert (state(size, keys).missing == "") is ready


def test_keys_that_cannot_be_taken_say_why_and_change_nothing() -> None:
    picked = state(3, "1")
    for key, reason in (
        ("1", "ranked already"),
        ("7", "no completion 7"),
        ("0", "no completion"),
        ("[7", "no completion 7"),
        ("]2", "not ranked yet"),
        ("[1", "first already"),
        (">", "for pairs"),
        ("e22", "edit of itself"),
        ("?", "says nothing"),
        ("", "says nothing"),
    ):
        after, notice = picked.press(key)
        assert after == picked
        assert reason in notice
    assert "Pick one first" in RankState(3).press("=")[1]
    assert "All are ranked" in state(2, "12").press("=")[1]
    assert "strongest" in state(2, ">>>>").press(">")[1]
    assert "No strength" in state(2, "").press("<")[1]
    assert "{label.undo} takes it back first" in state(3, "1e31").press("x")[1]


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
    assert (result.missing == "") == (result.both_bad or result.unsure or ranked >= 2)
    assert not (result.unsure and (ranked or result.both_bad))
    assert result.strength is None or (size == 2 and len(used) == 2)
    for edit, parent in result.parents.items():
        assert tiers[edit - 1] is not None
        assert tier_of(result.ranked, edit) < tier_of(result.ranked, parent)  # type: ignore[operator]


@given(st.integers(2, 9), KEYS, PANE, st.sampled_from("[]"))
def test_a_move_changes_the_place_of_one_entry_by_one_place(
    size: int, keys: str, pane: str, sign: str
) -> None:
    before = state(size, keys)
    after, notice = before.press(sign + pane)
    if notice:
        assert after == before
        return
    moved, step = int(pane), -1 if sign == "[" else 1
    groups, then = before.ranked, after.groups
    assert sorted(sum(then, ())) == sorted(sum(groups, ()))
    others = [tuple(p for p in group if p != moved) for group in groups]
    assert [g for g in others if g] == [
        g for g in (tuple(p for p in group if p != moved) for group in then) if g
    ]
    at = next(index for index, group in enumerate(groups) if moved in group)
    if len(groups[at]) == 1:
        # A permutation of the tiers, and the way back is the other key.
        order = list(groups)
        order[at], order[at + step] = order[at + step], order[at]
        assert list(then) == order
        back, refused = after.press(("]" if sign == "[" else "[") + pane)
        assert (refused, back.groups) == ("", groups)
    else:
        assert (moved,) in then
        assert len(then) == len(groups) + 1
    assert after.undo() == before
    assert after.last == moved


@given(st.integers(2, 9), KEYS)
def test_thumbs_and_strength_stay_when_the_order_is_put_away(size: int, keys: str) -> None:
    made = state(size, keys)
    cleared = state(size, order_cleared(made.keys))
    assert (cleared.groups, cleared.both_bad, cleared.unsure) == ((), False, False)
    assert (cleared.thumbs, cleared.leaning) == (made.thumbs, made.leaning)


def test_every_order_of_three_is_reached_by_moves() -> None:
    reached, new = set(), {state(3, "123").groups}
    while new:
        reached |= new
        found = set()
        for groups in new:
            keys = "".join("=".join(map(str, group)) for group in groups)
            for move in ("[1", "[2", "[3", "]1", "]2", "]3"):
                found.add(state(3, keys).press(move)[0].ranked)
        new = found - reached
    assert {group for groups in reached for group in groups} == {(1,), (2,), (3,)}
    assert len(reached) == 6


@given(st.integers(1, 9), KEYS)
def test_undo_walks_back_to_the_beginning_through_states_that_were_there(
    size: int, keys: str
) -> None:
    seen = [RankState(size)]
    for key in tokens(keys):
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
