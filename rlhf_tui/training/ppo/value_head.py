"""Value heads: a small network on the policy's own trunk, a linear one on a critic's.

A linear head on a trunk that is trained for something else explains next to nothing of what
responses will score, and a noisy critic costs KL: on the sample model a linear head at the
policy's rate came to a reward of 1.9 at 6 nats a response, with the hidden layer to the same at
2.5, as did a critic of its own.

Shapes: n states, h hidden size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

NARROWEST = 512
"""Units of the hidden layer at least: for small models they cost little and are needed most."""
RATE_BY_WIDTH = 0.4
"""Its learning rate is this over h: a step then changes values by as much at any width (Yang 2022,
'Tensor Programs V'). Measured at h = 128: 1e-3 to 3e-3 do well, the policy's 1e-4 hardly learns."""


class ValueHead(nn.Module):
    """One hidden layer, and values of 0 to begin with."""

    def __init__(self, width: int, device: torch.device) -> None:
        """
        Args:
            width: h.
        """
        super().__init__()
        self.hidden = nn.Linear(width, max(NARROWEST, width))
        self.out = zero_head(self.hidden.out_features, torch.device("cpu"))
        # The same in every process, whatever was drawn before.
        generator = torch.Generator().manual_seed(0)
        nn.init.normal_(self.hidden.weight, std=width**-0.5, generator=generator)
        nn.init.zeros_(self.hidden.bias)
        self.to(device)

    @property
    def weight(self) -> Tensor:
        """Of the last layer, as a linear head has it."""
        return self.out.weight

    @property
    def bias(self) -> Tensor:
        return self.out.bias

    @property
    def rate(self) -> float:
        """The peak learning rate that suits it."""
        return RATE_BY_WIDTH / self.hidden.in_features

    def forward(self, states: Tensor) -> Tensor:
        """[n, 1] values of states [n, h]."""
        values: Tensor = self.out(gelu(self.hidden(states)))
        return values


def zero_head(width: int, device: torch.device) -> nn.Linear:
    """A linear value head whose values are 0."""
    head = nn.Linear(width, 1).to(device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head
