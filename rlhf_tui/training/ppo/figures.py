"""What is logged of a rollout and of its update; names as TRL's PPO had them.

Figures of an update are kept as tensors until it is over: inside it nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.losses import PolicyLoss, explained_variance, masked_sum
from rlhf_tui.training.ppo.rollout import Rollout

NAMES = {
    "approxkl": "policy/approxkl_avg",
    "clipfrac": "policy/clipfrac_avg",
    "entropy": "policy/entropy_avg",
    "ratio": "val/ratio",
    "value_clipfrac": "val/clipfrac_avg",
}
"""Means over the tokens of all optimizer steps, as they are logged."""
POLICY = ("approxkl", "clipfrac", "entropy", "ratio", "ratio_square")
"""Of the policy's loss; the critic's warm-up has none."""


class Tally:
    """An update's figures: means over response tokens, and over optimizer steps."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._tokens: dict[str, Tensor] = {}
        self._steps: list[dict[str, Tensor]] = []
        self._places: list[str] = []

    @property
    def steps(self) -> int:
        """Optimizer steps so far."""
        return len(self._steps)

    def add(self, mask: Tensor, **values: Tensor) -> None:
        """Take in [b, r] figures of the tokens under the mask."""
        tokens = mask.sum()
        for name, value in values.items():
            summed = masked_sum(value.detach(), mask)
            self._sums[name] = self._sums.get(name, 0.0) + summed
            self._tokens[name] = self._tokens.get(name, 0) + tokens

    def add_policy(self, mask: Tensor, found: PolicyLoss, entropy: Tensor) -> None:
        """Take in what the policy's loss tells of its tokens."""
        self.add(
            mask,
            approxkl=found.approximate_kl,
            clipfrac=found.clipped,
            entropy=entropy,
            ratio=found.ratio,
            ratio_square=found.ratio**2,
        )

    def step(self, place: str, **figures: Tensor) -> None:
        """Count an optimizer step.

        Args:
            place: where in the update it stands, in words.
            figures: scalars, the same in all processes: losses and gradient norms.
        """
        self._steps.append(figures)
        self._places.append(place)

    def check(self, rollout: int, advice: str) -> None:
        """Refuse to go on when a loss or gradient was no finite number.

        The step of such a gradient has not been done: the weights are those before it.

        Raises:
            TrainingDiverged: names the first such step.
        """
        if not self._steps:
            return
        rows = torch.stack([torch.stack(list(s.values())).isfinite() for s in self._steps])
        for place, step, row in zip(self._places, self._steps, rows.tolist(), strict=True):
            for name, finite in zip(step, row, strict=True):
                if not finite:
                    raise TrainingDiverged(
                        f"The {WORDS[name]} is no finite number in rollout {rollout}, {place}.",
                        hint=advice,
                    )

    def means(self, team: Team) -> dict[str, float]:
        """Over all processes, by the names that are logged."""
        # Not by what is here: a process may have had no rows at all.
        names = ["value_clipfrac", *(POLICY if "loss/policy_avg" in self._steps[0] else ())]
        none = self._steps[0]["loss/value_avg"].new_zeros(())
        sums = torch.stack([self._sums.get(name, none) for name in names]).double()
        tokens = torch.stack([self._tokens.get(name, none) for name in names]).double()
        team.sum([sums, tokens])
        found = dict(zip(names, (sums / tokens).tolist(), strict=True))
        logged = {NAMES[name]: mean for name, mean in found.items() if name in NAMES}
        if "ratio" in found:
            logged["val/ratio_var"] = max(0.0, found["ratio_square"] - found["ratio"] ** 2)
        for name in self._steps[0]:
            logged[name] = float(torch.stack([s[name] for s in self._steps]).mean())
        return logged | {"optimizer_steps": float(self.steps)}


WORDS = {
    "loss/policy_avg": "policy's loss",
    "loss/value_avg": "value loss",
    "grad_norm": "gradient",
    "critic_grad_norm": "critic's gradient",
}


def rollout_figures(rollout: Rollout) -> dict[str, float]:
    """What is logged of a rollout; sums over a response, then means over responses."""
    responses = rollout.written.responses
    count = len(responses)
    penalty = float(rollout.penalty.mean())
    scores = float(rollout.scores.mean())
    return rollout.written.terms | {
        "objective/kl": float(rollout.kl.sum() / count),
        "objective/entropy": float(-rollout.logprobs.sum() / count),
        "objective/non_score_reward": penalty,
        "objective/rlhf_reward": penalty + scores,
        "objective/scores": scores,
        "val/num_eos_tokens": float(sum(r.ended for r in responses)),
        "val/explained_variance": explained_variance(rollout.values, rollout.returns, rollout.mask),
        "response_length": sum(len(r.tokens) for r in responses) / count,
    }


def all_finite(figures: Sequence[Tensor]) -> Tensor:
    """Whether every scalar is finite, as a scalar on their device."""
    return torch.stack(list(figures)).isfinite().all()
