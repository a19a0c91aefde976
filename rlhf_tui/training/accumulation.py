"""Gradient accumulation in which every row of an optimizer step counts alike.

transformers' Trainer takes the mean of the forward passes' mean losses. Where the last pass of an
epoch holds fewer rows than the others of its step, each of them would count for more: a single row
behind a full pass of eight as much as those eight together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


class EvenRows:
    """A mixin in front of a trainer whose loss is a mean over the rows of a forward pass.

    Its `compute_loss` multiplies the loss by `share`. Of several processes each holds equally many
    rows in a pass, so that the mean over processes needs nothing of the kind.
    """

    share: Any = 1.0
    """Rows of the pass going on, over the mean rows of its step's passes; 1 in evaluation."""
    _rows: Any = None

    def rows_of(self, inputs: dict[str, Any]) -> Any:
        """Rows of a batch, as a number or a scalar on its device."""
        return len(inputs["weight"])

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        me: Any = super()
        found: tuple[list[Any], Any] = me.get_batch_samples(epoch_iterator, num_batches, device)
        batches = found[0]
        self._rows = sum(self.rows_of(batch) for batch in batches) / max(1, len(batches))
        return found

    def training_step(self, model: Any, inputs: dict[str, Any], *rest: Any, **named: Any) -> Any:
        me: Any = super()
        self.share = self.rows_of(inputs) / self._rows if self._rows is not None else 1.0
        try:
            return me.training_step(model, inputs, *rest, **named)
        finally:
            self.share = 1.0
