"""Which runs a list holds that has room for fewer than there are."""

from __future__ import annotations

from rlhf_tui.hub.launching import within
from rlhf_tui.store.write import RunRow

NEWEST_FIRST = [
    RunRow(f"sft-{number:04}", "sft", state)
    for number, state in enumerate(["finished", "queued", "failed", "finished", "running"])
][::-1]


def names(rows: list[RunRow]) -> list[str]:
    return [row.run_id[-1] for row in rows]


def test_the_oldest_that_have_ended_are_left_out_first() -> None:
    assert names(within(NEWEST_FIRST, 5)) == ["4", "3", "2", "1", "0"]
    assert names(within(NEWEST_FIRST, 4)) == ["4", "3", "2", "1"]
    assert names(within(NEWEST_FIRST, 3)) == ["4", "3", "1"]
    assert names(within(NEWEST_FIRST, 2)) == ["4", "1"]
    assert names(within(NEWEST_FIRST, 1)) == ["4"]
