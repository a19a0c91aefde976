"""Is it worth to choose what to label: the most informative items against the random control.

Choosing is worth it where people meet harder questions among the chosen items than among those
drawn at random. What can be seen without training a model is how often people disagree and how
often they cannot decide. Whether a reward model learns more from them, only a learning curve on
both shares tells.
"""

from __future__ import annotations

import numpy as np

from rlhf_tui.evaluation.between import Meetings
from rlhf_tui.evaluation.intervals import share
from rlhf_tui.evaluation.judged import Judged
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.evaluation.votes import Votes

SHARES = ("informative", "control")
DISAGREE_RULE = (
    "Pairs that both people decided, and differently; both were handed the item for this reason."
)
OPEN_RULE = "Ranked pairs on the same tier, of all ranked pairs; unsure rankings are left out."
UNSURE_RULE = "Judgements marked unsure, of all."


def selection(judged: Judged, votes: Votes, meetings: Meetings) -> list[Figure]:
    """Figures of either share, in pairs; empty where nothing was chosen as informative."""
    if not (judged.selection == SHARES[0]).any():
        return []
    left = judged.selection[meetings.votes.row[meetings.left]]
    right = judged.selection[meetings.votes.row[meetings.right]]
    of_vote = judged.selection[votes.row]
    found = []
    for name in SHARES:
        met = meetings.decided & (left == name) & (right == name)
        found.append(
            share(
                f"{name}: people disagree", ~meetings.agreed[met], meetings.item[met], DISAGREE_RULE
            )
        )
    if judged.kind == "rank":
        for name in SHARES:
            mine = of_vote == name
            found.append(
                share(f"{name}: ties", votes.value[mine] == 0, votes.item[mine], OPEN_RULE)
            )
    for name in SHARES:
        rows = judged.selection == name
        found.append(share(f"{name}: unsure", judged.unsure[rows], judged.item[rows], UNSURE_RULE))
    return found


def verdict(figures: list[Figure]) -> str:
    """What the two shares say, as a sentence; empty where nothing was chosen."""
    by_name = {figure.name: figure for figure in figures}
    chosen, control = (by_name.get(f"{name}: people disagree") for name in SHARES)
    if chosen is None or control is None:
        return ""
    if chosen.low is None or chosen.high is None or control.low is None or control.high is None:
        return (
            "Whether choosing informative items is worth it cannot be told yet: it takes items of "
            "both shares that two people judged."
        )
    if np.maximum(chosen.low, control.low) <= np.minimum(chosen.high, control.high):
        return (
            "No difference is seen yet between informative items and the random control: their "
            "intervals of disagreement overlap."
        )
    if chosen.low > control.high:
        return "People disagree more on informative items than on the random control."
    return "People disagree less on informative items than on the random control."
