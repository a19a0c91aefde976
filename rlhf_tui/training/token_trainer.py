"""The thin subclass of TRL's SFTTrainer whose evaluation is a mean over tokens.

TRL's eval_loss is a mean of batch means, in which the tokens of short rows weigh more; a
perplexity made of it would not be one.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from trl import SFTTrainer

from rlhf_tui.training.data import IGNORED
from rlhf_tui.training.distributions import Values


class TokenTrainer(SFTTrainer):  # type: ignore[misc]  # TRL has no types
    """SFTTrainer with eval_loss in nats a token, eval_perplexity, and packed rows counted right."""

    _total_train_tokens: int

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._read: list[tuple[Tensor, Tensor]] = []
        """Of each batch of the evaluation going on: nats and tokens that count, [b] each."""
        self._learnt: list[tuple[Tensor, Tensor]] = []
        """The same of this process's batches since the last line of training."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        seen: list[Any] = []
        before = self._total_train_tokens

        def watched(**given: Any) -> Any:
            seen.append(model(**given))
            return seen[-1]

        found = super().compute_loss(watched, inputs, return_outputs, num_items_in_batch)
        nats = -seen[0].log_probs.detach().float().sum(-1)
        tokens = (inputs["labels"][:, 1:] != IGNORED).sum(-1)
        if not self.model.training:
            self._read.append(self.accelerator.gather_for_metrics((nats, tokens)))
            return found
        self._learnt.append((nats, tokens))
        if "attention_mask" not in inputs:
            # TRL takes a batch without a mask for one row. Every example has one first token and
            # one second; padding looks like first tokens.
            places = inputs["position_ids"]
            own = (places > 0).sum() + (places == 1).sum()
            self._total_train_tokens = before + int(self.accelerator.gather(own).sum())
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        return found

    def evaluate(self, *args: Any, **named: Any) -> dict[str, float]:
        self._read = []
        found: dict[str, float] = super().evaluate(*args, **named)
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "eval_loss" in logs and self._read:
            nats, tokens = (
                torch.cat(part).double().sum() for part in zip(*self._read, strict=True)
            )
            logs["eval_loss"] = float(nats / tokens.clamp(min=1))
            logs["eval_perplexity"] = perplexity(logs["eval_loss"])
        super().log(logs, start_time)
        if "loss" in logs:
            self._learnt = []

    def distributions(self, logs: dict[str, float]) -> Values:
        """How the losses of rows lie: those behind a line, of training or evaluation.

        Of training they are this process's own, as they were when they were learnt from.
        """
        name = "eval_loss" if "eval_loss" in logs else "loss"
        kept = self._read if name == "eval_loss" else self._learnt
        if not kept:
            return {}
        nats, tokens = (torch.cat(part).double() for part in zip(*kept, strict=True))
        return {name: ((nats / tokens)[tokens > 0], "nats a token")}


def perplexity(loss: float) -> float:
    """e to the nats a token; infinite where that is too large for a number."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf
