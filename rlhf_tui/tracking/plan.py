"""When a run evaluates, by its arguments, and what that costs before any evaluation was seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlhf_tui.errors import RlhfError
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.tracking.clock import Clock, XAxis
from rlhf_tui.tracking.manifest import read_manifest
from rlhf_tui.tracking.rules.finding import ONLINE, TRAINERS
from rlhf_tui.tracking.series import Series

TOLD = "time/evaluate"
"""Seconds of an evaluation, as the online trainers log them."""
FORWARD = {"sft": 1 / 3, "rm": 1 / 3, "dpo": 0.4, "kto": 0.7}
"""Of the work that a row takes in training is left where nothing is learnt from it; the reference
reads it as well, and KTO's policy once more for the KL."""


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of one run."""

    every: float
    """Steps from one to the next; 0: there are none before the end."""
    at_end: float = 0
    """How many come after the last step, beside the one that falls on it; a part of one that is
    shorter."""
    seconds: float = 0.0
    """What one took, as the run told itself; 0: it does not."""
    steps: float = 0.0
    """What one may take, in usual steps; 0: nobody knows."""

    def between(self, first: float, last: float) -> int:
        """How many come in (first, last]."""
        if self.every <= 0:
            return 0
        return math.floor(last / self.every + 1e-9) - math.floor(first / self.every + 1e-9)

    def coming(self, done: float, total: float) -> float:
        """How many are still to come after a step; the last step of all ends with one."""
        last = self.every <= 0 or total % self.every > 0
        return self.between(done, total) + last + self.at_end


@dataclass(frozen=True)
class Plan:
    """What a run's arguments and data set say of its evaluations."""

    kind: str
    every: float
    rows: int = 0
    """That an evaluation passes over."""
    trained: float = 0.0
    """Rows that all steps together pass over; 0: the number of steps was given instead."""

    def evaluations(
        self, series: Mapping[str, Series], clocks: Mapping[XAxis, Clock], total: float
    ) -> Evaluations:
        """
        Args:
            total: steps of the run.
        """
        told = series[TOLD].last if TOLD in series else math.nan
        if self.kind in ONLINE:
            # They write answers to held-out prompts; the others pass over the validation rows.
            return Evaluations(self.every, seconds=told if 0 < told < math.inf else 0.0)
        a_step = self.trained / total if self.trained and total > 0 else self._counted(clocks)
        share = FORWARD[self.kind]
        steps = self.rows / a_step * share if a_step > 0 else 0.0
        # In the end its model is measured on the same rows by itself.
        return Evaluations(self.every, at_end=FORWARD["sft"] / share, steps=steps)

    def _counted(self, clocks: Mapping[XAxis, Clock]) -> float:
        """Rows of a step, as the run counts them; a reward model's are prompts, not pairs."""
        clock = clocks.get("samples")
        if self.kind == "rm" or clock is None or not clock.steps or clock.steps[-1] <= 0:
            return 0.0
        return clock.values[-1] / clock.steps[-1]


def plan_of(run: Path) -> Plan | None:
    """The plan of a run directory; None where it evaluates nothing, or does not say so."""
    try:
        arguments = layout.read(run / layout.ARGS, RunArguments)
        manifest = read_manifest(run)
    except (RlhfError, OSError):
        return None
    if arguments is None or manifest is None or arguments.arguments.get("learning_curve"):
        return None
    given, kind = arguments.arguments, arguments.kind
    rows, every = manifest.rows.get("validation", 0), given.get("eval_steps", 0)
    if kind not in TRAINERS or not rows or not isinstance(every, int):
        return None
    epochs = given.get("epochs", 0)
    whole = isinstance(epochs, int | float) and not given.get("max_steps")
    return Plan(kind, every, rows, manifest.rows.get("train", 0) * epochs if whole else 0.0)
