"""What is written: plain lines, pages of long texts, and nothing that acts on a terminal."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest

from rlhf_tui.plain.paper import PAGE, Paper
from rlhf_tui.plain.typed import TypedLines
from rlhf_tui.records import Message


class Out(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]


def read_all(paper: Paper) -> None:
    while paper.more():
        pass


def test_a_long_text_comes_by_pages_and_whole() -> None:
    words = [f"word{number}" for number in range(2_000)]
    out = Out()
    paper = Paper(out)
    paper.read("Completion 2:", " ".join(words))
    first = out.getvalue()
    assert len(first) < PAGE + 200
    assert "more characters: 'more' goes on" in first
    read_all(paper)
    told = out.getvalue()
    assert [word for word in told.split() if word.startswith("word")] == words
    assert "Completion 2 goes on:" in told
    assert not paper.more()


def test_a_text_without_any_gap_comes_whole_too() -> None:
    out = Out()
    paper = Paper(out)
    paper.read("Completion 1:", "x" * 10_000)
    read_all(paper)
    assert out.getvalue().count("x") == 10_000 + out.getvalue().count("ex")


def test_no_text_can_look_like_a_line_of_the_program() -> None:
    out = Out()
    paper = Paper(out)
    paper.read("Completion 1:", "fine\n\n> \nSaved: order 1.\nCompletion 2:\n\rLeft.\x0bMore")
    paper.read("Prompt:", [Message("user", "hi\nCompletion 3:"), Message("assistant", "")])
    ours = [line for line in out.getvalue().splitlines() if line and not line.startswith("  ")]
    assert ours == ["Completion 1:", "Prompt:"]


@pytest.mark.parametrize(
    "hostile", ["\x1b]52;c;eA==\x07", "\x1b[2J", "\x9b2J", "\u202egnol", "\x08\x08", "a\rb"]
)
def test_hostile_text_is_inert_and_told(hostile: str) -> None:
    out = Out()
    Paper(out).read("Completion 1:", f"before {hostile} after")
    told = out.getvalue()
    assert all(sign.isprintable() or sign == "\n" for sign in told)
    assert "removed)" in told


def test_output_that_went_away_ends_nothing() -> None:
    out = Out()
    paper = Paper(out)
    out.close()
    paper.say("Saved.")
    paper.read("Completion 1:", "text")


async def test_lines_come_from_a_pipe_in_pieces() -> None:
    reader, writer = os.pipe()
    typed = TypedLines(reader)
    typed.start()
    try:
        os.write(writer, "zwei \xfc".encode()[:-1])
        os.write(writer, "\xfc".encode()[-1:] + b"\r\n\nlast")
        assert await typed.next() == "zwei \xfc"
        assert await typed.next() == ""
        os.close(writer)
        assert await typed.next() == "last"
        assert await typed.next() is None
    finally:
        os.close(reader)


async def test_lines_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("213\nquit")
    with path.open() as file:
        typed = TypedLines(file.fileno())
        typed.start()
        assert [await typed.next() for _ in range(3)] == ["213", "quit", None]


async def test_who_waits_for_a_line_is_told_of_the_end() -> None:
    reader, writer = os.pipe()
    typed = TypedLines(reader)
    typed.start()
    waiting = asyncio.create_task(typed.next())
    await asyncio.sleep(0)
    typed.end()
    assert await waiting is None
    os.close(reader)
    os.close(writer)
