"""Titles, notes and tags: what is kept of what people write, and what is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.errors import UsageError
from rlhf_tui.runs.naming import (
    LONGEST_TAG,
    MOST_TAGS,
    check_note,
    check_priority,
    check_tag,
    check_title,
    tagged,
)

WORDS = st.lists(st.sampled_from([f"t{n}" for n in range(30)]), max_size=30)


@given(WORDS, WORDS, WORDS)
def test_tags_stay_in_order_each_once_and_never_too_many(
    before: list[str], add: list[str], drop: list[str]
) -> None:
    had = list(dict.fromkeys(before))[:MOST_TAGS]
    wanted = [tag for tag in had if tag not in drop]
    wanted += [tag for tag in dict.fromkeys(add) if tag not in wanted]
    if len(wanted) > MOST_TAGS:
        with pytest.raises(UsageError, match="20 tags at most"):
            tagged(had, add, drop)
    else:
        assert tagged(had, add, drop) == wanted


@given(st.text(max_size=40))
def test_a_tag_is_a_word_that_a_shell_and_a_screen_can_take(text: str) -> None:
    try:
        kept = check_tag(text)
    except UsageError:
        return
    assert kept == text
    assert kept.split() == [kept]
    assert not {unicodedata.category(character) for character in kept} & {"Cc", "Cs", "Zs"}
    assert kept[0] not in "+-"
    assert len(kept) <= LONGEST_TAG


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\u2028b", "\ud800"])
def test_what_acts_on_a_terminal_is_no_title(text: str) -> None:
    with pytest.raises(UsageError, match="one line of plain text"):
        check_title(text)


def test_space_around_is_not_kept_and_lines_of_a_note_are() -> None:
    assert check_title("  a b ") == "a b"
    assert check_note(" a\r\n\tb \n") == "a\n\tb"
    assert check_priority(-3) == -3
    with pytest.raises(UsageError, match="lies between"):
        check_priority(-2_000_000)
