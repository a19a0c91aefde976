"""The head on the policy's trunk: where it begins, and at which rate it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import ppo_pair
from helpers.tiny import save_policy, save_reward_model

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.trainer import PPOTrainer
from rlhf_tui.training.ppo.value_head import ValueHead

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
CPU = torch.device("cpu")


class Always:
    """The same score for everything."""

    name = "always"

    def score(self, prompts: list[str], _completions: list[str]) -> list[float]:
        return [3.0] * len(prompts)


def trainer(tmp_path: Path, **options: object) -> PPOTrainer:
    chosen = PPOOptions(
        model=str(save_policy(tmp_path / "policy")),
        reward_model=str(save_reward_model(tmp_path / "rm")),
        rollout_batch_size=4,
        response_length=4,
        missing_eos_penalty=0.0,
        kl_coef=0.0,
        **options,
    )
    made = ppo_pair.trainer(chosen, Team())
    made.actors.rewards = Always()  # type: ignore[assignment]
    return made


def test_its_values_are_zero_to_begin_with_and_every_process_draws_the_same() -> None:
    one = ValueHead(8, CPU)
    torch.rand(5)
    other = ValueHead(8, CPU)
    assert not one(torch.randn(3, 8)).any()
    assert torch.equal(one.hidden.weight, other.hidden.weight)
    assert float(one.hidden.weight.detach().std()) == pytest.approx(8**-0.5, rel=0.05)


def test_states_are_told_apart_beyond_a_straight_line() -> None:
    """Exclusive or, which no linear head can learn."""
    states = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    wanted = torch.tensor([0.0, 1.0, 1.0, 0.0])
    head = ValueHead(2, CPU)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        ((head(states)[:, 0] - wanted) ** 2).mean().backward()
        optimizer.step()
    assert torch.allclose(head(states)[:, 0], wanted, atol=0.1)


@pytest.mark.parametrize("critic", ["head", "separate"])
def test_a_fresh_head_expects_the_mean_score_of_the_first_rollout(
    tmp_path: Path, critic: str
) -> None:
    """All scores are 3, so nothing is better than expected and nobody has an advantage."""
    made = trainer(tmp_path, critic=critic, critic_init="auto" if critic == "head" else "fresh")
    prompts = made._prompts.pick(range(4))
    rollout = made.actors.rollout(prompts, "x", 0.0, made.moments, begin=True)
    assert torch.allclose(rollout.values[rollout.mask], torch.tensor(3.0))
    assert rollout.returns[rollout.mask] == pytest.approx(3.0)
    # The second time it is the head's own matter.
    made.actors.rollout(prompts, "y", 0.0, made.moments)
    head = made.actors.critic.head if made.actors.critic else made.actors.policy.value_head
    assert float(head.bias.detach()) == 3.0


def test_without_it_late_tokens_would_seem_better_than_early_ones(tmp_path: Path) -> None:
    made = trainer(tmp_path)
    rollout = made.actors.rollout(made._prompts.pick(range(4)), "x", 0.0, made.moments)
    assert not rollout.values.any()
    long = rollout.mask.sum(-1).argmax()
    own = rollout.advantages[long][rollout.mask[long]]
    assert (own.diff() > 0).all()


def test_the_rate_goes_by_the_width_unless_it_is_given(tmp_path: Path) -> None:
    rates = [group["lr"] for group in trainer(tmp_path / "a").updater.optimizer.param_groups]
    assert rates == [1e-2, pytest.approx(0.4 / 16)]
    given = trainer(tmp_path / "b", critic_learning_rate=0.5).updater.optimizer.param_groups
    assert [group["lr"] for group in given] == [1e-2, 0.5]
    beside = trainer(tmp_path / "c", critic="separate").updater.optimizer.param_groups
    assert [group["lr"] for group in beside] == [1e-2, 1e-2]
