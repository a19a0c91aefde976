"""Critics with a trunk of their own: an adapter on the policy's base, or a model beside it.

Where they start: the reward model knows already what is worth how much (Ouyang 2022 start the
critic from it), so its adapter or its body is taken where shapes and tokens allow, with its score
head as the value head. Otherwise the critic starts as the policy does, with a head of zeros.
The critic is tuned as the policy is (all weights, an adapter, the last block); its head always.

Shapes as in policy.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rlhf_tui.training.ppo.batch import Batch
from rlhf_tui.training.precision import Precision, autocast, precision_of

ADAPTER = "critic"
"""The critic's adapter on the policy's base."""
POLICY = "default"
"""The policy's own adapter, as PEFT names it."""


class Critic:
    """Values of what the policy wrote: a trunk with a linear head of one output."""

    def __init__(
        self,
        trunk: Any,
        head: nn.Linear,
        trained: dict[str, nn.Parameter],
        *,
        shared: Any | None = None,
        precision: Precision | None = None,
    ) -> None:
        """Take a trunk in evaluation mode.

        Args:
            trained: the trunk's weights that the optimizer moves, by name.
            shared: the policy's PeftModel, if the trunk is its base with the critic's adapter.
        """
        self.trunk = trunk
        self.head = head
        self.trained = trained
        self._layers = _adapted_layers(shared) if shared is not None else []
        self._device = head.weight.device
        self._precision = precision or precision_of("auto", self._device)

    def parameters(self) -> list[nn.Parameter]:
        """What the optimizer moves."""
        return [*self.trained.values(), *self.head.parameters()]

    @contextmanager
    def active(self) -> Iterator[None]:
        """Have the shared base work with the critic's adapter, for a forward pass and its
        backward pass, which may compute activations again."""
        self._switch(ADAPTER)
        try:
            yield
        finally:
            self._switch(POLICY)

    def _switch(self, adapter: str) -> None:
        # What PEFT's set_adapter comes to; it walks all modules, which takes as long as a pass
        # through a small model.
        for layer in self._layers:
            layer._active_adapter = [adapter]
        if self._layers:
            for parameter in self.trained.values():
                parameter.requires_grad_(adapter == ADAPTER)

    def __call__(self, batch: Batch) -> Tensor:
        """[b, r] values of the states before each response token; call it within `active`."""
        with autocast(self._precision, self._device):
            hidden = self.trunk(input_ids=batch.inputs, use_cache=False).last_hidden_state
        return batch.rows(self.head(batch.states(hidden).float())[:, 0])

    def state(self) -> dict[str, Any]:
        """All that changes; loads under torch's weights_only."""
        return {
            "trunk": {name: p.detach() for name, p in self.trained.items()},
            "head": self.head.state_dict(),
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        for name, value in state["trunk"].items():
            self.trained[name].copy_(value)
        self.head.load_state_dict(state["head"])


def _adapted_layers(model: Any) -> list[Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
