"""Another model's answers to the held-out prompts: a line that the policy's reward is beside.

The model stands behind an OpenAI-compatible server and answers once, at the start. Its answers are
scored by the run's own sources of rewards, so that both lines mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rlhf_tui.config.options import OnlineOptions
from rlhf_tui.generation.asking import Answer, Endpoint, How
from rlhf_tui.generation.endpoint import answer
from rlhf_tui.records import Message, Text
from rlhf_tui.runs.layout import SampleRow, read, write_atomic
from rlhf_tui.training.rewards.source import RewardSource

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

FILE = "endpoint.json"
"""In the run directory, so that a resumed run draws on the same line and asks nobody again."""
METRIC = "eval/endpoint_reward"


class Line(msgspec.Struct):
    """How well the other model did."""

    url: str
    model: str
    """As the options name it."""
    reward: float | None
    """Mean over the held-out prompts, as eval/reward: without penalty, scaling or clip; None where
    no source of rewards judges any answer."""


def endpoint_figures(
    context: RunContext, options: OnlineOptions, prompts: Sequence[Text], rewards: RewardSource
) -> dict[str, float]:
    """What each evaluation logs of the other model; nothing where none is named.

    The main process of a run asks, the others need no answer. Its first answers become samples
    of step 0.

    Raises:
        RlhfError: the server is away, refuses, or leaves a prompt unanswered.
    """
    if not options.eval_endpoint or not prompts or not context.is_main:
        return {}
    path = context.directory / FILE
    line = read(path, Line)
    if line is None:
        line = _ask(context, options, prompts, rewards)
        write_atomic(path, line)
    return {} if line.reward is None else {METRIC: line.reward}


def _ask(
    context: RunContext, options: OnlineOptions, prompts: Sequence[Text], rewards: RewardSource
) -> Line:
    context.progress(0, options.total_steps, f"{options.eval_endpoint} answers", phase="loading")
    answers = answer(
        Endpoint(options.eval_endpoint, options.eval_endpoint_model),
        prompts,
        How(options.response_length, options.temperature),
        seed=options.seed,
    )
    completions = [_completion(p, a) for p, a in zip(prompts, answers, strict=True)]
    scores = rewards.score(prompts, completions)
    known = [score for score in scores if not math.isnan(score)]
    mean = sum(known) / len(known) if known else None
    line = Line(options.eval_endpoint, options.eval_endpoint_model, mean)
    by = options.eval_endpoint_model or options.eval_endpoint
    worth = "no reward source judges them" if mean is None else f"mean reward {mean:.3f}"
    print(f"Held-out prompts answered by {by}: {worth}.", flush=True)
    answered = list(zip(prompts, completions, scores, strict=True))
    for prompt, completion, score in answered[: options.samples]:
        context.sample(SampleRow(step=0, prompt=prompt, completion=completion, reward=score, by=by))
    return line


def _completion(prompt: Text, given: Answer) -> Text:
    """An answer in its prompt's form."""
    if isinstance(prompt, str):
        return given.text
    return [Message(role="assistant", content=given.text)]
