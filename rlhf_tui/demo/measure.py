"""What the proof measures: the only part of the loop, beside the annotators, that knows the truth.

The truth is the lexicon score of a review (`rlhf_tui.sample_data.world`); no trainer sees it.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from rlhf_tui.demo.annotators import review
from rlhf_tui.evaluation.reward_metrics import pair_metrics
from rlhf_tui.records import Completion, Prompt, Score
from rlhf_tui.sample_data.world import derivable, sentences, sentiment


class PolicyFigures(msgspec.Struct):
    """What one policy writes on the test prompts."""

    model: str
    completions: int
    positive: float
    """Share of reviews with a lexicon score above 0."""
    distinct: float
    """Distinct completions over completions."""
    mean_tokens: float
    """Mean length of a completion in tokens, EOS included."""
    derivable: float
    """Share of sentences that the grammar can derive."""
    ended: float
    """Share of completions that end with EOS."""
    kl_to_reference: float | None = None
    """Mean summed k1 estimate of KL(policy ‖ reference), nats a completion."""


class RewardFigures(msgspec.Struct):
    """A reward model against the truth, on pairs of completions of test prompts."""

    pairs: int
    """Pairs of one prompt whose lexicon scores differ."""
    accuracy: float


class Target(msgspec.Struct):
    """One figure of the proof and the bound it has to keep."""

    name: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def reached(self) -> bool:
        if math.isnan(self.value):
            return False
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def texts(completions: Iterable[Completion], prompts: Mapping[str, Prompt]) -> list[str]:
    """Whole reviews: prompt and completion."""
    return [review(prompts[c.prompt_id].prompt, c.completion) for c in completions]


def policy_figures(
    model: str,
    completions: Sequence[Completion],
    prompts: Mapping[str, Prompt],
    kl: Sequence[float] = (),
) -> PolicyFigures:
    """Figures of a policy's completions (at least one) on known prompts."""
    reviews = texts(completions, prompts)
    found = [sentence for text in reviews for sentence in sentences(text)]
    return PolicyFigures(
        model=model,
        completions=len(completions),
        positive=statistics.fmean(sentiment(text) > 0 for text in reviews),
        distinct=len(set(reviews)) / len(reviews),
        mean_tokens=statistics.fmean(c.tokens or 0 for c in completions),
        derivable=statistics.fmean(derivable(sentence) for sentence in found),
        ended=statistics.fmean(c.finish_reason == "eos" for c in completions),
        kl_to_reference=statistics.fmean(kl) if kl else None,
    )


def reward_figures(
    scores: Iterable[Score], completions: Iterable[Completion], prompts: Mapping[str, Prompt]
) -> RewardFigures:
    """Accuracy over the pairs of a prompt whose lexicon scores differ; equal rewards count half."""
    reward = {score.completion_id: score.mean for score in scores if score.mean is not None}
    by_prompt: dict[str, list[tuple[float, float]]] = {}
    for completion in completions:
        if completion.completion_id in reward:
            truth = sentiment(review(prompts[completion.prompt_id].prompt, completion.completion))
            entry = (truth, reward[completion.completion_id])
            by_prompt.setdefault(completion.prompt_id, []).append(entry)
    better: list[float] = []
    worse: list[float] = []
    for entries in by_prompt.values():
        for one, other in itertools.combinations(entries, 2):
            if one[0] != other[0]:
                better.append(max(one, other)[1])
                worse.append(min(one, other)[1])
    found = pair_metrics(better, worse)
    return RewardFigures(pairs=found.pairs, accuracy=found.accuracy)


def targets(
    base: PolicyFigures,
    sft: PolicyFigures,
    ppo: PolicyFigures,
    reward: RewardFigures,
    agreement: Sequence[float],
) -> list[Target]:
    """What the proof has to show.

    Args:
        agreement: raw agreement of every two annotators, shares.
    """
    return [
        Target("agreement of any two annotators, lowest", min(agreement), 0.70),
        Target("agreement of any two annotators, highest", max(agreement), 0.80, at_least=False),
        Target("reward-model accuracy on test prompts", reward.accuracy, 0.90),
        Target("positive completions after PPO", ppo.positive, 0.90),
        Target("gain over SFT", ppo.positive - sft.positive, 0.25),
        Target("completions judged", min(p.completions for p in (base, sft, ppo)), 400),
        Target("distinct completions after PPO", ppo.distinct, 0.90),
        Target("mean length against base, low", ppo.mean_tokens / base.mean_tokens, 0.70),
        Target(
            "mean length against base, high",
            ppo.mean_tokens / base.mean_tokens,
            1.30,
            at_least=False,
        ),
        Target("derivable sentences against base", ppo.derivable / base.derivable, 0.95),
    ]
