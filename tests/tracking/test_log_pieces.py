"""Reading a long log in pieces, and searching all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.log_pieces import Search, after, before
from rlhf_tui.tracking.log_tail import Line
from rlhf_tui.tracking.patterns import pattern


def long_log(path: Path, lines: int) -> Path:
    path.write_text("".join(f"line {n}\n" for n in range(lines)))
    return path


@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8")), max_size=30),
    more=st.integers(0, 60),
)
def test_pieces_back_and_forth_make_the_whole_log(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], more: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "pieces.txt"
    path.write_text("".join(f"{text}\n" for text in texts))
    size = 2 * max((len(text.encode()) + 1 for text in texts), default=1) + more
    end, back = path.stat().st_size, list[Line]()
    while piece := before(path, end, size):
        back = [*piece, *back]
        end = piece[0].start
    start, forth = 0, list[Line]()
    while start < path.stat().st_size:
        piece, start = after(path, start, size)
        forth += piece
    assert [line.text for line in back] == texts
    assert forth == back


def test_a_search_finds_what_lies_before_the_end_of_the_log(tmp_path: Path) -> None:
    path = long_log(tmp_path / "log.txt", 200_000)
    search = Search(path, pattern("line 4711\\b"), path.stat().st_size)
    search.go()
    assert search.over
    [start] = search.found
    assert path.read_bytes()[start:].startswith(b"line 4711\n")


def test_a_search_is_bounded_and_goes_on(tmp_path: Path) -> None:
    path = long_log(tmp_path / "log.txt", 200_000)
    search = Search(path, pattern("LINE 1\\d\\d$"), path.stat().st_size)
    search.go(most_bytes=300_000)
    assert not search.over
    assert 0 < search.share < 0.5
    assert search.found == []
    search.go()
    assert len(search.found) == 100
    assert search.found == sorted(search.found)
    assert search.share == 1.0


def test_a_log_that_was_cut_short_or_is_gone(tmp_path: Path) -> None:
    path = long_log(tmp_path / "log.txt", 1000)
    size = path.stat().st_size
    search = Search(path, pattern("line"), size)
    path.write_text("anew\n")
    search.go()
    assert search.over
    assert search.found == []
    path.unlink()
    assert before(path, size) == []
    assert after(path, 0) == ([], 0)


def test_one_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"x" * 1_000_000 + b" needle " + b"y" * 1_000_000)
    search = Search(path, pattern("needle"), path.stat().st_size)
    search.go()
    assert search.over
    assert len(search.found) == 1


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("loss (nan)", "step 3: Loss (NaN)"),
        ("loss|kl", "the KL"),
        ("a.c", "abc"),
        ("c++", "c++ compiler"),
        ("[info]", "[INFO] begun"),
    ],
)
def test_text_and_regular_expressions(query: str, text: str) -> None:
    assert pattern(query).search(text)


@pytest.mark.parametrize("query", ["(", "*x", "[a"])
def test_a_broken_expression_is_said(query: str) -> None:
    with pytest.raises(UsageError) as told:
        pattern(query)
    assert query in told.value.message
    assert "backslash" in told.value.hint
