"""One rollout: responses to a batch of prompts, with all that the update needs, computed once.

Old log-probabilities come from the training forward pass, never from generation, whose cached
arithmetic differs in the last digits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.generation.sampler import Response, Sampling, sample, uniforms
from rlhf_tui.records import Text
from rlhf_tui.training.ppo.advantages import gae, token_rewards
from rlhf_tui.training.ppo.losses import token_kl, whiten
from rlhf_tui.training.ppo.policy import Batch, Policy, Reference, make_batch
from rlhf_tui.training.ppo.rewards import RunningMoments, shaped_scores, to_scores
from rlhf_tui.training.rendering import Renderer
from rlhf_tui.training.rewards.source import RewardSource
from rlhf_tui.training.rewards.weighted import WeightedSum


@dataclass(frozen=True)
class Prompts:
    """Prompts with their tokens, cut so that a response fits behind them."""

    texts: list[Text]
    tokens: list[list[int]]

    def pick(self, places: Sequence[int]) -> Prompts:
        return Prompts([self.texts[i] for i in places], [self.tokens[i] for i in places])


@dataclass(frozen=True)
class Written:
    """Responses with their scores; rows in the prompts' order."""

    prompts: Prompts
    responses: list[Response]
    completions: list[Text]
    raw: Tensor
    """[b] scores as the sources of rewards gave them, summed."""
    terms: dict[str, float]
    """By metric: each source's own mean, where there are several."""
    seconds_writing: float
    seconds_scoring: float


@dataclass(frozen=True)
class Rollout:
    """Everything about a rollout that its epochs read; all tensors [b, r] unless said."""

    written: Written
    mask: Tensor
    logprobs: Tensor
    reference: Tensor
    values: Tensor
    rewards: Tensor
    advantages: Tensor
    """Whitened over the rollout's response tokens."""
    returns: Tensor
    scores: Tensor
    """[b], after penalty, scaling and clip."""
    kl: Tensor
    """k1, whichever estimator the penalty uses."""
    penalty: Tensor
    """[b], the KL penalty's sum over a response: -β·KL."""


class Actors:
    """Who takes part in a rollout: policy, reference, reward model."""

    def __init__(
        self,
        policy: Policy,
        reference: Reference,
        rewards: RewardSource,
        renderer: Renderer,
        sampling: Sampling,
        options: PPOOptions,
    ) -> None:
        self.policy = policy
        self.reference = reference
        self._rewards = rewards
        self._renderer = renderer
        self._sampling = sampling
        self._options = options

    def write(self, prompts: Prompts, name: str) -> Written:
        """Let the policy respond, and the reward model score.

        Args:
            name: names the random numbers: the same name and seed give the same ones.
        """
        began = time.perf_counter()
        numbers = uniforms(
            self._options.seed,
            [f"{name}:{row}" for row in range(len(prompts.texts))],
            self._sampling.max_new_tokens,
        )
        responses = sample(self.policy.model, prompts.tokens, numbers, self._sampling)
        completions = [
            self._renderer.decode(text, ids, response.tokens)
            for text, ids, response in zip(prompts.texts, prompts.tokens, responses, strict=True)
        ]
        written = time.perf_counter()
        raw = to_scores(self._rewards.score(prompts.texts, completions), self.policy.device)
        scored = time.perf_counter()
        return Written(
            prompts,
            responses,
            completions,
            raw,
            self._rewards.means if isinstance(self._rewards, WeightedSum) else {},
            written - began,
            scored - written,
        )

    def batch(self, written: Written, rows: Sequence[int]) -> Batch:
        return make_batch(
            [written.prompts.tokens[i] for i in rows],
            [written.responses[i].tokens for i in rows],
            self._sampling.fill,
            self.policy.device,
        )

    @torch.no_grad()
    def measure(self, written: Written) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log-probabilities by policy and reference, values, mask: four times [b, r]."""
        count = len(written.responses)
        width = max(len(r.tokens) for r in written.responses)
        policy, reference, values = (
            torch.zeros(count, width, device=self.policy.device) for _ in range(3)
        )
        mask = torch.zeros(count, width, dtype=torch.bool, device=self.policy.device)
        temperature = self._options.temperature
        for rows in by_length(written, range(count), self._options.batch_size):
            batch = self.batch(written, rows)
            length = batch.tokens.size(1)
            output = self.policy(batch, temperature)
            policy[rows, :length] = output.logprobs
            if output.values is not None:
                values[rows, :length] = output.values
            reference[rows, :length] = self.reference.logprobs(batch, temperature)
            mask[rows, :length] = batch.mask
        for figures in (policy, reference, values):
            figures.masked_fill_(~mask, 0.0)
        return policy, reference, values, mask

    def rollout(self, prompts: Prompts, name: str, beta: float, moments: RunningMoments) -> Rollout:
        """Responses, their rewards and advantages."""
        options = self._options
        written = self.write(prompts, name)
        logprobs, reference, values, mask = self.measure(written)
        ended = torch.tensor([r.ended for r in written.responses], device=mask.device)
        scores = shaped_scores(written.raw, ended, moments, options)
        kl = token_kl(logprobs, reference, "k1")
        charged = kl if options.kl_estimator == "k1" else token_kl(logprobs, reference, "k3")
        rewards = token_rewards(scores, charged, mask, beta)
        if options.whiten_rewards:
            rewards = whiten(rewards, mask, shift_mean=False)
        advantages, returns = gae(rewards, values, mask, options.gamma, options.lam)
        return Rollout(
            written=written,
            mask=mask,
            logprobs=logprobs,
            reference=reference,
            values=values,
            rewards=rewards,
            advantages=whiten(advantages, mask),
            returns=returns,
            scores=scores,
            kl=kl,
            penalty=-beta * charged.masked_fill(~mask, 0.0).sum(-1),
        )


def by_length(written: Written, rows: Sequence[int], size: int) -> list[list[int]]:
    """Rows in groups of at most `size`, like lengths together, so that little is padding."""

    def length(row: int) -> tuple[int, int]:
        return len(written.prompts.tokens[row]) + len(written.responses[row].tokens), row

    ordered = sorted(rows, key=length)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
