"""A pane without anything to show says why."""

from __future__ import annotations

import pytest

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.dashboard_empty import why_empty


@pytest.mark.parametrize(
    ("kind", "state", "told"),
    [
        ("ppo", "running", "No samples yet: at every evaluation."),
        ("ppo", "queued", "No samples yet: at every evaluation."),
        ("ppo", "failed", "This run left no samples."),
        ("log", "running", "Another program wrote this: no samples."),
    ],
)
def test_why_empty(kind: str, state: str, told: str) -> None:
    info = RunInfo("one", kind, state, "", "/one", 0)  # type: ignore[arg-type]
    assert why_empty(info, "samples", "at every evaluation.") == told
