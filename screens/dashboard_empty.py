"""What a pane says that has nothing to show: that it comes yet, or that it never will."""

from __future__ import annotations

from rlhf_tui.hub.messages import RunInfo

ENDED = ("finished", "stopped", "failed")


def why_empty(info: RunInfo, what: str, comes: str = "", problem: str = "") -> str:
    """A sentence on what is missing.

    Args:
        what: `samples`, say.
        comes: when a run that has not ended writes it, as a sentence.
        problem: why its files cannot be read: then nothing is known of what it left.
    """
    if problem:
        return problem
    if info.kind == "log":
        return f"Another program wrote this: no {what}."
    if info.state in ENDED:
        return f"This run left no {what}."
    return f"No {what} yet{f': {comes}' if comes else '.'}"
