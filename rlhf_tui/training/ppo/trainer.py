"""The PPO loop: rollouts, and over each of them exactly epochs × minibatches optimizer steps.

Method: Schulman 2017 with a per-token KL penalty (Stiennon 2020, Ouyang 2022) and the details of
Huang 2024. Differs from TRL 1.12's trainer in that every mean is over response tokens (padding
never counts), gradients are clipped, the critic is a head on the policy, and everything that a
resumed run needs is in `state`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.training.ppo import schedule
from rlhf_tui.training.ppo.losses import explained_variance, masked_sum, policy_loss, value_loss
from rlhf_tui.training.ppo.rewards import KLController, RunningMoments
from rlhf_tui.training.ppo.rollout import Actors, Prompts, Rollout, by_length

ADAM_EPSILON = 1e-5
"""Larger than Adam's usual 1e-8, as in the original PPO: small gradients stay small steps."""


class Tally:
    """Token-weighted means of an update's figures, kept as tensors until it is over."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._tokens: Tensor | float = 0.0
        self.steps = 0
        self._norms: list[Tensor] = []

    def add(self, mask: Tensor, **values: Tensor) -> None:
        """Take in [b, r] figures of the tokens under the mask."""
        self._tokens = self._tokens + mask.sum()
        for name, value in values.items():
            summed = masked_sum(value.detach(), mask)
            self._sums[name] = self._sums[name] + summed if name in self._sums else summed

    def step(self, norm: Tensor) -> None:
        """Count an optimizer step, with its gradient norm before the clip."""
        self.steps += 1
        self._norms.append(norm)

    def means(self) -> dict[str, float]:
        found = {name: float(value / self._tokens) for name, value in self._sums.items()}
        found["grad_norm"] = float(torch.stack(self._norms).mean())
        return found


class PPOTrainer:
    """Holds what changes: weights, optimizer, β, running moments, position in the data."""

    def __init__(self, actors: Actors, prompts: Prompts, options: PPOOptions, rate: float) -> None:
        self.actors = actors
        self.options = options
        self.controller = KLController(options)
        self.moments = RunningMoments()
        self.rollouts = 0
        self.optimizer_steps = 0
        self._prompts = prompts
        self._rate = rate
        self._parameters = actors.policy.parameters()
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=rate, eps=ADAM_EPSILON, weight_decay=options.weight_decay
        )

    def step(self) -> dict[str, float]:
        """One rollout and its update; returns the figures to log."""
        options = self.options
        rate = self._rate * schedule.factor(
            options.schedule, self.rollouts, options.total_steps, options.warmup_share
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        beta = self.controller.beta
        began = time.perf_counter()
        rollout = self.actors.rollout(
            self._prompts.pick(self._places(self.rollouts)),
            f"rollout:{self.rollouts}",
            beta,
            self.moments,
        )
        training = time.perf_counter()
        tally = self.update(rollout)
        ended = time.perf_counter()
        self.rollouts += 1
        figures = rollout_figures(rollout)
        self.controller.update(figures["objective/kl"], options.rollout_batch_size)
        figures |= update_figures(tally)
        tokens = float(rollout.mask.sum())
        return figures | {
            "objective/kl_coef": beta,
            "lr": rate,
            "episode": float(self.rollouts * options.rollout_batch_size),
            "tokens_per_second": tokens / (ended - began),
            "time/rollout": training - began - rollout.written.seconds_scoring,
            "time/score": rollout.written.seconds_scoring,
            "time/train": ended - training,
        }

    def update(self, rollout: Rollout) -> Tally:
        """All epochs over one rollout."""
        tally = Tally()
        for epoch in range(self.options.num_ppo_epochs):
            for rows in self._minibatches(epoch):
                near = self._optimize(rollout, rows, tally)
                if self.options.stop_kl and near > self.options.stop_kl:
                    return tally
        return tally

    def _optimize(self, rollout: Rollout, rows: list[int], tally: Tally) -> float:
        """One optimizer step on some of the rollout's rows; returns their approximate KL."""
        options = self.options
        count = rollout.mask[rows].sum()
        self.optimizer.zero_grad(set_to_none=True)
        drift = torch.zeros((), device=rollout.mask.device)
        for part in by_length(rollout.written, rows, options.batch_size):
            batch = self.actors.batch(rollout.written, part)
            length = batch.tokens.size(1)
            old, advantages, values, returns = (
                t[part, :length]
                for t in (rollout.logprobs, rollout.advantages, rollout.values, rollout.returns)
            )
            output = self.actors.policy(batch, options.temperature, with_entropy=True)
            assert output.values is not None and output.entropy is not None
            surrogate = policy_loss(
                output.logprobs, old, advantages, batch.mask, options.cliprange, count
            )
            critic = value_loss(
                output.values, values, returns, batch.mask, options.cliprange_value, count
            )
            torch.autograd.backward(surrogate.loss + options.vf_coef * critic.loss)
            share = count / batch.mask.sum()
            drift = drift + masked_sum(surrogate.approximate_kl, batch.mask) / count
            tally.add(
                batch.mask,
                approxkl=surrogate.approximate_kl,
                clipfrac=surrogate.clipped,
                value_clipfrac=critic.clipped,
                entropy=output.entropy,
                ratio=surrogate.ratio,
                ratio_square=surrogate.ratio**2,
                policy_loss=(surrogate.loss * share).expand_as(batch.mask),
                value_loss=(critic.loss * share).expand_as(batch.mask),
            )
        tally.step(torch.nn.utils.clip_grad_norm_(self._parameters, options.max_grad_norm))
        self.optimizer.step()
        self.optimizer_steps += 1
        return float(drift) if options.stop_kl else 0.0

    # --- the order of things, all of it a function of the seed ------------------------------

    def _places(self, rollout: int) -> list[int]:
        """Prompts of a rollout: whole shuffled passes over the data, one behind the other."""
        size, total = self.options.rollout_batch_size, len(self._prompts.texts)
        first = rollout * size
        return [
            self._shuffled(f"pass:{place // total}", total)[place % total]
            for place in range(first, first + size)
        ]

    def _minibatches(self, epoch: int) -> Iterator[list[int]]:
        size, parts = self.options.rollout_batch_size, self.options.num_mini_batches
        order = self._shuffled(f"epoch:{self.rollouts}:{epoch}", size)
        for part in range(parts):
            yield order[size * part // parts : size * (part + 1) // parts]

    def _shuffled(self, name: str, count: int) -> list[int]:
        return schedule.shuffled(self.options.seed, name, count)

    # --- resume -----------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that changes, at a rollout's boundary; loads under torch's weights_only."""
        trained = {n: p for n, p in self.actors.policy.model.named_parameters() if p.requires_grad}
        head = self.actors.policy.value_head
        return {
            "policy": {name: p.detach() for name, p in trained.items()},
            "value_head": head.state_dict() if head is not None else {},
            "optimizer": self.optimizer.state_dict(),
            "beta": self.controller.beta,
            "moments": [self.moments.count, self.moments.mean, self.moments.squares],
            "rollouts": self.rollouts,
            "optimizer_steps": self.optimizer_steps,
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`: what follows is what would have followed then."""
        named = dict(self.actors.policy.model.named_parameters())
        for name, value in state["policy"].items():
            named[name].copy_(value)
        if self.actors.policy.value_head is not None:
            self.actors.policy.value_head.load_state_dict(state["value_head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.controller.beta = state["beta"]
        self.moments = RunningMoments(*state["moments"])
        self.rollouts = state["rollouts"]
        self.optimizer_steps = state["optimizer_steps"]


def rollout_figures(rollout: Rollout) -> dict[str, float]:
    """What is logged of a rollout; sums over a response, then means over responses."""
    responses = rollout.written.responses
    count = len(responses)
    penalty = float(rollout.penalty.mean())
    scores = float(rollout.scores.mean())
    return rollout.written.terms | {
        "objective/kl": float(rollout.kl.sum() / count),
        "objective/entropy": float(-rollout.logprobs.sum() / count),
        "objective/non_score_reward": penalty,
        "objective/rlhf_reward": penalty + scores,
        "objective/scores": scores,
        "val/num_eos_tokens": float(sum(r.ended for r in responses)),
        "val/explained_variance": explained_variance(rollout.values, rollout.returns, rollout.mask),
        "response_length": sum(len(r.tokens) for r in responses) / count,
    }


def update_figures(tally: Tally) -> dict[str, float]:
    """What is logged of an update; means over response tokens and optimizer steps."""
    means = tally.means()
    return {
        "policy/approxkl_avg": means["approxkl"],
        "policy/clipfrac_avg": means["clipfrac"],
        "policy/entropy_avg": means["entropy"],
        "loss/policy_avg": means["policy_loss"],
        "loss/value_avg": means["value_loss"],
        "val/clipfrac_avg": means["value_clipfrac"],
        "val/ratio": means["ratio"],
        "val/ratio_var": max(0.0, means["ratio_square"] - means["ratio"] ** 2),
        "grad_norm": means["grad_norm"],
        "optimizer_steps": float(tally.steps),
    }
