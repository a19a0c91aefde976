"""Pastes: what is in them never acts as keys, and what is typed comes as it was typed."""

from __future__ import annotations

import random

import pytest
from textual import events

from rlhf_tui.screens.pasting import END, START, PasteFilter, PasteSafeParser

COLOURED = "loss \x1b[31m0.5\x1b[0m\x07\rs\r1\x1b]0;title\x07\t\x1b]8;;http://x\x1b\\link\x1b"
AS_TEXT = "loss 0.5\rs\r1\tlink"


def heard(pieces: list[str]) -> list[str]:
    """What the program hears: keys by name, pastes by their text."""
    parser = PasteSafeParser()
    told = []
    for piece in pieces:
        for message in parser.feed(piece):
            if isinstance(message, events.Paste):
                told.append(f"paste {message.text!r}")
            elif isinstance(message, events.Key):
                told.append(message.key)
    return told


def cut(text: str, seed: int) -> list[str]:
    """The text in pieces, as a slow line brings it."""
    rng, pieces = random.Random(seed), []
    while text:
        length = rng.choice([1, 1, 2, 3, 5, 40])
        pieces.append(text[:length])
        text = text[length:]
    return pieces


@pytest.mark.parametrize("seed", range(40))
def test_a_paste_with_escape_sequences_is_one_paste_wherever_it_is_cut(seed: int) -> None:
    typed = f"a\x1b[A{START}{COLOURED}{END}b{START}two{END}{START}{END}\x1b[Bc"
    expected = ["a", "up", f"paste {AS_TEXT!r}", "b", "paste 'two'", "paste ''", "down", "c"]
    assert heard([typed] if seed == 0 else cut(typed, seed)) == expected


def test_what_is_typed_passes_unchanged_and_at_once() -> None:
    keys = PasteFilter()
    for piece in ("a", "\x1b", "[", "A", "\x1b[200", "é", "\x1b[<0;3;4M", "\x03", "ab\x1b[B"):
        assert keys.passed(piece) == piece


def test_a_mark_in_a_paste_ends_it_once() -> None:
    assert heard([f"{START}x{START}y{END}z"]) == ["paste 'xy'", "z"]
