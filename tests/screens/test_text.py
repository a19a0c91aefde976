"""Untrusted text: whatever a model wrote, the terminal only ever draws it."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rlhf_tui.screens.widgets.text import MAX_SHOWN, clean, looks_like_markdown, renderable

HOSTILE = {
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "clipboard in C1": "\x9d52;c;cm0gLXJmIC8=\x9c",
    "clear screen": "\x1b[2J\x1b[H",
    "title": "\x1b]0;rooted\x07",
    "link": "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "private mode": "\x1b[?1049l\x1b[?25h",
    "device query": "\x1b[c\x1b[6n\x05",
    "one-byte CSI": "\x9b31m",
    "carriage return": "good\rbad",
    "backspace": "bad\b\b\bgood",
    "shift out": "\x0e\x0f",
    "bidi override": "user\u202etxt.exe",
    "bidi isolate": "\u2066a\u2069",
    "line separator": "a\u2028b",
    "tag characters": "hi\U000e0041\U000e0042",
    "half a surrogate": "a\ud800b",
    "nul": "a\x00b",
    "delete": "a\x7fb",
    "character reference to an override": "**b** &#8238; evil",
    "character reference to a CSI": "**b** &#155;31m &#27;[2J",
    "textual action": "[@click=app.quit]here[/]",
    "broken markup": "[/b] [bold",
    "markdown link": "[x](javascript:alert(1)) <http://a.b>",
    "html": "**b** <script>x</script>\n<!-- hidden -->\n<div>also hidden</div>",
}
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def drawn(text: str, *, markdown: bool = True) -> str:
    """What reaches the terminal, without the colours that we put in ourselves."""
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=False, color_system=None)
    console.print(renderable(text, markdown=markdown))
    return file.getvalue()


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_that_acts_is_drawn(text: str, markdown: bool) -> None:
    assert not CONTROL.search(drawn(text, markdown=markdown))


def test_what_was_taken_out_is_told() -> None:
    assert "1 control character removed" in drawn("a\x07b")
    assert "2 control characters removed" in drawn("a\x1b[0m\x07b")
    assert "removed" not in drawn("a\tb\nc\r\nd")


def test_html_and_links_are_shown_not_hidden() -> None:
    text = drawn("**b** <script>x</script> <!-- hidden --> [here](http://a.b/c)")
    for part in ("<script>x</script>", "<!-- hidden -->", "http://a.b/c"):
        assert part in text


def test_markup_is_text() -> None:
    for text in ("[@click=app.quit]here[/]", "[/b]", "[bold red]x"):
        assert text in drawn(text)


def test_plain_prose_keeps_its_lines() -> None:
    prose = "First line\nsecond line\n\n    indented"
    assert not looks_like_markdown(prose)
    assert "First line\nsecond line" in drawn(prose)


@pytest.mark.parametrize("text", ["# Title", "- item", "1. one", "a **b** c", "`x`", "```\nx\n```"])
def test_markdown_is_recognised(text: str) -> None:
    assert looks_like_markdown(text)


def test_markdown_as_written() -> None:
    assert "**b**" in drawn("a **b**", markdown=False)
    assert "**b**" not in drawn("a **b**")


def test_empty_and_blank_texts_say_so() -> None:
    assert "(empty)" in drawn("")
    assert "(blank)" in drawn(" \n ")


def test_a_huge_text_is_cut_and_says_so() -> None:
    assert "5 more characters not shown" in drawn("a" * (MAX_SHOWN + 5))


def test_an_ascii_terminal_gets_ascii() -> None:
    assert clean("naïve – ok", encoding="ascii").text == "na?ve ? ok"


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_any_text_is_drawn_without_control_characters(text: str) -> None:
    assert not CONTROL.search(clean(text).text)


def test_a_completion_keeps_its_lines_and_a_document_flows() -> None:
    text = "**Rules**\n\nTwo words\nof one paragraph."
    for flow, expected in ((False, "Two words\nof one"), (True, "Two words of one paragraph.")):
        console = Console(file=io.StringIO(), width=60)
        console.print(renderable(text, markdown=True, flow=flow))
        drawn = "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())  # type: ignore[attr-defined]
        assert expected in drawn
