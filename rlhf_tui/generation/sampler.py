"""The one sampler: batched generation with a key-value cache, for runs and for PPO's rollouts.

Each row brings its own uniform random numbers and draws by the inverse of its distribution, so
what a row becomes does not depend on the rows beside it, on their order or on the batch size
(up to rounding). Sampling itself has no top-k; top-p is 1 in rollouts, since PPO's ratios are
of the whole distribution.

Shapes: b rows, q prompt tokens, r response tokens, v vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from rlhf_tui.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How to draw, and when to end."""

    max_new_tokens: int
    stop: Sequence[int]
    """Tokens that end a response."""
    fill: int
    """Fills the masked places."""
    temperature: float = 1.0
    """0: always the likeliest token."""
    top_p: float = 1.0


@dataclass(frozen=True)
class Response:
    tokens: list[int]
    """With the stop token, when there is one."""
    ended: bool
    """False when it was cut at max_new_tokens."""

    @property
    def written(self) -> list[int]:
        """The tokens that are text: without the stop token, which need not be a special one."""
        return self.tokens[:-1] if self.ended else self.tokens


def uniforms(seed: int, keys: Sequence[str], steps: int) -> Tensor:
    """Random numbers of rows by name: [b, steps] in [0, 1), float64.

    The same seed and key give the same numbers, wherever the row stands.
    """
    rows = [
        numpy.random.Generator(numpy.random.PCG64(_entropy(seed, key))).random(steps)
        for key in keys
    ]
    return torch.from_numpy(numpy.stack(rows))


def _entropy(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{key}".encode()).digest(), "big")


def left_pad(rows: Sequence[Sequence[int]], fill: int) -> tuple[Tensor, Tensor]:
    """Token rows as [b, q] with padding in front, and their mask."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), fill, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, width - len(row) :] = torch.tensor(row, dtype=torch.long)
        mask[place, width - len(row) :] = 1
    return ids, mask


def choose(logits: Tensor, uniform: Tensor, temperature: float, top_p: float) -> Tensor:
    """Draw one token a row by inverse transform.

    Args:
        logits: [b, v].
        uniform: [b] in [0, 1).
        temperature: 0 takes the likeliest, and the number changes nothing.
        top_p: the smallest set of tokens that holds this mass is kept.

    Returns:
        [b] tokens.
    """
    if temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits.float() / temperature, -1)
    if top_p >= 1.0:
        return _draw(probabilities, uniform)
    ordered, tokens = probabilities.sort(-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    place = _draw(ordered.masked_fill(before >= top_p, 0.0), uniform)
    return tokens.gather(-1, place[:, None])[:, 0]


def _draw(weights: Tensor, uniform: Tensor) -> Tensor:
    # In float64: a float32 sum over a large vocabulary misses 1 by more than a rare token's mass.
    mass = weights.double().cumsum(-1)
    wanted = uniform[:, None] * mass[:, -1:]
    place = torch.searchsorted(mass, wanted, right=True)[:, 0]
    # Rounding can leave a number at the very top: then the last token that has any mass.
    last = weights.size(-1) - 1 - (weights > 0).flip(-1).int().argmax(-1)
    return torch.minimum(place, last)


@torch.inference_mode()
def sample(
    model: Any, prompts: Sequence[Sequence[int]], numbers: Tensor, sampling: Sampling
) -> list[Response]:
    """Continue each prompt until a stop token or `max_new_tokens`.

    Args:
        model: a causal language model in evaluation mode.
        prompts: [b] lists of tokens, none empty.
        numbers: [b, max_new_tokens] uniform numbers.

    Raises:
        InputError: the model keeps no cache of this kind.
    """
    device = next(model.parameters()).device
    ids, mask = (t.to(device) for t in left_pad(prompts, sampling.fill))
    numbers = numbers.to(device)
    stop = torch.tensor(list(sampling.stop), device=device)
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    tokens = torch.full((len(prompts), sampling.max_new_tokens), sampling.fill, device=device)
    lengths = torch.full((len(prompts),), sampling.max_new_tokens, device=device)
    rows = torch.arange(len(prompts), device=device)
    going = torch.ones(len(prompts), dtype=torch.bool, device=device)
    cache = None
    for step in range(sampling.max_new_tokens):
        output = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = getattr(output, "past_key_values", None)
        if cache is None:
            raise InputError(
                f"A {type(model).__name__} keeps no key-value cache, from which texts are written"
                " here.",
                hint="Use a model with attention layers.",
            )
        token = choose(
            output.logits[:, -1], numbers[rows, step], sampling.temperature, sampling.top_p
        )
        tokens[rows[going], step] = token[going]
        ending = going & torch.isin(token, stop)
        lengths[rows[ending]] = step + 1
        going = going & ~ending
        left = int(going.sum())
        if not left:
            break
        if left <= len(going) // 2:
            # Rows that ended would cost as much as the others: leave them behind.
            # By the name for beam search, which layers with a running state know as well.
            cache.reorder_cache(going.nonzero()[:, 0])
            rows, token, mask, position = (t[going] for t in (rows, token, mask, position))
            going = going[going]
        ids = token[:, None]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], -1)
        position = position[:, -1:] + 1
    return _responses(tokens, lengths, stop)


def _responses(tokens: Tensor, lengths: Tensor, stop: Tensor) -> list[Response]:
    ended = torch.isin(tokens.gather(-1, (lengths - 1)[:, None])[:, 0], stop)
    return [
        Response(row[:length], end)
        for row, length, end in zip(tokens.tolist(), lengths.tolist(), ended.tolist(), strict=True)
    ]
