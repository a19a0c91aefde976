"""A run to be compared, drawn or exported: all that its directory tells, read at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.runs.state import RunFacts, describe
from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.follow import RunFollower
from rlhf_tui.tracking.manifest import Manifest, read_manifest
from rlhf_tui.tracking.series import Series


@dataclass(frozen=True)
class Subject:
    """One run among those that are compared."""

    run_id: str
    kind: str
    state: str = ""
    title: str = ""
    arguments: RunArguments | None = None
    manifest: Manifest | None = None
    series: Mapping[str, Series] = field(default_factory=dict)
    clocks: Mapping[XAxis, Clock] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    """Figures of evaluation.json, by name."""
    seconds: float = 0.0
    """How long it ran, or has run so far; 0 where that is not known."""
    directory: Path = Path()

    @property
    def lineage(self) -> dict[str, str]:
        return self.arguments.lineage if self.arguments else {}


def read_subject(directory: Path) -> Subject:
    """All that a run directory tells.

    Raises:
        InputError: not a run directory, or one of its files is broken.
        OSError: files that cannot be read.
    """
    facts = describe(directory)
    followed = read_series(directory)
    arguments = facts.arguments
    return Subject(
        run_id=arguments.run_id,
        kind=arguments.kind,
        state="lost" if facts.lost else facts.state,
        title=arguments.title,
        arguments=arguments,
        manifest=read_manifest(directory),
        series=followed.series,
        clocks=followed.clocks,
        measured=read_measured(directory),
        seconds=ran_for(facts),
        directory=directory,
    )


def ran_for(facts: RunFacts) -> float:
    """Seconds from a run's start to its end, or to its last sign of life."""
    end = facts.ended or (facts.status.updated if facts.status else 0.0)
    return max(0.0, end - facts.started) if facts.started and end else 0.0


def read_series(directory: Path) -> RunFollower:
    """A follower that has read all of a run's metrics.

    Raises:
        InputError: they cannot be read.
    """
    follower = RunFollower(directory)
    while True:
        batch = follower.read()
        follower.take(batch)
        if follower.problem:
            raise InputError(follower.problem)
        if not batch.more:
            return follower


class _Figure(msgspec.Struct):
    name: str = ""
    value: float | None = None


class _Pairs(msgspec.Struct):
    accuracy: _Figure | None = None
    margin: float | None = None
    log_loss: float | None = None
    ece: float | None = None


class _Measured(msgspec.Struct):
    figures: list[_Figure] = []
    preference: _Pairs | None = None


def read_measured(directory: Path) -> dict[str, float]:
    """Figures on held-out rows, by name; {} where none were measured.

    Raises:
        InputError: evaluation.json is broken.
    """
    found = layout.read(directory / layout.EVALUATION, _Measured)
    if found is None:
        return {}
    figures: dict[str, float | None] = {figure.name: figure.value for figure in found.figures}
    pairs = found.preference
    if pairs is not None:
        if pairs.accuracy is not None:
            figures[pairs.accuracy.name or "accuracy"] = pairs.accuracy.value
        figures |= {"margin": pairs.margin, "log_loss": pairs.log_loss, "ece": pairs.ece}
    return {name: value for name, value in figures.items() if value is not None}


def last(series: Mapping[str, Series], name: str) -> float:
    """The newest value of a metric as it came; NaN without any."""
    one = series.get(name)
    return one.last if one is not None and len(one) else math.nan


def option(subject: Subject, name: str) -> Any:
    """An argument of a run; None where its kind has none of the name."""
    return subject.arguments.arguments.get(name) if subject.arguments else None
