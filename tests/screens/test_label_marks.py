"""Marks to and from events and drafts: nothing is lost, wherever the panes stand."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.evaluation.agreement import tiers_of
from rlhf_tui.hub.checks import check_event
from rlhf_tui.records import Event, Task, Written
from rlhf_tui.screens.label_marks import (
    Marks,
    draft_of,
    event_fields,
    marks_of_draft,
    marks_of_event,
    moved_keys,
)
from rlhf_tui.screens.label_state import RankState

ASPECTS = ("helpful", "harmless")


@st.composite
def marked(draw: st.DrawFn) -> tuple[Marks, list[str]]:
    """Marks as the keyboard can make them, and the ids of the panes."""
    size = draw(st.integers(2, 9))
    shown = [f"c{number}" for number in range(1, size + 1)]
    pane = st.integers(1, size).map(str)
    one = st.tuples(st.sampled_from("[]yn"), pane).map("".join)
    key = st.one_of(pane, pane, st.sampled_from("=bx<>"), one)
    keys = RankState.replay(size, "".join(draw(st.lists(key, max_size=25)))).keys
    points = st.dictionaries(st.sampled_from(ASPECTS), st.integers(1, 9), min_size=1)
    return Marks(
        keys,
        draw(st.dictionaries(st.sampled_from(shown), points)),
        draw(st.text(max_size=20)),
        tuple(draw(st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=3))),
    ), shown


def judged(marks: Marks, shown: list[str]) -> Event:
    return Event("e1", "judge", "t1", shown=shown, **event_fields(marks, shown))


def by_id(event: Event) -> dict[str, object]:
    """What an event says, whatever order it was shown in."""
    return {
        "tiers": tiers_of(event),
        "thumbs": {i: t for i, t in zip(event.shown, event.thumbs, strict=False) if t is not None},
        "said": (event.both_bad, event.unsure, event.strength, event.critique, event.tags),
        "aspects": event.aspects,
    }


@given(marked(), st.randoms(use_true_random=False))
def test_a_judgement_comes_back_as_it_was_in_any_order_shown(
    made: tuple[Marks, list[str]], chance: random.Random
) -> None:
    marks, shown = made
    event = judged(marks, shown)
    other = chance.sample(shown, len(shown))
    again = judged(marks_of_event(event, other), other)
    assert by_id(again) == by_id(event)


@given(marked(), st.randoms(use_true_random=False))
def test_a_draft_comes_back_as_it_was_in_any_order_shown(
    made: tuple[Marks, list[str]], chance: random.Random
) -> None:
    marks, shown = made
    body = msgspec.json.decode(msgspec.json.encode({**draft_of(marks), "shown": shown}))
    assert marks_of_draft(body, shown) == marks
    other = chance.sample(shown, len(shown))
    moved = marks_of_draft(body, other)
    assert by_id(judged(moved, other)) == by_id(judged(marks, shown))
    assert marks_of_draft({**draft_of(moved), "shown": other}, shown) == marks


@given(marked())
def test_the_tiers_of_an_event_make_the_pairs_that_were_ranked(
    made: tuple[Marks, list[str]],
) -> None:
    marks, shown = made
    state = marks.state(shown)
    event = judged(marks, shown)
    tiers = tiers_of(event)
    pairs = {
        (a, b)
        for a, b in itertools.permutations(shown, 2)
        if (tier_a := tiers[a]) is not None and (tier_b := tiers[b]) is not None and tier_a < tier_b
    }
    expected = {
        (shown[better - 1], shown[worse - 1])
        for high, low in itertools.combinations(state.ranked, 2)
        for better in high
        for worse in low
    }
    assert pairs == expected
    assert not (event.unsure and pairs)
    assert event.strength is None or len(pairs) == 1


@given(marked())
def test_the_hub_takes_what_the_screen_lets_through(made: tuple[Marks, list[str]]) -> None:
    marks, shown = made
    if not marks.state(shown).missing:
        check_event(judged(marks, shown), Task("t1", "rank", "p1", shown))


def test_what_was_written_comes_back_above_what_it_was_made_of() -> None:
    shown = ["a", "b", "edit", "own"]
    marks = Marks("1e32w4")
    event = judged(marks, shown)
    assert event.tiers == [2, 4, 3, 1]
    written = [Written("edit", "better", "b"), Written("own", "mine")]
    event = msgspec.structs.replace(event, written=written)
    back = marks_of_event(event, ["own", "b", "a", "edit"]).state(["own", "b", "a", "edit"])
    assert back.ranked == ((1,), (3,), (4,), (2,))
    assert back.press("]4")[1] == "4 is an edit of 2 and stands above it."


def test_a_completion_that_is_gone_takes_its_marks_with_it() -> None:
    body = {"keys": "312y2n1[3", "shown": ["a", "b", "c"], "aspects": {"b": {"helpful": 3}}}
    assert marks_of_draft(body, ["c", "a"]) == Marks("12n2[1"[:-2])
    assert moved_keys("312y2n1[3", ["a", "b", "c"], ["c", "a"]) == "12n2[1"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"keys": 3, "shown": "abc", "aspects": [], "critique": None, "tags": "x"},
        {"keys": "1?!z2", "shown": [None, {}]},
        {"keys": "99", "shown": ["a", "b"]},
        {"aspects": {"a": {"helpful": "5"}, "b": 3, "z": {"helpful": 1}}, "tags": [1, None]},
    ],
)
def test_a_draft_that_is_none_leaves_nothing_marked(body: dict[str, object]) -> None:
    assert marks_of_draft(body, ["a", "b"]).empty


def test_a_thumb_alone_is_a_judgement_without_tiers() -> None:
    event = judged(Marks("n1", tags=("short",)), ["a"])
    assert (event.thumbs, event.tiers, event.tags) == ([False], [], ["short"])
    assert marks_of_event(event, ["a"]) == Marks("n1", tags=("short",))


def test_points_are_given_and_taken_away() -> None:
    marks = Marks().rated("a", "helpful", 4).rated("a", "honest", 2).rated("b", "honest", 1)
    assert marks.rated("a", "helpful", None).aspects == {"a": {"honest": 2}, "b": {"honest": 1}}
    assert marks.rated("b", "honest", None).aspects == {"a": {"helpful": 4, "honest": 2}}
