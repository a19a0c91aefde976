"""What the statistics of the labelling say, as typed records; light to import, no arithmetic.

Every figure stands beside the number of cases that it was computed from. A figure that cannot be
computed (too few cases) is None, never 0.
"""

from __future__ import annotations

import msgspec

from rlhf_tui.records import AnnotatorKind, TaskKind


class Figure(msgspec.Struct):
    """A value with its interval and what it rests on."""

    name: str
    value: float | None = None
    low: float | None = None
    """Ends of the 95 % confidence interval."""
    high: float | None = None
    cases: int = 0
    rule: str = ""
    """How ties and missing values were treated, as a sentence."""


class AnnotatorStats(msgspec.Struct):
    """One person."""

    annotator: str
    judgements: int = 0
    skipped: int = 0
    flagged: int = 0
    active_ms: int = 0
    wall_ms: int = 0
    median_active_ms: int = 0
    last_ms: int = 0
    """When the latest judgement was made, by the client's clock; 0 for none."""
    per_hour: float | None = None
    """Judgements an hour of active time."""
    others: Figure | None = None
    """Raw pairwise agreement with everyone else."""
    gold: Figure | None = None
    """Pairs decided as the known answer has them."""
    self_consistency: Figure | None = None
    """The same item asked again: pairs decided the same way."""
    first_shown: Figure | None = None
    """Share of decided pairs won by the completion shown first."""
    longer: Figure | None = None
    """Share of decided pairs won by the longer text."""
    reliability: float | None = None
    """Probability of a right answer by Dawid and Skene (1979)."""
    kind: AnnotatorKind = "human"


class Period(msgspec.Struct):
    """Drift: the figures of one stretch of time."""

    start_ms: int
    judgements: int
    agreement: float | None = None
    first_shown: float | None = None
    longer: float | None = None
    median_active_ms: int = 0


class CurvePoint(msgspec.Struct):
    """One reward model of a learning curve."""

    pairs: int
    prompts: int
    accuracy: float
    low: float
    high: float


class LearningCurve(msgspec.Struct):
    run_id: str
    points: list[CurvePoint]
    verdict: str
    """Whether more labels still help, as a sentence."""


class Report(msgspec.Struct):
    """Statistics of one kind of task."""

    kind: TaskKind = "rank"
    tasks: int = 0
    """Items that are wanted to be judged: without known answers and repeats, as are the next
    three counts; what people have done is counted with them."""
    judgements: int = 0
    wanted: int = 0
    remaining: int = 0
    """Judgements still to be made; given ones beyond what an item wants do not fill others."""
    remaining_hours: float | None = None
    """Active hours of work left at the pace so far; None without a pace."""
    labelling_lately: int = 0
    """People who judged in the last seven days, among whom the rest is shared."""
    agreement: list[Figure] = []
    bias: list[Figure] = []
    annotators: list[AnnotatorStats] = []
    periods: list[Period] = []
    selection: list[Figure] = []
    """What was chosen as most informative against the random control share."""
    curve: LearningCurve | None = None
    notes: list[str] = []
    computed_ms: int = 0
