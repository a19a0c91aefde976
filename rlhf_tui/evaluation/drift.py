"""Drift: the figures of one stretch of time after another.

Stretches are days, weeks or blocks of four weeks of this machine's calendar, the shortest of which
there are at most 31. An agreement belongs to the stretch of the later of its two judgements.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from rlhf_tui.evaluation.between import Meetings
from rlhf_tui.evaluation.judged import Array, Judged
from rlhf_tui.evaluation.pace import HOUR_MS, median_ms
from rlhf_tui.evaluation.report import Period
from rlhf_tui.evaluation.votes import Votes

DAY_MS = 24 * HOUR_MS
STRETCHES_MS = (DAY_MS, 7 * DAY_MS, 28 * DAY_MS)
MOST = 31


def periods(judged: Judged, once: Votes, meetings: Meetings) -> list[Period]:
    """The stretches that hold a judgement with a time, oldest first.

    Args:
        once: votes without repeats.
    """
    dated = judged.created_ms > 0
    if not dated.any():
        return []
    begin = _midnight(int(judged.created_ms[dated].min()))
    last = int(judged.created_ms.max())
    fitting = [length for length in STRETCHES_MS if (last - begin) // length < MOST]
    length = fitting[0] if fitting else STRETCHES_MS[-1]
    number = np.where(dated, (judged.created_ms - begin) // length, -1)
    later = np.maximum(
        number[meetings.votes.row[meetings.left]], number[meetings.votes.row[meetings.right]]
    )
    pairs = once.where(once.decided & (once.shown != 0))
    first = pairs.value == pairs.shown
    known = np.isfinite(pairs.longer) & (pairs.longer != 0)
    longer = np.sign(pairs.longer) == pairs.value
    of_pair = number[pairs.row]
    found = []
    for stretch in np.unique(number[dated])[-MOST:].tolist():
        within = number == stretch
        now = of_pair == stretch
        found.append(
            Period(
                start_ms=begin + stretch * length,
                judgements=int(within.sum()),
                agreement=_mean(meetings.agreed[meetings.decided & (later == stretch)]),
                first_shown=_mean(first[now]),
                longer=_mean(longer[now & known]),
                median_active_ms=median_ms(judged.active_ms[within]),
            )
        )
    return found


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _midnight(milliseconds: int) -> int:
    moment = datetime.fromtimestamp(milliseconds / 1000).astimezone()
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp() * 1000)
