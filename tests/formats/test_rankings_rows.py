"""Rows of a rankings file that nobody can have judged."""

from __future__ import annotations

from typing import Any

import pytest

from rlhf_tui.formats.base import BadRow, Import
from rlhf_tui.formats.rankings import FORMAT
from rlhf_tui.records import Annotator

GOOD: dict[str, Any] = {
    "event_id": "e-1",
    "kind": "judge",
    "task_id": "t-1",
    "annotator": "ann",
    "task": {"kind": "rank", "completion_ids": ["c-1", "c-2"]},
    "prompt_id": "p-1",
    "prompt_text": "A prompt",
    "split": "train",
    "completions": [
        {"completion_id": "c-1", "text": " one"},
        {"completion_id": "c-2", "text": " two"},
    ],
    "shown": ["c-2", "c-1"],
    "tiers": [1, None],
}
BAD: dict[str, dict[str, Any]] = {
    "a lease is no judgement": {"kind": "lease"},
    "not those of the task": {"completions": GOOD["completions"][:1]},
    "not of the task": {"shown": ["c-2", "c-9"]},
    "a completion twice": {"shown": ["c-2", "c-2"]},
    "3 tiers for 2": {"tiers": [1, 2, 3]},
    "1 thumbs for 2": {"thumbs": [True]},
    "tiers go from 1": {"tiers": [0, 1]},
    "best\\) to 9": {"tiers": [1, 2**40]},
    "cannot have 1 completions": {"task": {"kind": "rank", "completion_ids": ["c-1"]}},
    "cannot have 2 completions": {"task": {"kind": "thumbs", "completion_ids": ["c-1", "c-2"]}},
}


@pytest.mark.parametrize("reason", BAD)
def test_a_row_that_nobody_can_have_judged_is_rejected(reason: str) -> None:
    context = Import("file", Annotator("ann"))
    assert FORMAT.convert(GOOD, context).events[0].tiers == [1, None]
    with pytest.raises(BadRow, match=reason):
        FORMAT.convert(GOOD | BAD[reason], context)
