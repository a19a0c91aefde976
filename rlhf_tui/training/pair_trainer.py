"""The thin subclass of TRL's DPOTrainer in which pairs have weights.

A ranking of k completions gives up to k(k-1)/2 pairs, each of weight 1/pairs, so that it counts
once. TRL's losses are used as they are, whichever is asked for: its own weighting by WPO
multiplies the loss of each pair by a product that we make ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from trl import DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from rlhf_tui.training.accumulation import EvenRows
from rlhf_tui.training.distributions import Values
from rlhf_tui.training.reference import UNIT, Batch, Referenced, WithWeights


@dataclass
class PairCollator(WithWeights, DataCollatorForPreference):  # type: ignore[misc]  # TRL has no types
    """TRL's batch of b pairs, [2b, s] with the chosen first, and their weights [b]."""


class PairTrainer(EvenRows, Referenced, DPOTrainer):  # type: ignore[misc]  # TRL has no types
    """DPOTrainer whose loss is the mean over pairs of weight · loss.

    The weights are 1 on average over a data set. `sft`, which TRL takes as one mean over the
    batch's chosen tokens, weighs each token as its pair. In evaluation the rewards are means over
    all pairs by their weights, where TRL's are means of batch means.
    """

    reference_columns: ClassVar[tuple[str, ...]] = ("ref_chosen_logps", "ref_rejected_logps")
    loss_types: list[str]
    loss_weights: list[float]

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        kinds = list(zip(self.loss_types, self.loss_weights, strict=True))
        self._sft_weight = sum(weight for kind, weight in kinds if kind == "sft")
        self.loss_types = [kind for kind, _ in kinds if kind != "sft"]
        self.loss_weights = [weight for kind, weight in kinds if kind != "sft"]
        # Losses that sort a batch have no pairs to weigh; their data sets hold equal weights.
        self.use_weighting = not {"aot", "aot_unpaired"} & set(self.loss_types)
        self.rewards: list[tuple[Tensor, ...]] = []
        """Of the evaluation going on, a batch at a time: chosen, rejected and weight, [b] each."""
        self._learnt: list[tuple[Tensor, Tensor]] = []
        """Of this process's batches since the last line: chosen and rejected, [b] each."""

    def compute_ref_log_probs(self, model: Any, inputs: Batch) -> Any:
        return super().compute_ref_log_probs(model, _without_weight(inputs))

    def compute_loss(
        self,
        model: Any,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        weight = inputs["weight"]
        inputs = self.with_reference(_without_weight(inputs))
        seen: list[Any] = []

        def weighing(**given: Any) -> Any:
            """The policy's forward pass, from which TRL's WPO finds e^(log weight) · e^0."""
            outputs = model(**given)
            if self.use_weighting and getattr(outputs, "log_probs", None) is not None:
                factor = torch.cat([weight.clamp(min=1e-12).log(), torch.zeros_like(weight)])
                outputs.log_sum_sq_probs = outputs.log_probs.detach().float() - factor[:, None]
            seen.append(outputs)
            return outputs

        found = super().compute_loss(weighing, inputs, return_outputs)
        loss = found[0] if return_outputs else found
        if self._sft_weight:
            loss = loss + self._sft_weight * sft_loss(seen[0].log_probs, inputs, weight)
        rewards = self._rewards(seen[0], inputs)
        if self.model.training:
            self._learnt.append(rewards)
        else:
            self.rewards.append(self.accelerator.gather_for_metrics((*rewards, weight)))
        loss = self.share * loss
        return (loss, found[1]) if return_outputs else loss

    @torch.no_grad()
    def _rewards(self, outputs: Any, inputs: Batch) -> tuple[Tensor, Tensor]:
        """Implicit rewards [b] of the chosen and the rejected, from a pass that is done."""
        policy = super().compute_ref_log_probs(lambda **_: outputs, inputs)
        reference = [inputs[name] for name in self.reference_columns]
        chosen, rejected = (
            self.beta * (p - r).float() for p, r in zip(policy, reference, strict=True)
        )
        return chosen, rejected

    def evaluate(self, *args: Any, **named: Any) -> dict[str, float]:
        self.rewards = []
        found: dict[str, float] = super().evaluate(*args, **named)
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "eval_loss" in logs and self.rewards:
            for name, value in weighted(*self.validation_rewards()).items():
                self._metrics["eval"][f"rewards/{name}"] = [value]
        super().log(logs, start_time)
        if "loss" in logs:
            self._learnt = []

    def distributions(self, logs: dict[str, float]) -> Values:
        """How the implicit rewards of pairs lie: those behind a line, of training or evaluation.

        Of training they are this process's own, as they were when they were learnt from.
        """
        prefix = "eval_" if "eval_loss" in logs else ""
        kept = [pair[:2] for pair in self.rewards] if prefix else self._learnt
        if not kept:
            return {}
        chosen, rejected = (torch.cat(part) for part in zip(*kept, strict=True))
        return {
            f"{prefix}rewards/margins": (chosen - rejected, UNIT),
            f"{prefix}rewards/chosen": (chosen, UNIT),
            f"{prefix}rewards/rejected": (rejected, UNIT),
        }

    def validation_rewards(self) -> tuple[Tensor, Tensor, Tensor]:
        """Implicit rewards β·log(π/π_ref) of the last evaluation, in the data set's order.

        Returns:
            Chosen, rejected and weight, [n] each.
        """
        chosen, rejected, weight = (torch.cat(part) for part in zip(*self.rewards, strict=True))
        return chosen, rejected, weight


def sft_loss(log_probs: Tensor, inputs: Batch, weight: Tensor) -> Tensor:
    """Negative log-likelihood a token of the chosen texts, each token weighing as its pair.

    Args:
        log_probs: [2b, s-1] of the next tokens.
        weight: [b].
    """
    count = len(weight)
    mask = inputs["completion_mask"][:count, 1:] * weight[:, None]
    total: Tensor = (log_probs[:count, -mask.shape[1] :] * mask).sum()
    loss: Tensor = -total / mask.sum().clamp(min=1e-9)
    return loss


def weighted(chosen: Tensor, rejected: Tensor, weight: Tensor) -> dict[str, float]:
    """Figures of pairs by their weights; equal rewards count half. All are [n]."""
    margins = chosen - rejected
    share = weight / weight.sum()
    return {
        "chosen": float((share * chosen).sum()),
        "rejected": float((share * rejected).sum()),
        "margins": float((share * margins).sum()),
        "accuracies": float((share * (margins.sign() + 1) / 2).sum()),
    }


def _without_weight(inputs: Batch) -> Batch:
    return {name: value for name, value in inputs.items() if name != "weight"}
