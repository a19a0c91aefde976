"""`dashboard --once --json`: the snapshot for scripts; a number that is not finite is null."""

from __future__ import annotations

import math
from typing import Any

from rlhf_tui.cli.once_snapshot import Snapshot
from rlhf_tui.cli.once_text import LOG_LINES
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.widgets.run_list import state_word
from rlhf_tui.screens.widgets.run_list_head import left_of


def as_json(taken: Snapshot) -> dict[str, Any]:
    """The facts that the text tells, and whole numbers instead of rounded ones."""
    document: dict[str, Any] = {
        "runs": [_brief(info) for info in taken.infos],
        "older": taken.older,
        "note": taken.note,
        "run": None,
    }
    chosen = taken.chosen
    if chosen is None:
        return document | {"message": taken.waiting}
    left = left_of(chosen.info, chosen.follower)
    document["run"] = _brief(chosen.info) | {
        "directory": chosen.info.directory,
        "message": chosen.info.message,
        "note": chosen.info.note,
        "problem": chosen.follower.problem,
        "seconds_left": None if left is None else round(left, 1),
        "metrics": {
            name: {
                "step": one.steps[-1],
                "value": one.last if math.isfinite(one.last) else None,
                "points": len(one),
            }
            for name, one in chosen.follower.series.items()
            if len(one)
        },
        "warnings": [
            {
                "rule": finding.rule.id,
                "severity": finding.severity,
                "step": finding.step,
                "sentence": finding.sentence,
                "change": list(finding.rule.change),
            }
            for finding in taken.findings
            if finding.holds
        ],
        "log": [line for line in chosen.follower.log.shown if line.strip()][-LOG_LINES:],
    }
    return document


def _brief(info: RunInfo) -> dict[str, Any]:
    return {
        "run_id": info.run_id,
        "kind": info.kind,
        "state": state_word(info),
        "title": info.title,
        "tags": info.tags,
        "current": info.current,
        "archived": info.archived,
        "queue_position": info.queue_position,
        "priority": info.priority,
        "step": info.status.step if info.status else 0,
        "total_steps": info.status.total_steps if info.status else 0,
    }
