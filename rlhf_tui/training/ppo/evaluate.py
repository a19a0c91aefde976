"""Held-out prompts at intervals: figures for the curves, samples for people."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlhf_tui.training.held_out import Answered, report, show_reference_answers

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.ppo.rollout import Actors, Prompts


def evaluate(
    context: RunContext,
    actors: Actors,
    prompts: Prompts,
    step: int,
    beside: Mapping[str, float] | None = None,
    *,
    samples: int,
) -> None:
    """Respond to held-out prompts, with the same random numbers each time; log and show.

    Args:
        beside: more figures of the same line.
        samples: how many of the answers are shown.
    """
    if not prompts.texts:
        return
    began = time.perf_counter()
    answers = _answers(actors, prompts)
    spent = {"time/evaluate": time.perf_counter() - began}
    report(context, step, answers, spent | dict(beside or {}), samples=samples)


def remember_reference(context: RunContext, actors: Actors, prompts: Prompts, samples: int) -> None:
    """Show what the policy, which has not moved yet, answers to some of the held-out prompts."""
    some = prompts.pick(range(min(samples, len(prompts.texts))))
    if some.texts:
        show_reference_answers(context, _answers(actors, some))


def _answers(actors: Actors, prompts: Prompts) -> list[Answered]:
    written = actors.write(prompts, "evaluation")
    measured = actors.measure(written)
    kl = (measured.logprobs - measured.reference).sum(-1).tolist()
    return [
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
