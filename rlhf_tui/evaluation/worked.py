"""The files between the hub and the program that works out the statistics; light to import."""

from __future__ import annotations

import msgspec

from rlhf_tui.evaluation.report import AnnotatorStats, Report
from rlhf_tui.records import TaskKind

JUDGEMENTS = "judgements.parquet"
FACTS = "facts.json"
WORKED = "worked.json"
WHOLE = 10
"""What people are told rests on whole tens of judgements: a figure that moved with some items and
not with others would tell which of them were known answers or repeats."""


class Facts(msgspec.Struct):
    """What the judgements themselves do not tell."""

    kind: TaskKind
    judgements: int
    """Current ones, repeats included."""
    tasks: int
    wanted: int
    """Judgements wanted in all."""
    remaining: int
    """Judgements still to be made for that."""
    skipped: dict[str, int]
    """Skips that have not been judged since, by annotator."""
    flagged: dict[str, int]
    ai: list[str]
    """Names of the annotators that are no people."""
    now_ms: int


class Worked(msgspec.Struct):
    """What the program writes."""

    report: Report
    own: dict[str, AnnotatorStats]
    """By name, what each person is told of their own figures."""
