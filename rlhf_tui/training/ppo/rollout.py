"""One rollout: responses to a batch of prompts, with all that the update needs, computed once.

Old log-probabilities come from the training forward pass, never from generation, whose cached
arithmetic differs in the last digits. The first optimizer step starts from the very passes that
measured its rows (`Rollout.begun`), since no weight has changed between: one pass less.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.generation.sampler import Response, Sampling, sample, uniforms
from rlhf_tui.records import Text
from rlhf_tui.training.ppo.advantages import gae, token_rewards
from rlhf_tui.training.ppo.batch import PASS_TOKENS, Batch, grouped, make_batch, send
from rlhf_tui.training.ppo.critic import Critic
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.losses import token_kl, whiten
from rlhf_tui.training.ppo.policy import Output, Policy, Reference
from rlhf_tui.training.ppo.rewards import RunningMoments, check_score, shaped_scores, to_scores
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
class Pass:
    """Rows that go through the models together."""

    index: Tensor
    """[b] their places in the rollout."""
    batch: Batch
    output: Output | None = None
    """The policy's, with its graph, where it was computed already."""


@dataclass(frozen=True)
class Measured:
    """What the models say of responses; all tensors [b, r], 0 outside the mask."""

    logprobs: Tensor
    reference: Tensor
    values: Tensor
    mask: Tensor
    begun: list[Pass]
    """The passes of the rows asked for, to be trained on without computing them again."""


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
    begun: list[Pass] = field(default_factory=list)
    """The first minibatch's passes, as they measured it; the first step uses them up."""


class Actors:
    """Who takes part in a rollout: policy, critic, reference, rewards, and other processes."""

    def __init__(
        self,
        policy: Policy,
        reference: Reference,
        rewards: RewardSource,
        renderer: Renderer,
        sampling: Sampling,
        options: PPOOptions,
        *,
        critic: Critic | None = None,
        team: Team | None = None,
    ) -> None:
        """Take them all.

        Args:
            critic: one with a trunk of its own; None: the policy's value head.
        """
        self.policy = policy
        self.critic = critic
        self.reference = reference
        self.team = team or Team()
        self.rewards = rewards
        self._renderer = renderer
        self._sampling = sampling
        self._options = options

    def write(self, prompts: Prompts, name: str) -> Written:
        """Let the policy respond, and the sources of rewards score; each process its share.

        Args:
            name: names the random numbers: the same name and seed give the same ones, whichever
                process draws them.

        Raises:
            TrainingDiverged: a reward is no finite number.
        """
        began = time.perf_counter()
        rows = self.team.share(range(len(prompts.texts)))
        own = prompts.pick(rows)
        responses = self._responses(own, [f"{name}:{row}" for row in rows])
        completions = [
            self._renderer.decode(text, ids, response.written)
            for text, ids, response in zip(own.texts, own.tokens, responses, strict=True)
        ]
        written = time.perf_counter()
        raw = self.rewards.score(own.texts, completions) if rows else []
        terms = self.rewards.means if isinstance(self.rewards, WeightedSum) and rows else {}
        scored = time.perf_counter()
        whole = self.team.gather(list(zip(responses, completions, raw, strict=True)))
        for _, completion, score in whole:
            check_score(completion, score)
        return Written(
            prompts,
            [response for response, _, _ in whole],
            [completion for _, completion, _ in whole],
            to_scores([score for _, _, score in whole], self.policy.device),
            self.team.mean(terms, len(rows)),
            written - began,
            scored - written,
        )

    def _responses(self, prompts: Prompts, names: Sequence[str]) -> list[Response]:
        if not names:
            return []
        numbers = uniforms(self._options.seed, names, self._sampling.max_new_tokens)
        with self.policy.autocast():
            return sample(self.policy.model, prompts.tokens, numbers, self._sampling)

    def passes(self, written: Written, rows: Sequence[int]) -> list[Pass]:
        """This process's share of the rows, in batches of like length."""
        found = []
        for part in by_length(
            written, rows, self._options.batch_size, self.policy.device, self.team
        ):
            batch = make_batch(
                [written.prompts.tokens[i] for i in part],
                [written.responses[i].tokens for i in part],
                self._sampling.fill,
                self.policy.device,
            )
            found.append(Pass(send(torch.tensor(part), self.policy.device), batch))
        return found

    @torch.no_grad()
    def measure(self, written: Written, first: Sequence[int] = ()) -> Measured:
        """Log-probabilities by policy and reference, and values.

        Args:
            first: rows whose passes through the policy are kept to be trained on.
        """
        count = len(written.responses)
        width = max(len(r.tokens) for r in written.responses)
        device = self.policy.device
        policy, reference, values = (torch.zeros(count, width, device=device) for _ in range(3))
        begun, kept = [], set(first)
        # What is to be trained on comes last: its graph is not held while others are measured.
        parts = self.passes(written, [i for i in range(count) if i not in kept])
        later = self.passes(written, first)
        for one in parts + later:
            batch = one.batch
            place = one.index, slice(0, batch.mask.size(1))
            reference[place] = self.reference.logprobs(batch, self._options.temperature)
            if self.critic is not None:
                with self.critic.active():
                    values[place] = self.critic(batch)
        for one in parts + later:
            place = one.index, slice(0, one.batch.mask.size(1))
            training = any(one is other for other in later)
            with torch.set_grad_enabled(training):
                output = self.policy(one.batch, self._options.temperature, with_entropy=training)
            policy[place] = output.logprobs
            if output.values is not None:
                values[place] = output.values
            if training:
                begun.append(Pass(one.index, one.batch, output))
        mask = _mask(written, width).to(device)
        figures = [policy, reference, values]
        for figure in figures:
            figure.masked_fill_(~mask, 0.0)
        self.team.sum(figures)
        return Measured(policy, reference, values, mask, begun)

    def rollout(
        self,
        prompts: Prompts,
        name: str,
        beta: float,
        moments: RunningMoments,
        first: Sequence[int] = (),
        *,
        begin: bool = False,
    ) -> Rollout:
        """Responses, their rewards and advantages; the same in every process.

        Args:
            first: rows of the first minibatch, if its passes are to be kept.
            begin: let a value head of zeros expect the mean score of this rollout.
        """
        options = self._options
        written = self.write(prompts, name)
        ended = torch.tensor([r.ended for r in written.responses], device=written.raw.device)
        scores = shaped_scores(written.raw, ended, moments, options)
        if begin:
            self._expect(scores)
        measured = self.measure(written, first)
        mask = measured.mask
        kl = token_kl(measured.logprobs, measured.reference, "k1")
        charged = kl
        if options.kl_estimator == "k3":
            charged = token_kl(measured.logprobs, measured.reference, "k3")
        rewards = token_rewards(scores, charged, mask, beta)
        if options.whiten_rewards:
            rewards = whiten(rewards, mask, shift_mean=False)
        advantages, returns = gae(rewards, measured.values, mask, options.gamma, options.lam)
        return Rollout(
            written=written,
            mask=mask,
            logprobs=measured.logprobs,
            reference=measured.reference,
            values=measured.values,
            rewards=rewards,
            advantages=whiten(advantages, mask),
            returns=returns,
            scores=scores,
            kl=kl,
            penalty=-beta * charged.masked_fill(~mask, 0.0).sum(-1),
            begun=measured.begun,
        )

    @torch.no_grad()
    def _expect(self, scores: Tensor) -> None:
        """Begin a fresh value head at the mean score.

        Values of 0 under scores that are not around 0 would give late tokens large advantages
        and early ones small, whatever was written, until the head has learnt the mean.
        """
        head = self.critic.head if self.critic is not None else self.policy.value_head
        if head is not None and not self._options.whiten_rewards and not head.weight.any():
            head.bias.fill_(scores.mean())


def _mask(written: Written, width: int) -> Tensor:
    lengths = torch.tensor([len(r.tokens) for r in written.responses])
    return torch.arange(width)[None] < lengths[:, None]


def by_length(
    written: Written, rows: Sequence[int], size: int, device: torch.device, team: Team | None = None
) -> list[list[int]]:
    """Rows in groups of at most `size`, like lengths together, so that little is padding.

    Args:
        device: where they will pass through a model.
        team: group one process's share of them only.
    """

    def length(row: int) -> int:
        return len(written.prompts.tokens[row]) + len(written.responses[row].tokens)

    ordered = sorted(rows, key=lambda row: (length(row), row))
    own = (team or Team()).share(ordered)
    groups = grouped([length(row) for row in own], size, PASS_TOKENS.get(device.type, 0))
    return [[own[place] for place in group] for group in groups]
