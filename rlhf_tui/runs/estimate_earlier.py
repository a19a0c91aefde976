"""How fast an earlier run went, read from the two ends of its metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.runs.layout import METRICS

END = 64 * 1024
"""Bytes of each end that are read."""


class Pace(msgspec.Struct, frozen=True):
    """Of a finished run."""

    seconds_per_step: float
    """Evaluations and checkpoints between its steps included."""
    starting: float
    """Seconds from its start to the beginning of its first step."""


def pace_of(directory: Path, started: float) -> Pace | None:
    """How fast a run went; None where its metrics do not tell: too few lines, or a resume.

    Args:
        started: when its worker was started, seconds since 1970.
    """
    try:
        with (directory / METRICS).open("rb") as file:
            head = file.read(END)
            file.seek(max(0, file.seek(0, 2) - END))
            tail = file.read()
    except OSError:
        return None
    first = next((row for line in head.splitlines() if (row := _row(line))), None)
    last = next((row for line in reversed(tail.splitlines()) if (row := _row(line))), None)
    if first is None or last is None:
        return None
    steps, seconds = last[0] - first[0], last[1] - first[1]
    if steps <= 0 or seconds <= 0:
        return None
    each = seconds / steps
    return Pace(each, max(0.0, first[1] - started - each * first[0]))


def _row(line: bytes) -> tuple[float, float] | None:
    """Step and time of a line with a step that was made."""
    try:
        row: Any = json.loads(line)
        step, time = float(row["step"]), float(row["time"])
    except (ValueError, KeyError, TypeError):
        # The first line of the tail is half of one.
        return None
    return (step, time) if step > 0 else None
