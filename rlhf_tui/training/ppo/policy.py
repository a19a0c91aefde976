"""The policy with its value head, and the forward pass that training and scoring share.

The critic is a linear head on the policy's own trunk: one forward and one backward pass serve
both. The language-model head runs on the response's positions only, and of its logits only the
chosen tokens' log-probabilities stay.

Shapes: b sequences, q prompt tokens, r response tokens, h hidden size, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rlhf_tui.generation.sampler import left_pad
from rlhf_tui.training.ppo.losses import entropy, token_logprobs
from rlhf_tui.training.precision import use_bf16
from rlhf_tui.training.scoring import right_pad


@dataclass(frozen=True)
class Batch:
    """Prompts padded in front and responses padded behind, trimmed to the longest of each."""

    ids: Tensor
    """[b, q+r]."""
    attention: Tensor
    """[b, q+r], 1 on real tokens."""
    position: Tensor
    """[b, q+r], counted from each row's first real token."""
    tokens: Tensor
    """[b, r] the responses."""
    mask: Tensor
    """[b, r] True on response tokens, EOS included."""


def make_batch(
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    fill: int,
    device: torch.device,
) -> Batch:
    left, left_mask = left_pad(prompts, fill)
    right, right_mask = right_pad(responses, fill)
    attention = torch.cat([left_mask, right_mask], -1)
    return Batch(
        torch.cat([left, right], -1).to(device),
        attention.to(device),
        (attention.cumsum(-1) - 1).clamp(min=0).to(device),
        right.to(device),
        right_mask.bool().to(device),
    )


@dataclass(frozen=True)
class Output:
    logprobs: Tensor
    """[b, r] of the response's tokens."""
    values: Tensor | None
    """[b, r] of the states before each token; None without a value head."""
    entropy: Tensor | None
    """[b, r], without gradient; None unless asked for."""


class Policy:
    """A causal language model, with a value head unless it is a reference."""

    def __init__(self, model: Any, *, with_value: bool) -> None:
        self.model = model
        self.device: torch.device = next(model.parameters()).device
        self._autocast = use_bf16(self.device)
        head = model.get_output_embeddings()
        self.value_head: nn.Linear | None = None
        if with_value:
            # Zero weights: the first values are 0, and the trunk is moved by the policy alone
            # until the head has learnt something.
            width = model.config.get_text_config().hidden_size
            self.value_head = nn.Linear(width, 1).to(self.device)
            nn.init.zeros_(self.value_head.weight)
            nn.init.zeros_(self.value_head.bias)
        self._hidden: Tensor | None = None
        head.register_forward_pre_hook(self._keep_hidden)

    def parameters(self) -> list[nn.Parameter]:
        """What the optimizer moves."""
        own = [p for p in self.model.parameters() if p.requires_grad]
        return own + (list(self.value_head.parameters()) if self.value_head else [])

    def __call__(self, batch: Batch, temperature: float, *, with_entropy: bool = False) -> Output:
        """One forward pass over whole sequences.

        The last response token is never an input: nothing is predicted from it.
        """
        with self._precision():
            logits = self.model(
                input_ids=batch.ids[:, :-1],
                attention_mask=batch.attention[:, :-1],
                position_ids=batch.position[:, :-1],
                logits_to_keep=batch.tokens.size(1),
                use_cache=False,
            ).logits
        length = batch.tokens.size(1)
        # An architecture that does not know logits_to_keep answers for every position.
        logits = logits[:, -length:]
        hidden, self._hidden = self._hidden, None
        spread = None
        if with_entropy:
            with torch.no_grad():
                spread = entropy(logits, temperature)
        logprobs = token_logprobs(logits, batch.tokens, temperature)
        if self.value_head is None or hidden is None:
            return Output(logprobs, None, spread)
        return Output(logprobs, self.value_head(hidden[:, -length:].float())[..., 0], spread)

    def _keep_hidden(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Hold what goes into the language-model head: the value head reads the same states."""
        if self.value_head is not None:
            self._hidden = inputs[0]

    @contextmanager
    def _precision(self) -> Iterator[None]:
        casting = torch.autocast("cuda", torch.bfloat16) if self._autocast else nullcontext()
        with casting:
            yield


class Reference:
    """The starting policy: a frozen copy, or the policy itself with its adapter off."""

    def __init__(self, policy: Policy, copy: Any | None) -> None:
        self._frozen = Policy(copy, with_value=False) if copy is not None else None
        self._policy = policy

    @torch.no_grad()
    def logprobs(self, batch: Batch, temperature: float) -> Tensor:
        """[b, r] of the response's tokens."""
        if self._frozen is not None:
            return self._frozen(batch, temperature).logprobs
        with self._policy.model.disable_adapter():
            return self._policy(batch, temperature).logprobs
