"""What is said of a policy's answers to held-out prompts: figures for the curves, some to read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from rlhf_tui.records import Text
from rlhf_tui.runs.layout import REFERENCE, SAMPLES, SampleRow
from rlhf_tui.runs.tail import JsonlTail

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext


@dataclass(frozen=True)
class Answered:
    """One held-out prompt with the policy's answer."""

    prompt: Text
    completion: Text
    reward: float
    """The sources' own score, without penalty, scaling or clip; NaN where none judged it."""
    kl: float | None
    """Summed log-ratio to the reference, nats a response; None without a reference."""
    length: int
    """Tokens, EOS included."""
    ended: bool
    """Whether it ended by itself."""


def report(
    context: RunContext,
    step: int,
    answers: Sequence[Answered],
    beside: Mapping[str, float] | None = None,
    *,
    samples: int,
) -> None:
    """Log the means as eval/reward, eval/kl, eval/response_length and eval/eos_share; show some.

    Those of step 0 are the reference's as well: the policy has not moved yet.

    Args:
        beside: more figures of the same line.
        samples: how many answers go to samples.jsonl, the first ones; all count in the figures.
    """
    if not answers:
        return
    figures = {
        "eval/reward": _mean(a.reward for a in answers if not math.isnan(a.reward)),
        "eval/response_length": _mean(a.length for a in answers),
        "eval/eos_share": _mean(a.ended for a in answers),
    }
    known = [a.kl for a in answers if a.kl is not None]
    if known:
        figures["eval/kl"] = _mean(known)
    context.log_metrics(step, figures | dict(beside or {}))
    rows = [_row(step, answer) for answer in answers[:samples]]
    for row in rows:
        context.sample(row)
    if step == 0:
        show_reference(context, rows)


def show_reference(context: RunContext, rows: Iterable[SampleRow]) -> None:
    """Keep what the policy wrote before its first step as the reference's too, once a run."""
    # An earlier worker, killed before its first checkpoint, may have kept them.
    kept = JsonlTail(context.directory / SAMPLES).read()
    if any(row.get("by") == REFERENCE for row in kept):
        return
    for row in rows:
        context.sample(msgspec.structs.replace(row, by=REFERENCE, kl=None))


def show_reference_answers(context: RunContext, answers: Iterable[Answered]) -> None:
    """`show_reference` of a run that evaluates nothing before its first step."""
    show_reference(context, [_row(0, answer) for answer in answers])


def _row(step: int, answer: Answered) -> SampleRow:
    return SampleRow(
        step=step,
        prompt=answer.prompt,
        completion=answer.completion,
        reward=answer.reward,
        kl=answer.kl,
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else math.nan
