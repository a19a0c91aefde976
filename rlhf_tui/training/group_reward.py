"""The thin subclass of TRL's RewardTrainer that learns from all pairs of a prompt at once.

A row is a prompt: its texts, each read once, and the pairs that rankings say are better and
worse. A ranking of four gives six pairs, in which TRL's own trainer would read each text three
times, and a second person's ranking of the same texts costs nothing more.
Source: Ouyang 2022, section 3.5 (all comparisons of a prompt as one batch element).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from trl import RewardTrainer

from rlhf_tui.training.accumulation import EvenRows
from rlhf_tui.training.distributions import Values
from rlhf_tui.training.precision import as_loaded
from rlhf_tui.training.scoring import right_pad


def pair_losses(
    chosen: Tensor,
    rejected: Tensor,
    center: float | None,
    asked: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """Bradley-Terry losses [p], with the term that keeps rewards around 0 (Eisenstein 2023).

    -(1 - ε) log σ(z) - ε log σ(-z), where z = chosen - rejected - asked: the cross entropy of a
    label that is wrong with probability ε.

    Args:
        chosen, rejected: [p] rewards.
        asked: [p] difference that a pair is to reach (Touvron 2023, 'Llama 2', eq. 2).
        smoothing: ε, in [0, 0.5) (Mitchell 2023, 'A note on DPO with noisy preferences').
    """
    logits = chosen - rejected if asked is None else chosen - rejected - asked
    losses = -(1 - smoothing) * logsigmoid(logits) - smoothing * logsigmoid(-logits)
    return losses if center is None else losses + center * (chosen + rejected) ** 2


@dataclass
class GroupCollator:
    """Prompts to one batch: all their texts [n, s], and the pairs [p] as places among them; of
    each prompt the number of its pairs [b]."""

    pad_token_id: int

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        texts = [ids for row in rows for ids in row["texts"]]
        starts = [0]
        for row in rows:
            starts.append(starts[-1] + len(row["texts"]))
        pairs = list(zip(rows, starts, strict=False))
        ids, mask = right_pad(texts, self.pad_token_id)
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "chosen": torch.tensor([start + i for row, start in pairs for i in row["chosen"]]),
            "rejected": torch.tensor([start + i for row, start in pairs for i in row["rejected"]]),
            "weight": torch.tensor([w for row in rows for w in row["weight"]], dtype=torch.float),
            "strength": torch.tensor(
                [s for row in rows for s in row["strength"]], dtype=torch.float
            ),
            "sizes": torch.tensor([len(row["chosen"]) for row in rows]),
        }


@torch.inference_mode()
def pair_hits(
    model: Any, rows: list[dict[str, Any]], pad_token_id: int, batch_size: int
) -> list[list[float]]:
    """Of each row's pairs, whether the better text scores higher: 1, 0, or one half when equal.

    Args:
        batch_size: rows a forward pass.
    """
    model.eval()
    collate = GroupCollator(pad_token_id)
    device = next(model.parameters()).device
    hits: list[list[float]] = []
    for start in range(0, len(rows), batch_size):
        some = rows[start : start + batch_size]
        batch = collate(some)
        with as_loaded(model):
            logits = model(
                input_ids=batch["input_ids"].to(device),
                attention_mask=batch["attention_mask"].to(device),
                use_cache=False,
            ).logits
        rewards = logits.float().squeeze(-1).cpu()
        margins = rewards[batch["chosen"]] - rewards[batch["rejected"]]
        flat = ((margins.sign() + 1) / 2).tolist()
        for row in some:
            count = len(row["chosen"])
            hits.append(flat[:count])
            flat = flat[count:]
    return hits


class GroupRewardTrainer(EvenRows, RewardTrainer):  # type: ignore[misc]  # TRL has no types here
    """RewardTrainer on rows of prompts.

    The loss is the mean over rows of the weighted sum over a row's pairs; the weights are scaled
    so that a row's sum is 1 on average. Metrics keep TRL's names; in evaluation they are means over
    all pairs by their weights, where TRL's are means of batch means. Equal rewards are half right.
    """

    def __init__(
        self, *args: Any, margin: float = 0.0, label_smoothing: float = 0.0, **named: Any
    ) -> None:
        """Args:
        margin: difference of rewards asked for by each point of a pair's strength.
        label_smoothing: probability that a label is taken to be wrong.
        """
        self._margin, self._smoothing = margin, label_smoothing
        super().__init__(*args, **named)
        self._pairs: list[list[float]] = []
        """Of the evaluation going on, by pair: margin, loss, weight, and the rewards of the better
        and the worse text; of all processes."""
        self._learnt: list[Tensor] = []
        """Of this process's batches since the last line: rewards of the better and the worse
        text of each pair, [2, p] each."""
        self._total_train_tokens: int

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset

    def rows_of(self, inputs: dict[str, Any]) -> Any:
        return len(inputs["sizes"])

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            use_cache=False,
        )
        rewards = outputs.logits.float().squeeze(-1)
        chosen, rejected = rewards[inputs["chosen"]], rewards[inputs["rejected"]]
        losses = pair_losses(
            chosen,
            rejected,
            self.args.center_rewards_coefficient,
            self._margin * inputs["strength"],
            self._smoothing,
        )
        loss = self.share * (inputs["weight"] * losses).sum() / len(inputs["sizes"])
        mode = "train" if self.model.training else "eval"
        self._note(mode, rewards, chosen - rejected, losses, inputs)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *args: Any, **named: Any) -> dict[str, float]:
        self._pairs = []
        found: dict[str, float] = super().evaluate(*args, **named)
        return found

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if not self.model.training and self._pairs:
            margin, loss, weight, *_ = torch.tensor(self._pairs, dtype=torch.float64).unbind(-1)
            share = weight / weight.sum()
            right = (margin.sign() + 1) / 2
            for name, values in (("accuracy", right), ("margin", margin), ("loss", loss)):
                self._metrics["eval"][name] = [float((share * values).sum())]
        super().log(logs, start_time)
        if "loss" in logs:
            self._learnt = []

    def distributions(self, logs: dict[str, float]) -> Values:
        """How the rewards of pairs lie: those behind a line, of training or evaluation.

        Of training they are this process's own, as they were when they were learnt from.
        """
        prefix = "eval_" if "eval_loss" in logs else ""
        kept = [torch.tensor(self._pairs)[:, 3:].T] if prefix and self._pairs else self._learnt
        if not kept:
            return {}
        chosen, rejected = torch.cat(kept, -1)
        return {
            f"{prefix}margin": (chosen - rejected, ""),
            f"{prefix}reward_chosen": (chosen, ""),
            f"{prefix}reward_rejected": (rejected, ""),
        }

    def _note(
        self,
        mode: str,
        rewards: Tensor,
        margins: Tensor,
        losses: Tensor,
        inputs: dict[str, Any],
    ) -> None:
        metrics = self._metrics[mode]
        rewards, margins, losses = rewards.detach(), margins.detach(), losses.detach()
        metrics["mean_reward"] += rewards.tolist()
        two = torch.stack([rewards[inputs["chosen"]], rewards[inputs["rejected"]]])
        if mode == "eval":
            pairs = torch.stack([margins, losses, inputs["weight"], *two], -1)
            # By prompt: to share a last batch out evenly, some prompts are read twice, and are
            # dropped again here.
            own = [some.tolist() for some in torch.split(pairs, inputs["sizes"].tolist())]
            for prompt in self.accelerator.gather_for_metrics(own, use_gather_object=True):
                self._pairs += prompt
        else:
            self._learnt.append(two)
            read = self.accelerator.gather(inputs["attention_mask"].sum())
            self._total_train_tokens += int(read.sum())
            metrics["num_tokens"] = [self._total_train_tokens]
            metrics["accuracy"] += ((margins.sign() + 1) / 2).tolist()
            metrics["margin"] += margins.tolist()
            metrics["min_reward"].append(float(rewards.min()))
            metrics["max_reward"].append(float(rewards.max()))
