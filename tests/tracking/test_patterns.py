"""Expressions that people type: found as Python would, and given up before they hold anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.comparison import metric_names
from rlhf_tui.tracking.log_pieces import Search
from rlhf_tui.tracking.metric_names import LONGEST, matcher
from rlhf_tui.tracking.patterns import Pattern, TooSlow, pattern
from rlhf_tui.tracking.series import Series
from rlhf_tui.tracking.subjects import Subject

ENDLESS = "(a|aa)+$"
"""Without a bound it would try more ways than there are atoms."""
LINE = "a" * 20_000 + "!"


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given up sooner than for people."""
    monkeypatch.setattr("rlhf_tui.tracking.patterns.MOST_S", 0.05)


@pytest.mark.parametrize("query", ["(a+)+$", ENDLESS, r"(\w+\s?)+:$", "(.*a){30}b"])
def test_an_endless_expression_is_given_up_on_a_long_line(query: str) -> None:
    with pytest.raises(TooSlow) as told:
        pattern(query).search(LINE, 0.02)
    assert query in told.value.message.replace("\\\\", "\\")
    assert "given up" in told.value.message
    assert "repetition" in told.value.hint


def test_the_time_is_that_of_all_texts_together() -> None:
    def for_ever() -> object:
        while True:
            yield "step 1: loss 0.5"

    with pytest.raises(TooSlow):
        pattern("[a-z]+ nan").places(for_ever(), 0.02)  # type: ignore[arg-type]


def test_a_search_of_a_log_that_is_given_up_keeps_what_it_found(
    tmp_path: Path, quickly: None
) -> None:
    log = tmp_path / "log.txt"
    early = "".join(f"step {n}\n" for n in range(20_000))
    log.write_text(f"{early}{LINE}\n{'x' * 200_000}\naaa\n")
    search = Search(log, pattern(ENDLESS), log.stat().st_size)
    search.go()
    assert search.over
    assert "given up" in search.problem
    assert [log.read_bytes()[start:] for start in search.found] == [b"aaa\n"]
    found = list(search.found)
    search.go()
    assert search.found == found


def test_a_name_that_is_asked_for_ever_is_given_up_once(quickly: None) -> None:
    wanted = matcher("(.*a){30}b")
    assert wanted("bad") is False
    assert wanted.problem == ""
    assert not wanted("a" * LONGEST)
    assert "given up" in wanted.problem
    # A name it holds: not looked at any more, by anyone who asks for the same.
    assert not matcher("(.*a){30}b")("a" * 40 + "b")


def test_metrics_are_chosen_or_it_is_said(quickly: None) -> None:
    long = "a" * 300
    subject = Subject("sft-0001", "sft", series={"loss": Series("loss"), long: Series(long)})
    assert metric_names([subject], pattern("^lo")) == ["loss"]
    with pytest.raises(TooSlow):
        metric_names([subject], pattern("(.*a){30}b"))


@given(
    query=st.text(st.sampled_from("ab.*+?()[]|^$\\d"), max_size=6),
    text=st.text(st.sampled_from("abAB1.é "), max_size=8),
)
def test_it_finds_what_python_finds(query: str, text: str) -> None:
    try:
        expected = re.compile(query, re.IGNORECASE)
    except re.error:
        with pytest.raises(re.error):
            Pattern(query, query)
        return
    found = Pattern(query, query)
    assert found.search(text) == (expected.search(text) is not None)
    spans = [m.span() for m in expected.finditer(text) if m.end() > m.start()]
    assert found.spans(text) == spans


def test_marks_of_a_line_that_takes_too_long_are_left_out() -> None:
    assert pattern(ENDLESS).spans("b aa") == [(2, 4)]
    assert pattern(ENDLESS).spans(LINE) == []


@pytest.mark.parametrize("query", ["((a{1000}){1000}){1000}", "(x{99999}){9}", "a{9999999999}"])
def test_what_counts_too_far_is_refused_before_it_takes_all_memory(query: str) -> None:
    with pytest.raises(UsageError, match=r"counts too far|too large|too big"):
        pattern(query)
    with pytest.raises(UsageError):
        matcher(query)


@pytest.mark.parametrize("query", [r"\d{4}-\d\d-\d\d \d{2}:\d{2}:\d{2}", "[0-9a-f]{64}", "a{0,9}b"])
def test_ordinary_counts_are_taken(query: str) -> None:
    text = f"2026-11-20 14:03:59 {'0f' * 32} aab"
    assert pattern(query).search(text)


def test_a_brace_behind_a_backslash_counts_nothing() -> None:
    assert pattern(r"\{9999999: .\}").search("{9999999: 1}")
    with pytest.raises(UsageError, match="counts too far"):
        pattern(r"\\{9999999}")


def test_deep_nesting_is_said() -> None:
    with pytest.raises(UsageError):
        pattern("(" * 5000 + "a" + ")" * 5000)
    with pytest.raises(UsageError, match="cannot be read"):
        matcher("(" * 5000 + "a" + ")" * 5000)
