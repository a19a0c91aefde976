"""Differences word by word: nothing is lost, scripts without spaces are told apart, in bounds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.screens.widgets import diff
from rlhf_tui.screens.widgets.diff import diff_view, differences, tokens


def old_of(runs: list[diff.Run]) -> str:
    return "".join(text for change, text in runs if change != "new")


def new_of(runs: list[diff.Run]) -> str:
    return "".join(text for change, text in runs if change != "gone")


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("The cat sat.", "The dog sat.", "The [-cat-]{+dog+} sat."),
        ("a b", "a c b", "a {+c+} b"),
        ("one two three", "one three", "one [-two-] three"),
        ("It's fine", "It is fine", "[-It's-]{+It is+} fine"),
        ("今日は天気がいい。", "今日は天気が悪い。", "今日は天気が[-い-]{+悪+}い。"),
        ("มาก", "มาม", "มา[-ก-]{+ม+}"),
        ("hi 👍🏽", "hi 👨\u200d👩\u200d👧", "hi [-👍🏽-]{+👨\u200d👩\u200d👧+}"),
        ("x 🇩🇪", "x 🇩🇰", "x [-🇩🇪-]{+🇩🇰+}"),
        ("a [-b-] c", "a [-b-] d", "a [-b-] [-c-]{+d+}"),
    ],
)
def test_what_is_shown(old: str, new: str, shown: str) -> None:
    assert diff_view(old, new).plain == shown


def test_a_rewritten_clause_is_one_change_not_a_bracket_a_word() -> None:
    runs = differences("he said that it was good", "he wrote some other things entirely")
    assert [change for change, _ in runs] == ["same", "gone", "new"]


def test_equal_texts_say_so() -> None:
    assert diff_view("the same", "the same").plain.startswith("(no difference)")


def test_control_characters_do_not_come_back_by_the_difference() -> None:
    shown = diff_view("a\x1b]52;c;aGk=\x07b", "a\u202eb").plain
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@given(st.text(max_size=300), st.text(max_size=300))
def test_both_texts_can_be_read_out_of_the_difference(old: str, new: str) -> None:
    assert "".join(tokens(old)) == old
    runs = differences(old, new)
    assert old_of(runs) == old
    assert new_of(runs) == new


def sentences(random_: random.Random, count: int) -> str:
    words = [f"word{number}" for number in range(400)]
    return " ".join(" ".join(random_.choices(words, k=12)) + "." for _ in range(count))


def test_long_texts_are_matched_by_sentences_and_words_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    real = diff._matched

    def counted(old: list[str], new: list[str]) -> object:
        asked.append(len(old) * len(new))
        return real(old, new)

    monkeypatch.setattr(diff, "_matched", counted)
    old = sentences(random.Random(1), 400)
    new = old.replace("word7 ", "other ", 3).replace("word9.", "last.", 2)
    assert len(old) > 20_000
    runs = differences("First. " + old + " End.", "Begin. " + new + " Stop.")
    assert old_of(runs) == "First. " + old + " End."
    changed = sum(len(text) for change, text in runs if change != "same")
    assert 0 < changed < 400
    assert sum(asked) <= diff.MOST_PRODUCT


@pytest.mark.parametrize(
    "texts",
    [
        ("中" * 20_000, "中" * 10_000 + "文" * 10_000),
        ("中文" * 10_000, "文中" * 9_999),
        ("a. b! " * 3_300, "b! a. c? " * 2_200),
        ("x" * 20_000, "y" * 20_000),
    ],
    ids=["one sign", "two signs", "short sentences", "one word"],
)
def test_hostile_long_texts_stay_within_the_budget(
    texts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = diff._matched

    def counted(old: list[str], new: list[str]) -> object:
        asked.append(len(old) * len(new))
        return real(old, new)

    monkeypatch.setattr(diff, "_matched", counted)
    runs = differences(*texts)
    assert (old_of(runs), new_of(runs)) == texts
    assert sum(asked) <= diff.MOST_PRODUCT
