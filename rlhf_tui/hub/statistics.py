"""Answers about the labelling as a whole: agreement, bias, pace; to each what they may see."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rlhf_tui.errors import InputError
from rlhf_tui.evaluation.report import LearningCurve, Report
from rlhf_tui.evaluation.worked import WHOLE, Worked
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import RANK, Identity
from rlhf_tui.hub.messages import Stats, StatsAnswer
from rlhf_tui.runs import layout

SOONEST_S = 10.0
"""Annotators get figures of this age at least while people label: each costs seconds of work."""
ROUNDED = f"Counts over everybody are told in whole {WHOLE}s."
CURVE = layout.LEARNING_CURVE
"""What `train rm --learning-curve` writes in its run directory."""


async def stats(hub: Hub, who: Identity, request: Stats) -> StatsAnswer:
    if RANK[who.role] < RANK["reviewer"]:
        worked = await hub.figures.of(request.kind, max(request.max_age_s, SOONEST_S))
        return StatsAnswer(report=own_report(worked, who.annotator))
    worked = await hub.figures.of(request.kind, request.max_age_s)
    report = Report(**{name: getattr(worked.report, name) for name in Report.__struct_fields__})
    if request.kind == "rank":
        try:
            report.curve = await asyncio.to_thread(newest_curve, finished_reward_models(hub))
        except InputError as error:
            report.notes = [*report.notes, error.message]
    return StatsAnswer(report=report)


def own_report(worked: Worked, annotator: str) -> Report:
    """What an annotator may see: how much there is to do, and their own figures."""
    whole = worked.report
    own = worked.own.get(annotator)
    # Exact counts would stand still on known answers and repeats, which are no wanted work.
    remaining = min(-(-whole.remaining // WHOLE) * WHOLE, whole.wanted)
    hours = whole.remaining_hours
    return Report(
        kind=whole.kind,
        tasks=whole.tasks,
        judgements=whole.judgements // WHOLE * WHOLE if whole.remaining else whole.judgements,
        wanted=whole.wanted,
        remaining=remaining,
        remaining_hours=hours and hours * remaining / whole.remaining,
        labelling_lately=whole.labelling_lately,
        annotators=[own] if own else [],
        notes=[ROUNDED] if whole.remaining else [],
        computed_ms=whole.computed_ms,
    )


def finished_reward_models(hub: Hub) -> list[Path]:
    """Directories of the finished reward-model runs, newest first."""
    return [
        Path(row.directory)
        for row in reversed(hub.jobs.rows.values())
        if row.kind == "rm" and row.state == "finished"
    ]


def newest_curve(directories: list[Path]) -> LearningCurve | None:
    """The learning curve of the first of these runs that has one.

    Raises:
        InputError: its file cannot be read.
    """
    for directory in directories:
        curve = layout.read(directory / CURVE, LearningCurve)
        if curve is not None:
            return curve
    return None


HANDLERS: dict[Any, Any] = {Stats: stats}
