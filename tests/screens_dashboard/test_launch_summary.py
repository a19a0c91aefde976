"""The short form of what a launch would do."""

from __future__ import annotations

import pytest

from rlhf_tui.hub.messages import Preview
from rlhf_tui.screens.launch_summary import BRIEF, Told, brief_rows
from rlhf_tui.screens.theme import UNICODE


def shown(problem: str, width: int) -> list[str]:
    preview = Preview(device="cpu", models={}, notes=[], problem=problem)
    rows = brief_rows(Told("ppo", preview), width, UNICODE)
    return ["".join(text for text, _ in row) for row in rows]


@pytest.mark.parametrize("width", [60, 76, 200])
def test_what_to_do_about_a_refusal_is_read_in_whole(width: int) -> None:
    problem = "There is no reward model yet. Train one first: rlhf-tui train rm --detach"
    rows = shown(problem, width)
    assert len(rows) == BRIEF
    words = " ".join(" ".join(row[7:] for row in rows).split())
    assert words.endswith(problem)
    assert sum(row.startswith("stop") for row in rows) == 1


def test_a_refusal_longer_than_that_says_that_it_goes_on() -> None:
    assert shown("word " * 100, 60)[-1].endswith("…")


def test_the_rows_of_a_refusal_are_joined_by_a_space() -> None:
    shortest = shown("one two three four five six seven eight nine", 7 + 14)
    assert shortest[1:] == ["stop   one two three", "       four five six…"]
