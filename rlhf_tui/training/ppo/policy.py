"""The policy, and the forward pass that training and scoring share.

With the critic as a value head, that is linear on the policy's own trunk, and one forward and one
backward pass serve both (critics with a trunk of their own: critic.py). The language-model head
runs on the response's positions only, and of its logits only the chosen tokens' log-probabilities
stay.

Shapes: b sequences, q prompt tokens, r response tokens, h hidden size, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rlhf_tui.errors import InputError
from rlhf_tui.training.ppo.batch import Batch, response_logits
from rlhf_tui.training.ppo.losses import token_logprobs
from rlhf_tui.training.ppo.value_head import ValueHead
from rlhf_tui.training.precision import Precision, autocast, precision_of


@dataclass(frozen=True)
class Output:
    logprobs: Tensor
    """[b, r] of the response's tokens."""
    values: Tensor | None
    """[b, r] of the states before each token; None without a value head."""
    entropy: Tensor | None
    """[b, r], without gradient; None unless asked for."""


class Policy:
    """A causal language model, with a value head where that is the critic."""

    def __init__(self, model: Any, *, with_value: bool, precision: Precision | None = None) -> None:
        """Take a model in evaluation mode: PPO's ratios allow no dropout.

        Args:
            precision: of the matrix work; None: what suits the device.
        """
        self.model = model
        self.device: torch.device = next(model.parameters()).device
        self._precision = precision or precision_of("auto", self.device)
        self.value_head: ValueHead | None = None
        if with_value:
            # The first values are 0, and the trunk is moved by the policy alone until the head
            # has learnt something.
            self.value_head = ValueHead(model.config.get_text_config().hidden_size, self.device)

    def trained(self) -> dict[str, nn.Parameter]:
        """The model's weights that the optimizer moves, by name; the value head's are not here."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}

    def autocast(self) -> AbstractContextManager[Any]:
        """For whatever runs the model: training and generation work in one precision."""
        return autocast(self._precision, self.device)

    def __call__(
        self,
        batch: Batch,
        temperature: float,
        *,
        with_entropy: bool = False,
        head_only: bool = False,
    ) -> Output:
        """One forward pass over whole sequences.

        Args:
            head_only: let gradients reach the value head alone.
        """
        with (
            torch.set_grad_enabled(torch.is_grad_enabled() and not head_only),
            self.autocast(),
        ):
            logits, hidden = response_logits(self.model, batch)
        logprobs, spread = token_logprobs(
            logits, batch.chosen, temperature, with_entropy=with_entropy
        )
        values = None
        if self.value_head is not None:
            values = batch.rows(self.value_head(hidden.float())[:, 0])
        return Output(batch.rows(logprobs), values, None if spread is None else batch.rows(spread))


class Reference:
    """The starting policy: a frozen copy, or the policy itself with its adapter off."""

    def __init__(
        self, policy: Policy, copy: Any | None, *, precision: Precision | None = None
    ) -> None:
        self._frozen: Policy | None = None
        if copy is not None:
            self._frozen = Policy(copy, with_value=False, precision=precision)
        self._policy = policy

    @torch.no_grad()
    def logprobs(self, batch: Batch, temperature: float) -> Tensor:
        """[b, r] of the response's tokens."""
        if self._frozen is not None:
            return self._frozen(batch, temperature).logprobs
        with self._policy.model.disable_adapter():
            return self._policy(batch, temperature).logprobs


def recompute(model: Any) -> None:
    """Have each block compute its activations again in the backward pass, to save memory.

    transformers' own switch works in training mode alone, which turns dropout on as well, and
    takes the cache from generation. Copies of the model must be made before.

    Raises:
        InputError: the architecture names no such blocks.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    blocks = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]
    if not blocks:
        raise InputError(
            f"gradient_checkpointing cannot find the blocks of a {type(model).__name__}.",
            hint="Leave it off, and use a smaller batch_size instead.",
        )
    for block in blocks:
        block.forward = _recomputed(block.forward)


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def again(*given: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*given, **named)
        # Without dropout there is no random state to keep.
        return checkpoint(forward, *given, use_reentrant=False, preserve_rng_state=False, **named)

    return again
