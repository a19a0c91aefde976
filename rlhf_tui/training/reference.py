"""What our subclasses of TRL's DPO and KTO share: weights, the reference's log-probabilities.

The latter come with every batch: computed once before training (precompute_reference), or just
then. TRL computes them inside its losses, where nobody else can read them; we need them for exact
figures on validation.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

Batch = dict[str, Any]
UNIT = "beta x nats"
"""Of implicit rewards."""


class WithWeights:
    """A mixin in front of one of TRL's collators, which knows nothing of weights."""

    def torch_call(self, examples: list[dict[str, Any]]) -> Batch:
        """TRL's batch, and the weights [b] of its rows."""
        own: Any = super()
        batch: Batch = own.torch_call(examples)
        batch["weight"] = torch.tensor([row["weight"] for row in examples], dtype=torch.float)
        return batch


class Referenced:
    """A mixin in front of TRL's DPOTrainer or KTOTrainer.

    The reference is the starting policy: a frozen copy that the caller passes as `ref_model`, or
    for LoRA the model with its adapter turned off.
    """

    reference_columns: ClassVar[tuple[str, ...]]
    """Columns of the reference's log-probabilities, as compute_ref_log_probs returns them."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        me: Any = self
        if "ref" in getattr(me.model, "peft_config", {}):
            # TRL copies an adapter that it did not make itself. Ours is fresh and changes nothing
            # yet, so that turned off is the same, without a second adapter in every checkpoint.
            me.model.delete_adapter("ref")
        if me.args.precompute_ref_log_probs:
            me.ref_model = None
        # For TRL's losses: read them from the batch.
        me.precompute_ref_logps = True

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def with_reference(self, inputs: Batch) -> Batch:
        """The batch with the reference's log-probabilities [b] in it."""
        if self.reference_columns[0] in inputs:
            return inputs
        found = self._reference(inputs)
        return inputs | dict(zip(self.reference_columns, found, strict=False))

    def _reference(self, inputs: Batch) -> tuple[Tensor, ...]:
        me: Any = self
        model = me.model if me.ref_model is None else me.ref_model
        # KTO has no second one where its loss needs no KL.
        return tuple(x for x in me.compute_ref_log_probs(model, inputs) if x is not None)

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """The data set with the reference's columns.

        In place of TRL's own, which has every process read a file that the first one wrote: of a
        data set in memory it lies in a temporary folder that the others do not know.
        """
        from torch.utils.data import DataLoader

        me: Any = self
        loader = me.accelerator.prepare(
            DataLoader(dataset, batch_size=batch_size, collate_fn=me.data_collator)
        )
        parts: list[tuple[Tensor, ...]] = [
            me.accelerator.gather_for_metrics(self._reference(batch)) for batch in loader
        ]
        for column, values in zip(self.reference_columns, zip(*parts, strict=True), strict=False):
            dataset = dataset.add_column(column, torch.cat(values).float().cpu().tolist())
        return dataset
