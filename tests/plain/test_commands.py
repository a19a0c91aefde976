"""What a line says, what it does to the marks, and how marks are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.errors import UsageError
from rlhf_tui.plain.commands import Judge, Order, parse, reading
from rlhf_tui.plain.marking import aspect, marked, told
from rlhf_tui.records import TaskKind
from rlhf_tui.screens.label_marks import Marks, event_fields

SHOWN = ["c1", "c2", "c3", "c4"]


@pytest.mark.parametrize(
    ("line", "tiers"),
    [
        ("2134", [2, 1, 3, 4]),
        ("2 1 3 4", [2, 1, 3, 4]),
        ("2>1>3>4", [2, 1, 3, 4]),
        ("2 > 1 = 3", [2, 1, 2, 3]),
        ("2>1=3", [2, 1, 2, 3]),
        ("1=2", [1, 1, None, None]),
        ("3,1", [2, None, 1, None]),
        ("=", [1, 1, 1, 1]),
        ("bad", [None, None, None, None]),
        ("2>1 bad", [2, 1, None, None]),
        ("bad 2>1 y3", [2, 1, None, None]),
        ("UNSURE", [None, None, None, None]),
    ],
)
def test_a_ranking_line(line: str, tiers: list[int | None]) -> None:
    said = parse(line, "rank")
    assert isinstance(said, Judge)
    assert said.submit
    fields = event_fields(marked(Marks(), said, SHOWN), SHOWN)
    assert fields["tiers"] == tiers
    assert fields["both_bad"] is ("bad" in line)
    assert fields["unsure"] is (line == "UNSURE")
    assert fields["thumbs"] == ([None, None, True, None] if "y3" in line else [])


@given(st.permutations(range(1, 5)), st.lists(st.sampled_from("=>"), min_size=3, max_size=3))
def test_an_order_is_read_as_it_is_written(panes: list[int], signs: list[str]) -> None:
    line = f"{panes[0]}" + "".join(f"{s}{p}" for s, p in zip(signs, panes[1:], strict=True))
    said = parse(line, "rank")
    assert isinstance(said, Judge)
    tiers = event_fields(marked(Marks(), said, SHOWN), SHOWN)["tiers"]
    tier, expected = 1, {panes[0]: 1}
    for sign, pane in zip(signs, panes[1:], strict=True):
        tier += sign == ">"
        expected[pane] = tier
    assert tiers == [expected[pane] for pane in range(1, 5)]


@pytest.mark.parametrize("line", ["y2 n1", "strength 3", "y1"])
def test_marks_that_are_no_judgement_yet(line: str) -> None:
    said = parse(line, "rank")
    assert isinstance(said, Judge)
    assert not said.submit


def test_a_pair_with_strength_on_one_line() -> None:
    said = parse("2>1 strength 3", "rank")
    assert isinstance(said, Judge)
    fields = event_fields(marked(Marks(), said, SHOWN[:2]), SHOWN[:2])
    assert (fields["tiers"], fields["strength"]) == ([2, 1], 3)


def test_a_new_order_keeps_thumbs_and_strength() -> None:
    marks = Marks()
    for line in ("y2", "strength 2", "1>2", "n2", "2>1"):
        said = parse(line, "rank")
        assert isinstance(said, Judge)
        marks = marked(marks, said, SHOWN[:2])
    assert told(marks, SHOWN[:2], ranking=True) == (
        "order 2, then 1; strength 2 of 4; thumb down 2"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [("5>1", "no completion 5"), ("1>1", "1 is named twice"), ("strength 2", "pairs")],
)
def test_what_cannot_be_is_told(line: str, words: str) -> None:
    said = parse(line, "rank")
    assert isinstance(said, Judge)
    with pytest.raises(UsageError, match=words):
        marked(Marks(), said, SHOWN)


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        ("skpi", "rank", "'skip'"),
        ("01", "rank", "help"),
        ("2>", "rank", "help"),
        ("1==2", "thumbs", "help"),
        ("yes please", "thumbs", "'y'"),
        ("bda", "thumbs", "'bad'"),
    ],
)
def test_nonsense_is_told(line: str, kind: TaskKind, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        parse(line, kind)


@pytest.mark.parametrize(
    ("line", "good"), [("y", True), ("Good", True), ("n", False), ("-", False)]
)
def test_a_thumb(line: str, good: bool) -> None:
    said = parse(line, "thumbs")
    assert isinstance(said, Judge)
    assert event_fields(marked(Marks(), said, SHOWN[:1]), SHOWN[:1])["thumbs"] == [good]


def test_words_take_the_rest_of_the_line() -> None:
    assert parse("critique  It says 2>1, which is wrong. ", "rank") == Order(
        "critique", "It says 2>1, which is wrong."
    )
    assert parse("", "rank") == Order("next")
    assert parse("Q", "rank") == Order("quit")
    assert reading("2 all") == (2, "all")
    assert reading("") == (None, "page")


def test_points_for_an_aspect() -> None:
    marks = aspect(Marks(), "helpful 1=4 2=3", SHOWN, ["helpful"], 5)
    marks = aspect(marks, "helpful 2=0", SHOWN, ["helpful"], 5)
    assert marks.aspects == {"c1": {"helpful": 4}}
    assert aspect(Marks(), "helpful 2", ["c"], ["helpful"], 5).aspects == {"c": {"helpful": 2}}


@pytest.mark.parametrize(
    "rest", ["helpfull 1=4", "helpful", "helpful 9=1", "helpful 1=6", "helpful 4", "helpful x=1"]
)
def test_points_that_cannot_be(rest: str) -> None:
    with pytest.raises(UsageError):
        aspect(Marks(), rest, SHOWN, ["helpful"], 5)
