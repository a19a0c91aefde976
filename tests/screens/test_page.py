"""Texts laid out in lines: widths of scripts, wrapping, Markdown, maths, and search in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, split_graphemes

from rlhf_tui.records import Message
from rlhf_tui.screens.widgets.conversation import answer_line, prompt_view
from rlhf_tui.screens.widgets.page import Page, Pages, wrap
from rlhf_tui.screens.widgets.search import find
from rlhf_tui.screens.widgets.text import renderable

WIDTHS = {
    "latin": ("naïve", 5),
    "combining": ("e\u0301a\u0308", 2),
    "han": ("中文字符", 8),
    "full width": ("Ａｂ１", 6),
    "kana with marks": ("か\u3099", 2),
    "hangul": ("한국어", 6),
    "hangul jamo": ("\u1112\u1161\u11ab", 2),
    "emoji": ("😀", 2),
    "family": ("👨\u200d👩\u200d👧\u200d👦", 2),
    "skin tone": ("👍🏽", 2),
    "flag": ("🇩🇪", 2),
    "rainbow flag": ("🏳\ufe0f\u200d🌈", 2),
    "keycap": ("1\ufe0f\u20e3", 2),
    "emoji style": ("❤\ufe0f", 2),
    "text style": ("❤\ufe0e", 1),
    "arabic": ("مرحبا", 5),
    "hebrew with points": ("שָׁלוֹם", 4),
    "thai": ("สวัสดี", 4),
    "devanagari": ("नमस्ते", 4),
    "zero width joiner in persian": ("می\u200cخواهم", 7),
}


def lines(text: str, width: int = 40, *, markdown: bool = True) -> list[str]:
    return Page(renderable(text, markdown=markdown)).plain(width)


@pytest.mark.parametrize(("text", "width"), WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("markdown", [True, False])
def test_the_widths_of_scripts(text: str, width: int, markdown: bool) -> None:
    assert cell_len(text) == width
    assert [cell_len(line) for line in lines(text, markdown=markdown)] == [width]


@pytest.mark.parametrize("text", [text for text, _ in WIDTHS.values()], ids=WIDTHS)
@pytest.mark.parametrize("width", [2, 3, 5, 8])
def test_wrapping_breaks_no_picture_apart(text: str, width: int) -> None:
    whole = text * 7
    wrapped = wrap(whole, width)
    assert "".join(wrapped) == whole
    assert all(cell_len(line) <= width for line in wrapped)
    starts = {start for start, _, _ in split_graphemes(whole)[0]}
    at = 0
    for line in wrapped:
        assert at in starts
        at += len(line)


def test_flags_stay_whole_where_a_line_has_an_odd_number_of_cells() -> None:
    assert wrap("🇩🇪🇫🇷🇮🇹", 3) == ["🇩🇪", "🇫🇷", "🇮🇹"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.integers(2, 50))
def test_no_line_is_wider_than_it_may_be(text: str, width: int) -> None:
    for line in lines(text, width, markdown=False):
        assert cell_len(line) <= max(width, 2)


MATHS = {
    "dollars": r"so $a_1 * b_1 * c$ and **bold**",
    "brackets": r"so \(x_i \cdot y_i\) and **bold**",
    "display": r"**so** \[ \sum_{i} x_i * y_i * z \] end",
    "unclosed": r"**so** \( x_1 and \[ y",
    "ampersands": r"**so** $a &lt; b$",
    "braces": r"**so** $\{1, 2\}$ and $\$5$",
}


@pytest.mark.parametrize("text", MATHS.values(), ids=MATHS)
def test_maths_stays_as_it_was_written(text: str) -> None:
    assert lines(text, 200) == [text.replace("**", "")]


@pytest.mark.parametrize(
    "block",
    [
        "$$\n\\frac{a}{b} \\\\\n= 3\n- x_1 y_1\n$$",
        "\\[\nx_1\n===\ny_1\n\\]",
        "\\begin{align}\na &= b_1 \\\\\n# c\n\\end{align}",
    ],
)
@pytest.mark.parametrize("before", ["**So**\n\n", "**So**\n"])
def test_a_formula_of_several_lines_keeps_its_lines(block: str, before: str) -> None:
    shown = "\n".join(line for line in lines(before + block + "\n\nend") if line)
    assert shown == f"So\n{block}\nend"


def test_a_formula_in_a_list() -> None:
    shown = lines("- one\n\n  $$\n  a_1 \\\\\n  b_1\n  $$\n- two")
    assert [line.strip() for line in shown if line.strip()] == [
        "• one", "$$", "a_1 \\\\", "b_1", "$$", "• two",
    ]  # fmt: skip


def test_money_is_not_maths() -> None:
    assert lines("**It** costs $5 and *maybe* $6.") == ["It costs $5 and maybe $6."]


def test_code_lists_and_tables() -> None:
    text = "- a\n- b\n\n```python\ndef f():\n    return 1\n```\n\n| x | y |\n|---|---|\n| 1 | 2 |"
    shown = [line.rstrip() for line in lines(text)]
    assert shown[0] == " • a"
    assert "  def f():" in shown
    assert "      return 1" in shown
    assert any(line.split() == ["1", "2"] for line in shown)


def test_code_has_weight_without_colours_and_colours_with_them() -> None:
    text = "```python\ndef f(): return 1\n```"
    styles = {}
    for theme in ("ansi_dark", "ansi_light", "bw"):
        page = Page(renderable(text, markdown=True, code_theme=theme))
        segments = [one for line in page.lines(40) if not isinstance(line, str) for one in line]
        styles[theme] = [one.style for one in segments if one.style]
    assert any(style.color for style in styles["ansi_dark"])
    assert any(style.color for style in styles["ansi_light"])
    assert any(style.bold for style in styles["bw"])
    for found in styles.values():
        assert not any(style.bgcolor for style in found)
    assert not any(style.color for style in styles["bw"])


def test_images_and_line_breaks_are_written_out() -> None:
    assert lines("**a**\nb ![c](http://d.e)") == ["a", "b ![c](http://d.e)"]


def test_the_turn_to_be_answered_is_found() -> None:
    turns = [Message("user", "Hello\nthere"), Message("assistant", "# Yes\n\n- one"),
             Message("user", "Why?")]  # fmt: skip
    page = Page(prompt_view(turns, markdown=True))
    shown = page.plain(40)
    at = answer_line(page, 40)
    assert shown[at].strip() == "[3] User, to be answered"
    assert shown[at + 1].strip() == "Why?"
    assert [line for line in shown if line.startswith("[")] == [
        "[1] User", "[2] Assistant", "[3] User, to be answered",
    ]  # fmt: skip


def test_pages_are_kept_and_the_oldest_go() -> None:
    pages = Pages()
    first = pages.get("a", lambda: renderable("a", markdown=False))
    assert pages.get("a", lambda: renderable("b", markdown=False)) is first
    for number in range(200):
        pages.get(number, lambda: renderable("b", markdown=False))
    assert pages.get("a", lambda: renderable("a", markdown=False)) is not first


def texts_found(shown: list[str], width: int, query: str) -> list[str]:
    return [
        "".join(shown[line][start:end] for line, start, end in hit.spans)
        for hit in find(shown, width, query)
    ]


def test_search_ignores_case_unless_there_is_a_capital() -> None:
    shown = ["The cat and THE dog", "the end"]
    assert texts_found(shown, 20, "the") == ["The", "THE", "the"]
    assert texts_found(shown, 20, "The") == ["The"]


def test_search_is_literal() -> None:
    assert texts_found(["a.b axb [x] (y"], 20, "a.b") == ["a.b"]
    assert texts_found(["a.b axb [x] (y"], 20, "[x] (") == ["[x] ("]
    assert texts_found(["a.b"], 20, "  ") == []


def test_search_finds_what_is_wrapped() -> None:
    text = "some words that go over the end of a line"
    shown = wrap(text, 12)
    assert len(shown) > 3
    assert texts_found(shown, 12, "words that go over") == ["wordsthat go over"]
    chinese = wrap("中文很长的一段没有空格的文字", 8)
    assert texts_found(chinese, 8, "一段没有空格") == ["一段没有空格"]
    # A line that ended by itself is the end of a word.
    assert texts_found(["foo", "bar"], 20, "foobar") == []
    assert texts_found(["foo", "bar"], 20, "foo bar") == ["foobar"]


def test_search_in_a_list_goes_over_its_indent() -> None:
    shown = lines("- one long item of a list that wraps\n- two", 16)
    assert texts_found(shown, 16, "long item of a list that") == ["long itemof a listthat"]
