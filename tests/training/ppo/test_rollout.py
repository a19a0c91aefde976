"""A whole rollout against its definition, written out in loops over single tokens in float64."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from helpers import ppo_pair
from helpers.tiny import save_policy, save_reward_model

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.rollout import Rollout

BETA = 0.3


def slow_penalties(rollout: Rollout, row: int, estimator: str) -> list[float]:
    """-β·KL_t of each token."""
    penalties = []
    for t in range(len(rollout.written.responses[row].tokens)):
        ratio = float(rollout.logprobs[row, t]) - float(rollout.reference[row, t])
        kl = ratio if estimator == "k1" else math.exp(-ratio) - 1 + ratio
        penalties.append(-BETA * kl)
    return penalties


def slow_rewards(rollout: Rollout, options: PPOOptions) -> list[list[float]]:
    """r_t = -β·KL_t, the shaped score on the last token; divided by their deviation if asked."""
    rewards = []
    for row, response in enumerate(rollout.written.responses):
        per_token = slow_penalties(rollout, row, options.kl_estimator)
        score = float(rollout.written.raw[row])
        if not response.ended:
            score -= options.missing_eos_penalty
        if options.reward_clip:
            score = min(max(score, -options.reward_clip), options.reward_clip)
        per_token[-1] += score
        rewards.append(per_token)
    if options.whiten_rewards:
        mean, deviation = moments(rewards)
        rewards = [[(r - mean) / deviation + mean for r in row] for row in rewards]
    return rewards


def moments(rows: list[list[float]]) -> tuple[float, float]:
    flat = [value for row in rows for value in row]
    mean = sum(flat) / len(flat)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in flat) / len(flat) + 1e-8)


def slow_advantages(rollout: Rollout, options: PPOOptions) -> list[list[float]]:
    """Σ (γλ)^k δ_{t+k} to the end of the response, not yet whitened."""
    advantages = []
    for row, rewards in enumerate(slow_rewards(rollout, options)):
        values = [float(v) for v in rollout.values[row, : len(rewards)]] + [0.0]
        deltas = [
            reward + options.gamma * values[t + 1] - values[t] for t, reward in enumerate(rewards)
        ]
        advantages.append(
            [
                sum((options.gamma * options.lam) ** k * d for k, d in enumerate(deltas[t:]))
                for t in range(len(deltas))
            ]
        )
    return advantages


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"kl_estimator": "k3", "reward_clip": 0.5},
        {"whiten_rewards": True, "gamma": 0.9, "lam": 0.8, "missing_eos_penalty": 2.0},
        {"critic": "separate"},
    ],
)
def test_rewards_and_advantages_are_those_of_their_definition(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    options = PPOOptions(
        model=str(save_policy(tmp_path / "policy")),
        reward_model=str(save_reward_model(tmp_path / "rm")),
        response_length=10,
        rollout_batch_size=8,
        **more,
    )
    trainer = ppo_pair.trainer(options, Team())
    actors = trainer.actors
    # One token in sixteen ends a response, so that there are short ones, and some that never end.
    actors._sampling = dataclasses.replace(actors._sampling, stop=range(2, 8192, 16))
    trainer.step()  # so that policy and reference, and values and 0, differ
    rollout = actors.rollout(
        trainer._prompts.pick(trainer._places(1)), "second", BETA, trainer.moments
    )
    lengths = [len(response.tokens) for response in rollout.written.responses]
    assert len(set(lengths)) > 2
    assert len({response.ended for response in rollout.written.responses}) == 2
    assert rollout.mask.sum(-1).tolist() == lengths
    assert (rollout.kl[rollout.mask].abs() > 1e-4).any() and rollout.values.any()
    advantages = slow_advantages(rollout, options)
    mean, deviation = moments(advantages)
    for row, expected in enumerate(advantages):
        values = rollout.values[row, : len(expected)].tolist()
        returns = [a + v for a, v in zip(expected, values, strict=True)]
        assert rollout.returns[row, : len(expected)].tolist() == pytest.approx(returns, abs=1e-4)
        white = [(a - mean) / deviation for a in expected]
        assert rollout.advantages[row, : len(expected)].tolist() == pytest.approx(white, abs=1e-4)
    outside = ~rollout.mask
    for figure in (rollout.advantages, rollout.returns, rollout.values, rollout.logprobs):
        assert not figure[outside].any()
    for row in range(len(lengths)):
        expected_sum = sum(slow_penalties(rollout, row, options.kl_estimator))
        assert float(rollout.penalty[row]) == pytest.approx(expected_sum, abs=1e-4)
