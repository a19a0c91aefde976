"""From scores and KL to per-token rewards, and from these to advantages; pure functions.

Source: Schulman 2016, 'High-Dimensional Continuous Control Using Generalized Advantage
Estimation'. Shapes as in losses.py; a response fills the first places of its row.
"""

from __future__ import annotations

import torch
from torch import Tensor


def token_rewards(scores: Tensor, kl: Tensor, mask: Tensor, beta: float) -> Tensor:
    """r_t = -β·KL_t, and the score on top of the response's last token: [b, r].

    Args:
        scores: [b].
        kl: [b, r] per token, by either estimator.
    """
    rewards = (-beta * kl).masked_fill(~mask, 0.0)
    last = mask.long().sum(-1, keepdim=True) - 1
    return rewards.scatter_add(-1, last, scores[:, None].to(rewards.dtype))


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates and returns, both [b, r], 0 outside the mask.

    A_t = δ_t + γλ·A_{t+1} with δ_t = r_t + γ·V_{t+1} - V_t; nothing follows the last token of a
    response, whose value is 0. The returns are A + V.
    """
    values = values.masked_fill(~mask, 0.0)
    rewards = rewards.masked_fill(~mask, 0.0)
    advantages = torch.zeros_like(values)
    follow = following = torch.zeros_like(values[:, 0])
    for step in reversed(range(values.size(1))):
        delta = rewards[:, step] + gamma * following - values[:, step]
        # Behind the end of a row delta is 0 and so is what is carried on.
        follow = delta + gamma * lam * follow
        advantages[:, step] = follow
        following = values[:, step]
    return advantages, (advantages + values).masked_fill(~mask, 0.0)
