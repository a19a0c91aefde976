"""Numbers of things in sentences."""

from __future__ import annotations

from rlhf_tui.counting import count


def test_one_is_one_and_all_others_are_several() -> None:
    assert [count(n, "row") for n in (0, 1, 2, 1204)] == ["0 rows", "1 row", "2 rows", "1,204 rows"]
    assert [count(n, "person", "people") for n in (1, 3)] == ["1 person", "3 people"]
