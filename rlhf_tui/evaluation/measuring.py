"""What a model says of token rows: sums over responses, and rewards. Forward passes alone.

Rows of like length go together, so that little is padded; results are in the order given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rlhf_tui.training.ppo.batch import make_batch, response_logits
from rlhf_tui.training.ppo.losses import token_logprobs
from rlhf_tui.training.precision import Precision, autocast
from rlhf_tui.training.rendering import Row
from rlhf_tui.training.scoring import right_pad

LOGITS_BYTES = 2**28
"""Most that the logits of a batch may take: with a vocabulary of 150,000 that is 447 tokens."""


@dataclass(frozen=True)
class Forward:
    """How to run a model."""

    fill: int
    """Token of masked places."""
    batch_size: int
    precision: Precision = "fp32"


@dataclass(frozen=True)
class Said:
    """A language model's word on one response."""

    logprob: float
    """Sum over its tokens, nats."""
    tokens: int
    """EOS included."""
    hits: int
    """Tokens that the model took to be the likeliest."""


@torch.no_grad()
def responses(model: Any, rows: Sequence[Row], how: Forward) -> list[Said]:
    """Log-probabilities of the rows' responses, each given its prompt and what went before."""
    model.eval()
    device = next(model.parameters()).device
    vocabulary = model.config.get_text_config().vocab_size
    found: list[Said | None] = [None] * len(rows)
    for places in _batches([(len(r.prompt), len(r.completion)) for r in rows], how, vocabulary):
        some = [rows[place] for place in places]
        batch = make_batch([r.prompt for r in some], [r.completion for r in some], how.fill, device)
        with autocast(how.precision, device):
            logits, _ = response_logits(model, batch)
        logprobs, _ = token_logprobs(logits, batch.chosen, 1.0)
        sums = batch.rows(logprobs).sum(-1)
        hits = batch.rows((logits.argmax(-1) == batch.chosen).long()).sum(-1)
        for place, value, hit in zip(places, sums.tolist(), hits.tolist(), strict=True):
            found[place] = Said(value, len(rows[place].completion), hit)
    return [said for said in found if said is not None]


@torch.no_grad()
def rewards(model: Any, texts: Sequence[Sequence[int]], how: Forward) -> list[float]:
    """The first output of a reward model for each token row; equal rows are read once."""
    model.eval()
    device = next(model.parameters()).device
    distinct = list(dict.fromkeys(tuple(text) for text in texts))
    known: dict[tuple[int, ...], float] = {}
    for places in _batches([(len(text), 0) for text in distinct], how, 0):
        some = [distinct[place] for place in places]
        ids, mask = right_pad(some, how.fill)
        with autocast(how.precision, device):
            logits = model(
                input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False
            ).logits
        known.update(zip(some, logits[:, 0].float().tolist(), strict=True))
    return [known[tuple(text)] for text in texts]


def _batches(
    lengths: Sequence[tuple[int, int]], how: Forward, vocabulary: int
) -> Iterator[list[int]]:
    """Places by length, as many at a time as may be.

    Args:
        lengths: of each row's prompt and response, tokens.
        vocabulary: of the logits that a response's tokens need; 0: none to speak of.
    """
    batch: list[int] = []
    longest = 0
    for place in sorted(range(len(lengths)), key=lambda i: lengths[i][::-1]):
        longest = max(longest, lengths[place][1])
        size = (len(batch) + 1) * longest * vocabulary * 4
        if batch and (len(batch) == how.batch_size or size > LOGITS_BYTES):
            yield batch
            batch, longest = [], lengths[place][1]
        batch.append(place)
    if batch:
        yield batch
