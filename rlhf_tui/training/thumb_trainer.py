"""The thin subclass of TRL's KTOTrainer in which thumbs have weights, and its order of rows.

Where several people's thumbs were decided by a model of their reliability, a row weighs 2p - 1.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from trl import KTOTrainer
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from rlhf_tui.training.accumulation import EvenRows
from rlhf_tui.training.data import Row
from rlhf_tui.training.distributions import Values
from rlhf_tui.training.reference import UNIT, Batch, Referenced, WithWeights

HIGHEST = 4 / 3
"""Of λ_D·n_D / (λ_U·n_U), which should lie in [1, 4/3] (Ethayarajh 2024, equation 8)."""


@dataclass
class ThumbCollator(WithWeights, DataCollatorForUnpairedPreference):  # type: ignore[misc]  # TRL has no types
    """TRL's batch of b rows, [b, s], and their weights [b]."""


class ThumbTrainer(EvenRows, Referenced, KTOTrainer):  # type: ignore[misc]  # TRL has no types
    """KTOTrainer whose loss is the mean over rows of λ · weight · loss.

    In evaluation the rewards are means over all rows by their weights, where TRL's are means of
    batch means.
    """

    reference_columns: ClassVar[tuple[str, ...]] = ("ref_logps", "ref_KL_logps")
    desirable_weight: Any
    undesirable_weight: Any

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._up, self._down = self.desirable_weight, self.undesirable_weight
        self.rewards: list[tuple[Tensor, ...]] = []
        """Of the evaluation going on, a batch at a time: reward, label and weight, [b] each."""
        self._learnt: list[tuple[Tensor, Tensor]] = []
        """Of this process's batches since the last line: reward and label, [b] each."""

    def compute_loss(
        self,
        model: Any,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        weight, up = inputs["weight"], inputs["label"]
        batch = self.with_reference({k: v for k, v in inputs.items() if k != "weight"})
        seen: list[Any] = []

        def watched(**given: Any) -> Any:
            seen.append(model(**given))
            return seen[-1]

        # TRL multiplies the losses of thumbs up, in their order in the batch, by one of these and
        # those of thumbs down by the other.
        self.desirable_weight = self._up * weight[up]
        self.undesirable_weight = self._down * weight[~up]
        found = super().compute_loss(watched, batch, return_outputs)
        # The last pass with labels is that of the rows; the one before is for the KL.
        outputs = [o for o in seen if getattr(o, "log_probs", None) is not None][-1]
        ratio = outputs.log_probs.detach().float().sum(-1) - batch["ref_logps"]
        reward = self.beta * ratio
        if self.model.training:
            self._learnt.append((reward, up))
        else:
            self.rewards.append(self.accelerator.gather_for_metrics((reward, up, weight)))
        if return_outputs:
            return self.share * found[0], found[1]
        return self.share * found

    def evaluate(self, *args: Any, **named: Any) -> dict[str, float]:
        self.rewards = []
        found: dict[str, float] = super().evaluate(*args, **named)
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "eval_loss" in logs and self.rewards:
            for name in ("chosen", "rejected", "margins"):
                self._metrics["eval"].pop(f"rewards/{name}", None)
            for name, value in weighted(*self.validation_rewards()).items():
                self._metrics["eval"][f"rewards/{name}"] = [value]
        super().log(logs, start_time)
        if "loss" in logs:
            self._learnt = []

    def distributions(self, logs: dict[str, float]) -> Values:
        """How the implicit rewards of thumbs lie: those behind a line, of training or evaluation.

        Of training they are this process's own, as they were when they were learnt from.
        """
        prefix = "eval_" if "eval_loss" in logs else ""
        kept = [thumb[:2] for thumb in self.rewards] if prefix else self._learnt
        if not kept:
            return {}
        reward, label = (torch.cat(part) for part in zip(*kept, strict=True))
        return {
            f"{prefix}rewards/chosen": (reward[label], UNIT),
            f"{prefix}rewards/rejected": (reward[~label], UNIT),
        }

    def validation_rewards(self) -> tuple[Tensor, Tensor, Tensor]:
        """Implicit rewards β·log(π/π_ref) of the last evaluation, in the data set's order.

        Returns:
            Reward, label (true: thumb up) and weight, [n] each.
        """
        reward, label, weight = (torch.cat(part) for part in zip(*self.rewards, strict=True))
        return reward, label, weight


def weighted(reward: Tensor, label: Tensor, weight: Tensor) -> dict[str, float]:
    """Figures of thumbs by their weights; a kind that is not there has none. All are [n].

    `auc` is the probability that a thumb up has the greater reward than a thumb down, a tie
    counting half: it needs no threshold.
    """
    kinds = {"chosen": label, "rejected": ~label}
    found = {
        name: float((weight[those] * reward[those]).sum() / weight[those].sum())
        for name, those in kinds.items()
        if those.any()
    }
    if len(found) == 2:
        found["margins"] = found["chosen"] - found["rejected"]
        found["auc"] = _auc(reward.double(), label, weight.double())
    return found


def _auc(reward: Tensor, label: Tensor, weight: Tensor) -> float:
    values, place = torch.unique(reward, return_inverse=True)
    up, down = (
        torch.zeros(len(values), dtype=weight.dtype, device=weight.device).index_add(
            0, place, weight * those
        )
        for those in (label, ~label)
    )
    below = down.cumsum(0) - down
    return float((up * (below + down / 2)).sum() / (up.sum() * down.sum()))


# --- the rows -------------------------------------------------------------------------------


def balanced(up: float, down: float, given_up: float, given_down: float) -> tuple[float, float]:
    """λ_D and λ_U; those given as 0 are chosen so that λ_D·n_D / (λ_U·n_U) lies in [1, 4/3].

    The side that is drowned is raised as little as that takes, the other stays as it is.

    Args:
        up, down: n_D and n_U, sums of the weights of thumbs up and of thumbs down; above 0.
        given_up, given_down: 0 to be chosen.
    """
    ratio = up / down
    if given_up and given_down:
        return given_up, given_down
    if given_up:
        return given_up, min(max(given_up, given_up * ratio / HIGHEST), given_up * ratio)
    if given_down:
        return min(max(given_down, given_down / ratio), given_down * HIGHEST / ratio), given_down
    return max(1.0, 1 / ratio), max(1.0, ratio / HIGHEST)


def mixed(labels: Sequence[bool], seed: int) -> list[int]:
    """Places of all rows in an order at random in which both kinds are spread evenly.

    TRL reads the rows in their order, as the KL's rows are made of neighbours; as imported, or
    drawn by chance, whole batches could be of one kind.
    """
    draw = random.Random(seed)
    keyed = []
    for kind in (True, False):
        places = [i for i, label in enumerate(labels) if bool(label) is kind]
        draw.shuffle(places)
        start = draw.random()
        keyed += [((n + start) / len(places), i) for n, i in enumerate(places)]
    return [i for _, i in sorted(keyed)]


def with_neighbours(rows: list[Row], prompts: Sequence[object], batch_size: int) -> list[Row]:
    """Give each row the completion of a row of another prompt, for the estimate of the KL.

    It is one of the row's own batch, as TRL has it, and every completion of the batch is taken
    once, unless more than half of the batch has one prompt: then it is the nearest row before the
    batch that has another prompt. Only where all rows have one prompt is it an answer to its own.
    """
    found: list[Row] = []
    kinds = [repr(prompt) for prompt in prompts]
    for start in range(0, len(rows), batch_size):
        places = range(start, min(start + batch_size, len(rows)))
        for place, other in zip(places, _turned(kinds[start : places.stop]), strict=True):
            other += start
            if kinds[other] == kinds[place]:
                before = ((start - back) % len(rows) for back in range(1, len(rows)))
                other = next((i for i in before if kinds[i] != kinds[place]), other)
            found.append({**rows[place], "KL_completion_ids": rows[other]["completion_ids"]})
    return found


def _turned(kinds: Sequence[str]) -> list[int]:
    """Another place for each, of another kind unless more than half are of one.

    With kinds side by side, all move on by as many places as the most frequent has.
    """
    order = sorted(range(len(kinds)), key=kinds.__getitem__)
    step = min(max(Counter(kinds).values()), max(1, len(kinds) - 1))
    found = [0] * len(kinds)
    for at, place in enumerate(order):
        found[place] = order[at - step]
    return found
