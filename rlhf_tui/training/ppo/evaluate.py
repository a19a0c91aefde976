"""Held-out prompts at intervals: figures for the curves, samples for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlhf_tui.training.held_out import Answered, report

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.ppo.rollout import Actors, Prompts


def evaluate(
    context: RunContext,
    actors: Actors,
    prompts: Prompts,
    step: int,
    beside: Mapping[str, float] | None = None,
) -> None:
    """Respond to held-out prompts, with the same random numbers each time; log and show.

    Args:
        beside: more figures of the same line.
    """
    if not prompts.texts:
        return
    written = actors.write(prompts, "evaluation")
    measured = actors.measure(written)
    kl = (measured.logprobs - measured.reference).sum(-1).tolist()
    answers = [
        Answered(text, completion, reward, ratio, len(response.tokens), response.ended)
        for text, completion, reward, ratio, response in zip(
            prompts.texts,
            written.completions,
            written.raw.tolist(),
            kl,
            written.responses,
            strict=True,
        )
    ]
    report(context, step, answers, beside)
