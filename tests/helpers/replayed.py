"""A run that has ended, looked at again as somebody saw it who watched while it was going on."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import ProcessMark, RunArguments, RunExit, RunStatus
from rlhf_tui.tracking.metrics import Metrics
from rlhf_tui.tracking.plan import TOLD, plan_of
from rlhf_tui.tracking.time_left import seconds_left


@dataclass(frozen=True)
class Replay:
    """A finished run: its lines, and its moments, in seconds since 1970."""

    directory: Path
    kind: str
    rows: list[dict[str, Any]]
    total: int
    """Steps."""
    started: float
    ended: float
    began: float
    """When it was loaded; 0 of a run of an earlier version."""
    first: int

    @property
    def whole(self) -> float:
        """Seconds from its start until its process was gone."""
        return self.ended - self.started

    @property
    def starting(self) -> float:
        """Seconds until its first line."""
        return float(self.rows[0]["time"]) - self.started

    @property
    def ending(self) -> float:
        """Seconds after its last line."""
        return self.ended - float(self.rows[-1]["time"])

    def error(self, share: float) -> float | None:
        """How far off the end was that was told after a share of the steps; None: none was told.

        Returns:
            Part of the whole time; positive: the run was over earlier.
        """
        place = next(i for i, row in enumerate(self.rows) if row["step"] >= share * self.total)
        now, step = self.rows[place]["time"], self.rows[place]["step"]
        metrics, plan = Metrics(), plan_of(self.directory)
        metrics.take(self.rows[: place + 1])
        told = plan.evaluations(metrics.series, metrics.clocks, self.total) if plan else None
        left = seconds_left(
            metrics.clocks,
            step,
            self.total,
            started=self.started,
            updated=now,
            now=now,
            began=self.began,
            first=self.first,
            evaluations=told,
        )
        return None if left is None else (now + left - self.ended) / self.whole


def replay(directory: Path) -> Replay | None:
    """The run of a directory; None where it did not finish, or tells too little."""
    arguments = layout.read(directory / layout.ARGS, RunArguments)
    status = layout.read(directory / layout.STATUS, RunStatus)
    mark = layout.read(directory / layout.SUPERVISOR, ProcessMark)
    left = layout.read(directory / layout.EXIT, RunExit)
    if arguments is None or status is None or mark is None or left is None:
        return None
    rows = _rows(directory / layout.METRICS)
    if status.phase != "finished" or left.code != 0 or not rows or not status.total_steps:
        return None
    return Replay(
        directory,
        arguments.kind,
        rows,
        status.total_steps,
        mark.started,
        left.ended,
        status.running_since,
        status.first_step,
    )


def computed(run: Replay) -> Replay | None:
    """The same run by the seconds for which its processes computed, not by the clock on the wall.

    So it would have gone with the machine to itself, if it computes in one thread as runs of small
    models do. None where it has no figures of the machine.
    """
    known = _rows(run.directory / layout.MACHINE)
    if len(known) < 2:
        return None
    moments, spent = [run.started], [0.0]
    ends = [(row["time"], row["run_cpu"]) for row in known] + [(run.ended, known[-1]["run_cpu"])]
    for moment, share in ends:
        if moment > moments[-1]:
            spent.append(spent[-1] + (moment - moments[-1]) * share / 100)
            moments.append(moment)

    def at(moment: float) -> float:
        place = min(max(1, bisect_left(moments, moment)), len(moments) - 1)
        a, b = moments[place - 1], moments[place]
        part = (moment - a) / (b - a)
        return run.started + spent[place - 1] + part * (spent[place] - spent[place - 1])

    rows = []
    for row in run.rows:
        now = row["time"]
        rows.append(row | {"time": at(now)})
        if TOLD in row:
            rows[-1][TOLD] = at(now) - at(now - row[TOLD])
    began = at(run.began) if run.began else 0.0
    return replace(run, rows=rows, ended=at(run.ended), began=began)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]
