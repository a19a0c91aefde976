"""What happens to a score before it becomes a reward: penalty, running scale, clip."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.records import Text


@dataclass
class RunningMoments:
    """Count, mean and summed squared deviation of all scores so far.

    Source: Chan, Golub, LeVeque 1979, the parallel form of Welford's update.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: Tensor) -> None:
        """Take in [n] values."""
        many, mean = values.numel(), float(values.double().mean())
        squares = float(((values.double() - mean) ** 2).sum())
        total = self.count + many
        shift = mean - self.mean
        self.squares += squares + shift**2 * self.count * many / total
        self.mean += shift * many / total
        self.count = total

    @property
    def deviation(self) -> float:
        """Standard deviation; 1 before there are two values, or when all are equal."""
        spread = math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else 0.0
        return spread if spread > 1e-8 else 1.0


def check_score(completion: Text, score: float) -> None:
    """Refuse to learn from what is no number.

    Raises:
        TrainingDiverged: it is infinite or NaN.
    """
    if math.isfinite(score):
        return
    shown = completion if isinstance(completion, str) else completion[-1].content
    raise TrainingDiverged(
        f"The reward of a completion is {score}, no finite number: {shown[:80]!r}.",
        hint="Look at the source of the reward; the weights are as they were.",
    )


def shaped_scores(
    raw: Tensor, ended: Tensor, moments: RunningMoments, options: PPOOptions
) -> Tensor:
    """Scores as PPO takes them: [b].

    In this order: the missing-EOS penalty, division by the running standard deviation of all
    scores so far (these included), the clip.

    Args:
        raw: [b] of the reward model.
        ended: [b] whether the response ended with EOS.
    """
    scores = raw - options.missing_eos_penalty * (~ended).to(raw.dtype)
    if options.normalize_rewards:
        moments.add(scores)
        scores = scores / moments.deviation
    if options.reward_clip:
        scores = scores.clamp(-options.reward_clip, options.reward_clip)
    return scores


class KLController:
    """β: fixed, or steered so that the KL of a response stays near its target.

    Source: Ziegler 2019, section 2.2.
    """

    def __init__(self, options: PPOOptions) -> None:
        self.beta = options.kl_coef
        self._options = options

    def update(self, kl: float, episodes: int) -> None:
        """Learn from a rollout: its mean summed KL in nats, and how many responses it held."""
        if not self._options.adaptive_kl:
            return
        target = self._options.target_kl
        error = max(-0.2, min(0.2, (kl - target) / target))
        self.beta *= 1 + error * episodes / self._options.kl_horizon


def to_scores(values: list[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)
