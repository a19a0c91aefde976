"""Labelling in windows of every size, and in one that changes in the middle of a judgement."""

from __future__ import annotations

import re

import pytest
from helpers import Cli, wait_until
from helpers.desk import Desk, bring_in, exported
from helpers.terminals import LOOK_S, PATIENCE_S, Terminals

from rlhf_tui.workspace import Workspace

SIZES = [(60, 20), (80, 24), (120, 30), (200, 60)]
WORDS = ("good", "bad", "middling", "odd")


def film(number: int) -> str:
    return f"Film number {number} is"


def seen_whole(desk: Desk, prompt: str, number: int, size: tuple[int, int]) -> None:
    """All of the item and of the rows around it is on the screen, and nothing is cut."""
    wide = size[0] >= 80
    counts = rf"{number} yours . {len(SIZES) - number} open" if wide else rf"{number}/{len(SIZES)} "
    desk.at(prompt)
    desk.place_of([f" {word} {number}." for word in WORDS])
    for pattern in (counts, r"q leave *$", r"1-9 pick"):
        desk.sees(f"(?m){pattern}")
    lines = desk.pane.screen.splitlines()
    assert len(lines) <= size[1]
    assert max(map(len, lines)) <= size[0]
    assert re.search(r"\S (ready|saved|saving\S*) *$", lines[0])


@pytest.mark.parametrize("sizes", [SIZES, SIZES[::-1]], ids=["growing", "shrinking"])
def test_a_window_that_changes_keeps_what_is_marked(
    cli: Cli, workspace: Workspace, screens: Terminals, sizes: list[tuple[int, int]]
) -> None:
    bring_in(cli, {film(n): [f" {word} {n}." for word in WORDS] for n in range(len(SIZES))})
    desk = Desk(screens, workspace, size=sizes[0])
    for number, size in enumerate(sizes):
        seen_whole(desk, film(number), number, size)
        desk.press("3", "1")
        desk.sees("3 . 1  ")
        after = sizes[(number + 1) % len(sizes)]
        desk.pane.resize(*after)
        seen_whole(desk, film(number), number, after)
        desk.sees("3 . 1  ")
        desk.sees(r"\b1st\b")
        desk.press("2", "Enter")
    wait_until(lambda: "All is ranked" in desk.pane.screen, PATIENCE_S, "the end", LOOK_S)
    desk.leave()
    rows = exported(cli, "rankings")
    assert [row["prompt_text"] for row in rows] == [film(n) for n in range(len(SIZES))]
    assert all(row["tiers"] == [2, 3, 1, 4] for row in rows)
