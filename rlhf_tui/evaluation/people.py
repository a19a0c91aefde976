"""The figures of each person, and of those what the person may be told."""

from __future__ import annotations

import msgspec
import numpy as np

from rlhf_tui.evaluation import bias, pace
from rlhf_tui.evaluation.between import RAW_RULE, Meetings
from rlhf_tui.evaluation.intervals import share
from rlhf_tui.evaluation.judged import Array, Judged
from rlhf_tui.evaluation.report import AnnotatorStats, Figure
from rlhf_tui.evaluation.votes import Votes, together
from rlhf_tui.evaluation.worked import WHOLE, Facts

GOLD_RULE = {
    "rank": "Pairs that the known answer orders and the person ranked; a tie counts as wrong.",
    "thumbs": "Completions with a known answer that the person gave a thumb.",
}
REPEAT_RULE = {
    "rank": "Pairs decided both times; ties, unranked and unsure are left out.",
    "thumbs": "Completions given a thumb both times.",
}


class Again:
    """Votes of one person on one question, asked once more.

    Attributes:
        row: [m] the judgement that repeats.
        same: [m] bool: the same answer.
        item, annotator: [m].
    """

    def __init__(self, judged: Judged, votes: Votes) -> None:
        votes = votes.where(votes.decided)
        order = np.lexsort((votes.row, judged.repeat[votes.row], votes.question, votes.annotator))
        votes = votes.where(order)
        person = votes.annotator.astype(np.int64)
        change = (np.diff(person) != 0) | (np.diff(votes.question) != 0)
        left, right = together(np.concatenate([[0], np.cumsum(change)]) if len(votes) else person)
        asked = ~judged.repeat[votes.row[left]] & judged.repeat[votes.row[right]]
        left, right = left[asked], right[asked]
        self.row: Array = votes.row[right]
        self.same: Array = votes.value[left] == votes.value[right]
        self.item: Array = votes.item[left]
        self.annotator: Array = votes.annotator[left]


def people(
    judged: Judged,
    votes: Votes,
    meetings: Meetings,
    reliability: dict[str, float],
    facts: Facts,
) -> tuple[list[AnnotatorStats], dict[str, AnnotatorStats]]:
    """The figures of everyone, and by name what each person is told of their own."""
    again = Again(judged, votes)
    once = votes.where(~judged.repeat[votes.row])
    known = votes.where((votes.gold != 0) & ~judged.repeat[votes.row])
    everyone = []
    own = {}
    names = sorted({*judged.names, *facts.skipped, *facts.flagged})
    for name in names:
        who = judged.names.index(name) if name in judged.names else -1
        mine = once.where(once.annotator == who)
        rated = judged.kind == "rank"
        stats = AnnotatorStats(
            annotator=name,
            skipped=facts.skipped.get(name, 0),
            flagged=facts.flagged.get(name, 0),
            others=_others(judged, meetings, who),
            gold=_gold(judged, known, who),
            self_consistency=_consistency(judged, again, who),
            first_shown=bias.first_shown(mine) if rated else None,
            longer=bias.longer(mine, judged.unit) if rated else None,
            reliability=reliability.get(name),
            kind="ai" if name in facts.ai else "human",
        )
        pace.fill(stats, judged, judged.annotator == who)
        everyone.append(stats)
        whole = mine.where(_in_whole(mine.row, WHOLE))
        told = {
            "others": _others(judged, meetings, who, whole=WHOLE),
            "first_shown": bias.first_shown(whole) if rated else None,
            "longer": bias.longer(whole, judged.unit) if rated else None,
            "gold": _gold(judged, known, who, whole=WHOLE),
            "self_consistency": _consistency(judged, again, who, whole=WHOLE),
        }
        own[name] = msgspec.structs.replace(stats, **told)
        if stats.reliability is not None:
            # It moves with nearly everything that others judged too, and with nothing else.
            own[name].reliability = round(stats.reliability, 1)
    return everyone, own


def _in_whole(rows: Array, whole: int) -> Array:
    """[n] bool: cases of the earliest judgements, as many whole tens of them as there are."""
    judgements = np.unique(rows)
    kept = judgements[: len(judgements) // whole * whole]
    return np.isin(rows, kept)


def _others(judged: Judged, meetings: Meetings, who: int, whole: int = 1) -> Figure:
    left, right = meetings.left, meetings.right
    first = meetings.votes.annotator[left] == who
    mine = first | (meetings.votes.annotator[right] == who)
    row = meetings.votes.row[np.where(first, left, right)]
    mine[mine] = _in_whole(row[mine], whole)
    return meetings.raw("with others", mine, RAW_RULE[judged.kind])


def _gold(judged: Judged, known: Votes, who: int, whole: int = 1) -> Figure:
    mine = known.where(known.annotator == who)
    mine = mine.where(_in_whole(mine.row, whole))
    return share(
        "against known answers", mine.value == mine.gold, mine.item, GOLD_RULE[judged.kind]
    )


def _consistency(judged: Judged, again: Again, who: int, whole: int = 1) -> Figure:
    mine = again.annotator == who
    told = _in_whole(again.row[mine], whole)
    return share(
        "with themselves",
        again.same[mine][told],
        again.item[mine][told],
        REPEAT_RULE[judged.kind],
    )
