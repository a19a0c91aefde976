"""The PPO loop: rollouts, and over each of them exactly epochs × minibatches optimizer steps.

Method: Schulman 2017 with a per-token KL penalty (Stiennon 2020, Ouyang 2022) and the details of
Huang 2024. Differs from TRL 1.12's trainer in that every mean is over response tokens (padding
never counts), gradients are clipped, the critic may be a head on the policy, an adapter or a model
of its own, and everything that a resumed run needs is in `state`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.training.ppo import schedule
from rlhf_tui.training.ppo.figures import Tally, rollout_figures
from rlhf_tui.training.ppo.rewards import KLController, RunningMoments
from rlhf_tui.training.ppo.rollout import Actors, Prompts, Rollout
from rlhf_tui.training.ppo.update import Updater


class PPOTrainer:
    """Holds what changes: weights, optimizer, β, running moments, position in the data."""

    def __init__(self, actors: Actors, prompts: Prompts, options: PPOOptions, rate: float) -> None:
        self.actors = actors
        self.options = options
        self.controller = KLController(options)
        self.moments = RunningMoments()
        self.rollouts = 0
        self.optimizer_steps = 0
        self.tokens = 0
        """Of prompts and responses that were trained on so far."""
        self.latest: Rollout
        """Of the last step."""
        self.updater = Updater(actors, options, rate)
        self._prompts = prompts

    @property
    def warming(self) -> bool:
        """Whether the critic alone learns now."""
        return self.rollouts < self.options.critic_warmup

    def step(self) -> dict[str, float]:
        """One rollout and its update; returns the figures to log.

        Raises:
            TrainingDiverged: a reward, loss or gradient was no finite number.
        """
        options, warming = self.options, self.warming
        rate = self.updater.set_rates(
            schedule.factor(
                options.schedule, self.rollouts, options.total_steps, options.warmup_share
            )
        )
        beta = self.controller.beta
        began = time.perf_counter()
        rollout = self.actors.rollout(
            self._prompts.pick(self._places(self.rollouts)),
            f"rollout:{self.rollouts}",
            beta,
            self.moments,
            self._first(),
            begin=self.rollouts == 0,
        )
        figures = rollout_figures(rollout)
        training = time.perf_counter()
        figures |= self.update(rollout).means(self.actors.team)
        ended = time.perf_counter()
        self.latest = rollout
        self.rollouts += 1
        if not warming:
            self.controller.update(figures["objective/kl"], options.rollout_batch_size)
        written = rollout.written
        tokens = sum(len(response.tokens) for response in written.responses)
        self.tokens += tokens + sum(map(len, written.prompts.tokens))
        episodes = float(self.rollouts * options.rollout_batch_size)
        return figures | {
            "objective/kl_coef": beta,
            "lr": rate,
            "episode": episodes,
            "num_samples": episodes,
            "num_tokens": float(self.tokens),
            "tokens_per_second": tokens / (ended - began),
            "time/rollout": written.seconds_writing,
            "time/reward": written.seconds_scoring,
            "time/measure": training - began - written.seconds_writing - written.seconds_scoring,
            "time/update": ended - training,
        }

    def update(self, rollout: Rollout) -> Tally:
        """All epochs over one rollout.

        Raises:
            TrainingDiverged: a loss or gradient was no finite number; its step was not done.
        """
        tally = Tally()
        for place, rows in self._steps():
            near = self.updater.step(
                rollout,
                rows,
                tally,
                place,
                begun=rollout.begun if tally.steps == 0 else (),
                critic_only=self.warming,
            )
            # Its graph is used up, and its memory is wanted.
            rollout.begun.clear()
            self.optimizer_steps += 1
            if self.options.stop_kl and near > self.options.stop_kl:
                break
        self.updater.check(tally, self.rollouts + 1)
        return tally

    # --- the order of things, all of it a function of the seed ------------------------------

    def _places(self, rollout: int) -> list[int]:
        """Prompts of a rollout: whole shuffled passes over the data, one behind the other."""
        size, total = self.options.rollout_batch_size, len(self._prompts.texts)
        first = rollout * size
        return [
            self._shuffled(f"pass:{place // total}", total)[place % total]
            for place in range(first, first + size)
        ]

    def _first(self) -> list[int]:
        """Rows of the rollout's first step, if its passes can be kept for it: in one batch of this
        process they take no more memory than the step itself."""
        rows = next(self._minibatches(0))
        own = -(-len(rows) // self.actors.team.size)
        return [] if self.warming or own > self.options.batch_size else rows

    def _steps(self) -> Iterator[tuple[str, list[int]]]:
        """Every optimizer step of a rollout: where it stands, and its rows."""
        for epoch in range(self.options.num_ppo_epochs):
            for part, rows in enumerate(self._minibatches(epoch)):
                yield f"epoch {epoch + 1}, minibatch {part + 1}", rows

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
        policy, critic = self.actors.policy, self.actors.critic
        head = policy.value_head
        return {
            "policy": {name: p.detach() for name, p in policy.trained().items()},
            "critic": critic.state() if critic is not None else {},
            "value_head": head.state_dict() if head is not None else {},
            "optimizer": self.updater.optimizer.state_dict(),
            "scaler": self.updater.scaler.state_dict(),
            "beta": self.controller.beta,
            "moments": [self.moments.count, self.moments.mean, self.moments.squares],
            "rollouts": self.rollouts,
            "optimizer_steps": self.optimizer_steps,
            "tokens": self.tokens,
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`: what follows is what would have followed then."""
        trained = self.actors.policy.trained()
        for name, value in state["policy"].items():
            trained[name].copy_(value)
        if self.actors.policy.value_head is not None:
            self.actors.policy.value_head.load_state_dict(state["value_head"])
        if self.actors.critic is not None:
            self.actors.critic.load_state(state["critic"])
        self.updater.optimizer.load_state_dict(state["optimizer"])
        self.updater.scaler.load_state_dict(state["scaler"])
        self.controller.beta = state["beta"]
        self.moments = RunningMoments(*state["moments"])
        self.rollouts = state["rollouts"]
        self.optimizer_steps = state["optimizer_steps"]
        # Of an earlier version: not counted.
        self.tokens = state.get("tokens", 0)
