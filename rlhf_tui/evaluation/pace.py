"""Time: pace of a person, and what is left of the work.

Judgements without a measured time (imported ones) do not count for it.
"""

from __future__ import annotations

import numpy as np

from rlhf_tui.evaluation.judged import Array, Judged
from rlhf_tui.evaluation.report import AnnotatorStats
from rlhf_tui.evaluation.worked import Facts

HOUR_MS = 3_600_000
LATELY_MS = 7 * 24 * HOUR_MS
"""Who judged within it counts as somebody who shares the rest of the work."""


def median_ms(active_ms: Array) -> int:
    """Median active time of a judgement; 0 where none was measured."""
    measured = active_ms[active_ms > 0]
    return int(np.median(measured)) if len(measured) else 0


def fill(stats: AnnotatorStats, judged: Judged, mine: Array) -> None:
    """Set the counts and times of one person.

    Args:
        mine: [n] bool: their judgements.
    """
    active = judged.active_ms[mine]
    stats.judgements = int(mine.sum())
    stats.active_ms = int(active.sum())
    stats.wall_ms = int(judged.wall_ms[mine].sum())
    stats.median_active_ms = median_ms(active)
    if stats.active_ms > 0:
        stats.per_hour = float(np.count_nonzero(active) / stats.active_ms * HOUR_MS)
    stats.last_ms = int(judged.created_ms[mine].max()) if stats.judgements else 0


def remaining_hours(judged: Judged, facts: Facts) -> float | None:
    """Active hours that the judgements still wanted take, at the median so far; None without."""
    median = median_ms(judged.active_ms)
    if not facts.remaining:
        return 0.0 if facts.wanted else None
    return facts.remaining * median / HOUR_MS if median else None


def labelling_lately(judged: Judged, facts: Facts) -> int:
    """People who judged in the last seven days."""
    lately = judged.created_ms >= facts.now_ms - LATELY_MS
    return len(np.unique(judged.annotator[lately]))
