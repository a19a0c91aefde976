"""All rules, and what they say of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlhf_tui.runs.layout import DistributionRow, MachineRow, SampleRow
from rlhf_tui.tracking.rules import (
    critic,
    drift,
    losses,
    machinery,
    paid,
    preference,
    progress,
    reading,
    steps,
)
from rlhf_tui.tracking.rules.finding import Finding, Rule, order
from rlhf_tui.tracking.rules.view import Situation, View
from rlhf_tui.tracking.series import Series

RULES: tuple[Rule, ...] = (
    *drift.RULES,
    *paid.RULES,
    *reading.RULES,
    *critic.RULES,
    *preference.RULES,
    *losses.RULES,
    *progress.RULES,
    *steps.RULES,
    *machinery.RULES,
)
EVERY_S = 2.0
"""Between two looks at a run that goes on."""
MOST_SHARE = 0.004
"""Of a core's time that looking may take: a run whose look costs more is looked at less often."""


def rules_for(kind: str) -> list[Rule]:
    """The rules that look at a kind of run."""
    return [rule for rule in RULES if kind in rule.kinds]


def looks(view: View) -> Iterator[Finding | None]:
    """What each rule finds, one after the other, so that a screen can breathe in between."""
    for rule in RULES:
        # A log of another program is looked at as the kind that it seems to be, and as a log.
        if view.kind in rule.kinds or (view.foreign and "log" in rule.kinds):
            seen = rule.look(view)
            if seen is None:
                yield None
            else:
                yield Finding(rule, seen.severity, seen.step, seen.sentence, seen.until)


def judge(
    kind: str,
    series: Mapping[str, Series],
    samples: Sequence[SampleRow] = (),
    distributions: Sequence[DistributionRow] = (),
    machine: Sequence[MachineRow] = (),
    arguments: Mapping[str, Any] | None = None,
    state: Situation | None = None,
) -> list[Finding]:
    """What the rules find in a run: what holds first, the most severe and newest first.

    Some milliseconds, however long the series are.

    Args:
        kind: a run's kind; `log` for what another program wrote, of whatever kind.
        series: by metric name.
        arguments: of args.json; without them some thresholds are usual values.
        state: see `view.situation`; None for a run that goes on.
    """
    view = View(
        kind,
        series,
        samples=samples,
        distributions=distributions,
        machine=machine,
        arguments=arguments,
        state=state,
    )
    return order([finding for finding in looks(view) if finding is not None])


class Pace:
    """When it is time to look at a run again."""

    def __init__(self) -> None:
        self._due = 0.0

    def due(self) -> bool:
        """Whether enough time has gone by since the last look; if so, the next one has begun."""
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + EVERY_S
        return True

    def took(self, seconds: float) -> None:
        """Take the time that the look has cost."""
        self._due = max(self._due, time.monotonic() + seconds / MOST_SHARE)
