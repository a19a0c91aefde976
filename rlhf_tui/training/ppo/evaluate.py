"""Held-out prompts at intervals: figures for the curves, samples for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlhf_tui.runs.layout import SampleRow

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.ppo.rollout import Actors, Prompts


def evaluate(
    context: RunContext, actors: Actors, prompts: Prompts, step: int, samples: int
) -> None:
    """Respond to held-out prompts, with the same random numbers each time; log and show.

    Rewards are the reward model's own scores, without penalty or scaling.

    Args:
        samples: how many responses go to samples.jsonl.
    """
    if not prompts.texts:
        return
    written = actors.write(prompts, "evaluation")
    measured = actors.measure(written)
    kl = (measured.logprobs - measured.reference).sum(-1).tolist()
    raw = written.raw.tolist()
    count = len(kl)
    context.log_metrics(
        step,
        {
            "eval/reward": sum(raw) / count,
            "eval/kl": sum(kl) / count,
            "eval/response_length": sum(len(r.tokens) for r in written.responses) / count,
            "eval/eos_share": sum(r.ended for r in written.responses) / count,
        },
    )
    for place in range(min(samples, count)):
        context.sample(
            SampleRow(
                step=step,
                prompt=prompts.texts[place],
                completion=written.completions[place],
                reward=raw[place],
                kl=kl[place],
            )
        )
