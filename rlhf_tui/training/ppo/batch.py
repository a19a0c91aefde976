"""Sequences as a model reads them in training: which rows go together, and where to look.

A response follows its prompt without a gap, and padding stands at the end, where a causal model
never sees it: no mask, no positions, and attention takes its fastest way. Of the states, only
those before response tokens go on to the language-model or value head, packed, so that padding
costs nothing there either.

Shapes: b sequences of s tokens at most, r response tokens at most, n response tokens in all,
h hidden size, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from rlhf_tui.training.scoring import right_pad

PASS_TOKENS = {"cpu": 64, "cuda": 2048}
"""Tokens in whose time a pass through a model begins and ends: below so many of padding, rows are
not worth a pass of their own. Measured at 1 M and 30 M parameters (CPU); a GPU starts slower."""


@dataclass(frozen=True)
class Batch:
    inputs: Tensor
    """[b, s-1] tokens; the longest row's last is left out: nothing is predicted from it."""
    places: Tensor
    """[n] where among the b·(s-1) states the one before each response token stands."""
    chosen: Tensor
    """[n] the response tokens."""
    slots: Tensor
    """[n] where among b·r each response token stands."""
    mask: Tensor
    """[b, r] True on response tokens, EOS included."""

    def states(self, hidden: Tensor) -> Tensor:
        """[n, h] of the states [b, s-1, h]: those before the response tokens."""
        return hidden.flatten(0, 1).index_select(0, self.places)

    def rows(self, figures: Tensor) -> Tensor:
        """[b, r] of [n] figures of response tokens; 0 elsewhere."""
        flat = figures.new_zeros(self.mask.numel())
        return flat.index_copy(0, self.slots, figures).view_as(self.mask)


def make_batch(
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    fill: int,
    device: torch.device,
) -> Batch:
    """A batch of prompts, none empty, with their responses."""
    whole, _ = right_pad([[*p, *r] for p, r in zip(prompts, responses, strict=True)], fill)
    height, width = whole.shape
    longest = max(len(r) for r in responses)
    mask = torch.arange(longest) < torch.tensor([len(r) for r in responses])[:, None]
    begins = torch.tensor([row * (width - 1) + len(p) - 1 for row, p in enumerate(prompts)])
    places = (begins[:, None] + torch.arange(longest))[mask]
    slots = mask.flatten().nonzero()[:, 0]
    chosen = torch.tensor([token for r in responses for token in r])
    # All in one copy, so that the device is not waited for.
    parts = whole.flatten(), places, chosen, slots, mask.flatten().long()
    whole, places, chosen, slots, flags = torch.split(
        send(torch.cat(parts), device), [part.numel() for part in parts]
    )
    return Batch(
        whole.view(height, width)[:, :-1],
        places,
        chosen,
        slots,
        flags.view(height, longest).bool(),
    )


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy to the device without waiting for what it is doing."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def response_logits(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """One forward pass of a causal language model: logits [n, v] of the response tokens' places,
    and the states [n, h] that its head made them of."""
    kept: list[Tensor] = []

    def choose(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        kept.append(batch.states(inputs[0]))
        return (kept[0][None],)

    # At the head itself: what architectures do to its logits (scaling, soft caps) stays theirs.
    hook = model.get_output_embeddings().register_forward_pre_hook(choose)
    try:
        logits = model(input_ids=batch.inputs, use_cache=False).logits[0]
    finally:
        hook.remove()
    return logits, kept[0]


def grouped(lengths: Sequence[int], size: int, pass_tokens: int) -> list[list[int]]:
    """Places of rows in groups of like length that cost least to pass through a model.

    A group costs its rows times its longest, and `pass_tokens` for itself; dynamic programming
    over the sorted lengths finds the best cuts.

    Args:
        lengths: tokens of each row.
        size: rows of a group at most.
    """
    order = sorted(range(len(lengths)), key=lambda place: (lengths[place], place))
    best = numpy.zeros(len(order) + 1)
    cuts = [0] * (len(order) + 1)
    for end in range(1, len(order) + 1):
        first = max(0, end - size)
        rows = numpy.arange(end - first, 0, -1)
        costs = best[first:end] + rows * lengths[order[end - 1]] + pass_tokens
        cuts[end] = first + int(costs.argmin())
        best[end] = costs.min()
    groups = []
    end = len(order)
    while end:
        groups.append(order[cuts[end] : end])
        end = cuts[end]
    return groups[::-1]
