"""PPO's losses and statistics as pure functions on tensors; nothing here knows a model.

Sources: Schulman 2017 (clipped surrogate), Huang 2024, 'The N+ Implementation Details of RLHF
with PPO' (clipped value loss), Schulman 2020, 'Approximating KL Divergence' (k1, k3).

Shapes: b sequences, r response tokens, v vocabulary. A mask is [b, r], True on the tokens of the
response, EOS included; what stands elsewhere never changes a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 1 << 20
"""Logits that are worked on at once."""


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over the masked places: a scalar. Whatever stands elsewhere, NaN too, is left out."""
    return values.masked_fill(~mask, 0.0).sum()


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the masked places: a scalar."""
    return masked_sum(values, mask) / mask.sum()


def whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True) -> Tensor:
    """Scale to variance 1 over the masked places, and shift to mean 0 unless told not to.

    (x - mean) / sqrt(var + 1e-8), var the mean squared deviation; without the shift the mean is
    added back. Returns [b, r], 0 outside the mask.
    """
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean) ** 2, mask)
    white = (values - mean) * torch.rsqrt(variance + 1e-8)
    if not shift_mean:
        white = white + mean
    return white.masked_fill(~mask, 0.0)


def token_logprobs(
    logits: Tensor, tokens: Tensor, temperature: float, *, with_entropy: bool = False
) -> tuple[Tensor, Tensor | None]:
    """Log-probability of each chosen token, and the entropy in nats where it was drawn: both [n].

    A few rows of logits at a time are brought to float32; what stays for the backward pass is the
    logits as they came, from which it computes the probabilities again. No gradient flows through
    the entropy.

    Args:
        logits: [n, v].
        tokens: [n].
    """
    apply: Any = _Chosen.apply  # torch has no types here
    logprobs, spread = apply(logits, tokens, temperature, with_entropy)
    return logprobs, spread if with_entropy else None


class _Chosen(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, tokens: Tensor, temperature: float, with_entropy: bool
    ) -> tuple[Tensor, Tensor]:
        chosen = logits.new_empty(len(logits), dtype=torch.float32)
        spread = logits.new_empty(len(logits) if with_entropy else 0, dtype=torch.float32)
        for part in _parts(logits):
            every = torch.log_softmax(_scaled(logits[part], temperature), -1)
            chosen[part] = every.gather(-1, tokens[part, None])[:, 0]
            if with_entropy:
                spread[part] = -torch.linalg.vecdot(every.exp(), every)
        ctx.save_for_backward(logits, tokens)
        ctx.temperature = temperature
        ctx.mark_non_differentiable(spread)
        return chosen, spread

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        logits, tokens = ctx.saved_tensors
        scale = (gradient / ctx.temperature)[:, None]
        found = torch.empty_like(logits)
        for part in _parts(logits):
            inner = torch.softmax(_scaled(logits[part], ctx.temperature), -1).mul_(-scale[part])
            inner.scatter_add_(-1, tokens[part, None], scale[part])
            found[part] = inner
        return found, None, None, None


def _scaled(logits: Tensor, temperature: float) -> Tensor:
    return logits.float() if temperature == 1.0 else logits.float() / temperature


def _parts(logits: Tensor) -> Iterator[slice]:
    rows = max(1, CHUNK // logits.size(-1))
    for start in range(0, len(logits), rows):
        yield slice(start, start + rows)


def token_kl(logprobs: Tensor, reference: Tensor, estimator: Literal["k1", "k3"]) -> Tensor:
    """Estimate of KL(policy ‖ reference) of each token sampled from the policy, in nats.

    k1 is log π/π_ref: unbiased, of any sign. k3 is π_ref/π - 1 - log π_ref/π: unbiased, never
    negative.
    """
    difference = logprobs - reference
    if estimator == "k1":
        return difference
    return torch.exp(-difference) - 1 + difference


@dataclass(frozen=True)
class PolicyLoss:
    loss: Tensor
    """Scalar: the tokens' losses summed, divided by `count`."""
    ratio: Tensor
    """[b, r] new to old probability, detached."""
    clipped: Tensor
    """[b, r] whether the clip decided, as 0 or 1."""
    approximate_kl: Tensor
    """[b, r] half the squared log-ratio, detached: KL of the old to the new policy."""


def policy_loss(
    logprobs: Tensor,
    old: Tensor,
    advantages: Tensor,
    mask: Tensor,
    cliprange: float,
    count: Tensor | float,
) -> PolicyLoss:
    """The clipped surrogate, as a loss.

    Args:
        logprobs, old, advantages: [b, r].
        count: tokens of the whole optimizer step, of which this may be a part.
    """
    log_ratio = (logprobs - old).masked_fill(~mask, 0.0)
    ratio = log_ratio.exp()
    plain = -advantages * ratio
    clip = -advantages * ratio.clamp(1 - cliprange, 1 + cliprange)
    loss = masked_sum(torch.maximum(plain, clip), mask) / count
    return PolicyLoss(loss, ratio.detach(), (clip > plain).float(), 0.5 * log_ratio.detach() ** 2)


@dataclass(frozen=True)
class ValueLoss:
    loss: Tensor
    """Scalar: half the squared errors summed, divided by `count`."""
    clipped: Tensor
    """[b, r] whether the clip decided, as 0 or 1."""


def value_loss(
    values: Tensor,
    old: Tensor,
    returns: Tensor,
    mask: Tensor,
    cliprange: float,
    count: Tensor | float,
) -> ValueLoss:
    """The value loss that does not reward leaving the clip range around the old values.

    Args:
        values, old, returns: [b, r].
        count: as in `policy_loss`.
    """
    near = old + (values - old).clamp(-cliprange, cliprange)
    plain, clip = (values - returns) ** 2, (near - returns) ** 2
    loss = 0.5 * masked_sum(torch.maximum(plain, clip), mask) / count
    return ValueLoss(loss, (clip > plain).float())


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """1 - Var(returns - values) / Var(returns) over the masked places; 0 if returns are equal."""
    chosen, wanted = values[mask].double(), returns[mask].double()
    spread = wanted.var(correction=0)
    if spread <= 1e-12:
        return 0.0
    return float(1 - (wanted - chosen).var(correction=0) / spread)
