"""Notice a loss that is no finite number, name its step, and keep it out of every checkpoint.

Transformers' own filter puts an average in the place of such a loss and trains on; here the run
ends. Looking at a number waits for the GPU, so a step's losses are only remembered where they
lie, and looked at where the trainer logs or saves anyway; the step named is the first bad one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.runs.checkpoints import step_of
from rlhf_tui.training import ranks

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext


class LossWatch:
    """The losses of one of transformers' trainers, from one look to the next."""

    def __init__(self, trainer: Any) -> None:
        self._losses: list[tuple[int, Tensor]] = []
        step = trainer.training_step

        def watched(*given: Any, **named: Any) -> Tensor:
            loss: Tensor = step(*given, **named)
            self._losses.append((trainer.state.global_step + 1, loss.detach()))
            return loss

        trainer.training_step = watched

    def first_bad(self) -> int | None:
        """The first step since the last look whose loss was not finite, in whichever process."""
        found = math.inf
        if self._losses:
            steps, losses = zip(*self._losses, strict=True)
            finite = torch.isfinite(torch.stack(losses)).tolist()
            bad = (step for step, good in zip(steps, finite, strict=True) if not good)
            found = next(bad, math.inf)
        self._losses.clear()
        found = ranks.smallest(found)
        return None if math.isinf(found) else int(found)


def weights_are_finite(model: torch.nn.Module) -> bool:
    """Whether every trained weight of every process is a number: worth a look before a save, as
    a finite loss can have gradients that are not."""
    local = [
        parameter.to_local() if hasattr(parameter, "to_local") else parameter
        for parameter in model.parameters()
        if parameter.requires_grad
    ]
    good = all(torch.stack([torch.isfinite(p.detach()).all() for p in local]).tolist())
    return ranks.smallest(float(good)) == 1.0


def diverged(context: RunContext, what: str, where: str) -> TrainingDiverged:
    """The error that ends a run, with what is left of it and what to change.

    Args:
        what: `The loss`, say.
        where: the step, and the epoch.
    """
    latest = context.latest_checkpoint()
    kept = (
        f"the checkpoint of step {step_of(latest)}, from before, is kept"
        if latest is not None
        else "there is no checkpoint from before"
    )
    options = context.arguments.arguments
    rate = options.get("learning_rate")
    changes = [f"a lower learning_rate (it is {rate:g})" if rate else "a lower learning_rate"]
    if options.get("precision") == "fp16":
        changes.append("precision = 'bf16' or 'fp32'")
    if "max_grad_norm" in options:
        changes.append(f"a max_grad_norm below {options['max_grad_norm']:g}")
    return TrainingDiverged(
        f"{what} is no finite number at {where}; {kept}.", hint=f"Try {', or '.join(changes)}."
    )
