"""Judgements in words: never by a sign or a colour alone."""

from __future__ import annotations

import re
from collections.abc import Callable

from rlhf_tui.errors import FREE_SPACE
from rlhf_tui.screens.label_state import RankState

STRENGTHS = ("", "slightly better", "better", "clearly better", "much better")
"""By the Event's strength, 1 to 4."""


def preference(state: RankState) -> str:
    """How much better the first of a pair is; before a pick, how much it will be."""
    if state.strength is not None:
        return STRENGTHS[state.strength]
    if state.size == 2 and state.leaning and not state.groups and not state.unsure:
        return f"({STRENGTHS[state.leaning]})"
    return ""


def thumb_word(thumb: bool | None) -> str:
    """A sign and a word for a thumb; empty without one."""
    return "" if thumb is None else "+ good" if thumb else "- bad"


def with_keys(sentence: str, key: Callable[[str], str]) -> str:
    """A sentence of the state with the keys as the person has them, in the place of their ids."""
    return re.sub(r"\{([a-z.-]+)\}", lambda id: key(id[1]), sentence)


def disk_is_full(trouble: str) -> bool:
    """Whether a sentence of the hub tells of a full disk."""
    return FREE_SPACE in trouble


FULL = "The disk of the workspace is full: judgements are kept on this machine."
"""In the row of the judgement, of each item that comes while it is so."""


def why_local(trouble: str, root: str) -> str:
    """Why judgements do not reach the store, where they are meanwhile, and what to do.

    Args:
        trouble: what the hub said.
        root: the workspace's directory.
    """
    if not disk_is_full(trouble):
        return f"{trouble} Judgements are kept on this machine until the hub takes them."
    return (
        "The disk of the workspace is full. Judgements are kept on this machine, and go to the "
        f"store by themselves once there is room: free some space on the disk of {root}, or tell "
        "its owner."
    )
