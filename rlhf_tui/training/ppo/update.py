"""One optimizer step of PPO: the losses of a minibatch, their gradients over all processes, Adam.

Nothing in a step waits for the device, unless target-KL stopping asks for its answer: Adam itself
leaves the weights alone when a loss or gradient is no finite number (as under a gradient scaler),
and the update's end says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.training.ppo.figures import Tally, all_finite
from rlhf_tui.training.ppo.losses import masked_sum, policy_loss, value_loss
from rlhf_tui.training.ppo.policy import Output
from rlhf_tui.training.ppo.rollout import Actors, Pass, Rollout
from rlhf_tui.training.precision import loss_scaler, precision_of

ADAM_EPSILON = 1e-5
"""Larger than Adam's usual 1e-8, as in the original PPO: small gradients stay small steps."""
SMALLEST_SCALE = 2.0**-14
"""fp16's loss scale halves at each overflow; below this the losses themselves overflow."""
ADVICE = (
    "Use a smaller learning_rate, a larger kl_coef, or precision = 'fp32' where it is less; "
    "checkpoints made before are sound."
)


class Updater:
    """The optimizer, and what of the actors it moves."""

    def __init__(self, actors: Actors, options: PPOOptions, rate: float) -> None:
        """Take the trained weights of policy and critic.

        Args:
            rate: the policy's peak learning rate; a critic's too, unless it is told its own. A
                head on the policy's trunk has the one that suits its width.
        """
        self._actors = actors
        self._options = options
        self._policy: list[nn.Parameter] = list(actors.policy.trained().values())
        self._critic: list[nn.Parameter]
        usual = rate
        if actors.critic is not None:
            self._critic = actors.critic.parameters()
        else:
            assert actors.policy.value_head is not None
            self._critic = list(actors.policy.value_head.parameters())
            usual = actors.policy.value_head.rate
        self._rates = rate, options.critic_learning_rate or usual
        self.optimizer = torch.optim.AdamW(
            [
                {"params": group, "lr": peak}
                for group, peak in zip((self._policy, self._critic), self._rates, strict=True)
            ],
            eps=ADAM_EPSILON,
            weight_decay=options.weight_decay,
            fused=True,
        )
        device = actors.policy.device
        self.scaler = loss_scaler(precision_of(options.precision, device), device)

    def set_rates(self, factor: float) -> float:
        """Set the learning rates to this share of their peaks; returns the policy's."""
        for group, peak in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = peak * factor
        return self._rates[0] * factor

    def step(
        self,
        rollout: Rollout,
        rows: Sequence[int],
        tally: Tally,
        place: str,
        *,
        begun: Sequence[Pass] = (),
        critic_only: bool = False,
    ) -> float:
        """One step on some of the rollout's rows.

        Args:
            place: where in the update this is, in words.
            begun: passes of these rows through the policy as it is, to go on from.
            critic_only: leave the policy as it is.

        Returns:
            Mean approximate KL of the rows, where target-KL stopping wants it, else 0.
        """
        count = sum(len(rollout.written.responses[i].tokens) for i in rows)
        self.optimizer.zero_grad(set_to_none=True)
        # Losses of policy and critic, and the approximate KL, over the minibatch of all processes.
        sums = torch.zeros(3, device=rollout.mask.device)
        for one in begun or self._actors.passes(rollout.written, rows):
            sums += self._learn(rollout, one, count, tally, critic_only)
        moved = self._critic if critic_only else self._policy + self._critic
        self._actors.team.sum_gradients(moved, [sums])
        self.scaler.unscale_(self.optimizer)
        figures = {} if critic_only else {"loss/policy_avg": sums[0]}
        figures |= {"loss/value_avg": sums[1]} | self._clip(critic_only)
        if not self.scaler.is_enabled():
            # Adam's own switch, which a gradient scaler uses as well: the step is left out.
            self.optimizer.found_inf = (~all_finite(list(figures.values()))).float()  # type: ignore[attr-defined]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        tally.step(place, **figures)
        return float(sums[2]) if self._options.stop_kl and not critic_only else 0.0

    def check(self, tally: Tally, rollout: int) -> None:
        """Refuse to go on from an update whose losses or gradients were no finite numbers, or that
        made weights that are none: the step behind a finite loss may be too long for them.

        Raises:
            TrainingDiverged: says where.
        """
        tally.check(rollout, ADVICE)
        if self.scaler.is_enabled() and self.scaler.get_scale() < SMALLEST_SCALE:
            raise TrainingDiverged(
                f"The gradients overflow fp16 at every scale since rollout {rollout}.", hint=ADVICE
            )
        sound = [weight.detach().isfinite().all() for weight in self._policy + self._critic]
        if not torch.stack(sound).all():
            raise TrainingDiverged(
                f"A weight is no finite number after rollout {rollout}.", hint=ADVICE
            )

    def _learn(
        self, rollout: Rollout, one: Pass, count: int, tally: Tally, critic_only: bool
    ) -> Tensor:
        """Gradients of one pass; returns its part of the step's losses and approximate KL."""
        critic, policy = self._actors.critic, self._actors.policy
        loss = near = torch.zeros((), device=rollout.mask.device)
        output: Output | None = one.output
        if output is None and not (critic_only and critic is not None):
            output = policy(
                one.batch,
                self._options.temperature,
                with_entropy=not critic_only,
                head_only=critic_only,
            )
        if output is not None and not critic_only:
            loss, near = self._surrogate(rollout, one, output, count, tally)
            if critic is not None:
                # Backward at once: the critic may share the trunk, and its graph the memory.
                self._backward(loss)
        if critic is None:
            assert output is not None and output.values is not None
            value = self._value(rollout, one, output.values, count, tally)
            self._backward(self._options.vf_coef * value + (0.0 if critic_only else loss))
        else:
            with critic.active():
                value = self._value(rollout, one, critic(one.batch), count, tally)
                self._backward(self._options.vf_coef * value)
        return torch.stack([loss.detach(), value.detach(), near])

    def _surrogate(
        self, rollout: Rollout, one: Pass, output: Output, count: int, tally: Tally
    ) -> tuple[Tensor, Tensor]:
        mask = one.batch.mask
        place = one.index, slice(0, mask.size(1))
        found = policy_loss(
            output.logprobs,
            rollout.logprobs[place],
            rollout.advantages[place],
            mask,
            self._options.cliprange,
            count,
        )
        assert output.entropy is not None
        tally.add_policy(mask, found, output.entropy)
        return found.loss, masked_sum(found.approximate_kl, mask) / count

    def _value(
        self, rollout: Rollout, one: Pass, values: Tensor, count: int, tally: Tally
    ) -> Tensor:
        mask = one.batch.mask
        place = one.index, slice(0, mask.size(1))
        found = value_loss(
            values,
            rollout.values[place],
            rollout.returns[place],
            mask,
            self._options.cliprange_value,
            count,
        )
        tally.add(mask, value_clipfrac=found.clipped)
        return found.loss

    def _backward(self, loss: Tensor) -> None:
        torch.autograd.backward(self.scaler.scale(loss))

    def _clip(self, critic_only: bool) -> dict[str, Tensor]:
        """Clip gradients by their norm: of policy and critic apart where they share no weights."""
        groups = {"grad_norm": self._policy, "critic_grad_norm": self._critic}
        if critic_only:
            del groups["grad_norm"]
        elif self._actors.critic is None:
            groups = {"grad_norm": self._policy + self._critic}
        limit = self._options.max_grad_norm
        norms = {n: nn.utils.clip_grad_norm_(group, limit) for n, group in groups.items()}
        if self.scaler.is_enabled():
            # Overflow is a scaler's daily bread: the step is left out and the scale halved.
            return {n: torch.nan_to_num(v, 0.0, 0.0, 0.0) for n, v in norms.items()}
        return norms
