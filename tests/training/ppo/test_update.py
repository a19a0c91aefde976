"""One optimizer step: what it skips, what it computes twice or not at all, and in which format."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import ppo_pair
from helpers.tiny import again, lines, make_run, save_policy, save_reward_model

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training.ppo import run as ppo
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.trainer import PPOTrainer

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
Make = Callable[..., PPOTrainer]
KINDS = [
    {"tune": "full", "critic": "head"},
    {"tune": "lora", "critic": "head"},
    {"tune": "lora", "critic": "adapter"},
    {"tune": "full", "critic": "separate"},
]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    policy, reward = save_policy(tmp_path / "policy"), save_reward_model(tmp_path / "rm")

    def made(**options: Any) -> PPOTrainer:
        chosen: dict[str, Any] = {
            "model": str(policy), "reward_model": str(reward), "response_length": 5,
            "rollout_batch_size": 6, "lora_rank": 2, **options,
        }  # fmt: skip
        return ppo_pair.trainer(PPOOptions(**chosen), Team())

    return made


def poison(parameter: torch.Tensor, from_step: int) -> None:
    """Make a gradient NaN from the n-th backward pass on."""
    seen = [0]

    def spoil(gradient: torch.Tensor) -> torch.Tensor:
        seen[0] += 1
        return gradient * math.nan if seen[0] >= from_step else gradient

    parameter.register_hook(spoil)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_that_is_no_number_stops_before_its_step(
    make: Make, kind: dict[str, str]
) -> None:
    trainer, sound = make(**kind), make(**kind, num_ppo_epochs=1)
    poison(next(iter(trainer.actors.policy.trained().values())), from_step=3)
    sound.step()
    with pytest.raises(TrainingDiverged, match="rollout 1, epoch 2, minibatch 1") as caught:
        trainer.step()
    assert "learning_rate" in caught.value.hint
    one, other = ppo_pair.weights(trainer), ppo_pair.weights(sound)
    assert all(torch.equal(one[name], other[name]) for name in one), "epoch 1 alone has been done"


def test_a_critic_that_diverges_is_named(make: Make) -> None:
    trainer = make(critic="separate", critic_warmup=1)
    assert trainer.actors.critic is not None
    poison(trainer.actors.critic.head.weight, from_step=1)
    with pytest.raises(TrainingDiverged, match=r"critic's gradient .* epoch 1, minibatch 1"):
        trainer.step()


def test_a_reward_that_is_no_number_is_said_with_its_completion(make: Make) -> None:
    trainer = make()
    score = trainer.actors.rewards.score
    trainer.actors.rewards.score = lambda p, c: [math.inf, *score(p, c)[1:]]  # type: ignore[method-assign]
    with pytest.raises(TrainingDiverged, match="reward of a completion is inf"):
        trainer.step()


def test_a_run_that_diverges_keeps_its_last_checkpoint_and_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "model": str(save_policy(tmp_path / "policy")), "total_steps": 3, "save_steps": 1,
        "reward_model": str(save_reward_model(tmp_path / "rm")), "eval_steps": 0,
        "rollout_batch_size": 4, "response_length": 4, "keep_checkpoints": 5,
    }  # fmt: skip
    rows = [{"prompt": f"Review {i}:", "prompt_id": f"p{i}"} for i in range(4)]
    context = make_run(tmp_path / "ppo-1", "ppo", options, train=rows, validation=rows)
    step = PPOTrainer.step

    def failing(self: PPOTrainer) -> dict[str, float]:
        if self.rollouts == 2:
            poison(next(iter(self.actors.policy.trained().values())), from_step=2)
        return step(self)

    with monkeypatch.context() as patched:
        patched.setattr(PPOTrainer, "step", failing)
        with pytest.raises(TrainingDiverged, match="rollout 3, epoch 1, minibatch 2"):
            ppo.run(context)
    names = sorted(p.name for p in (context.directory / "checkpoints").iterdir())
    assert names == ["step-000001", "step-000002"]
    assert not context.model_dir.exists()
    resumed: RunContext = again(context)
    ppo.run(resumed)
    rows = lines(context.directory / "metrics.jsonl")
    assert [row["step"] for row in rows if "objective/kl" in row] == [1, 2, 3]


def count_passes(trainer: PPOTrainer) -> list[bool]:
    """Whether each pass through the policy's head had a graph, as they come."""
    seen: list[bool] = []
    trainer.actors.policy.model.get_output_embeddings().register_forward_hook(
        lambda *_: seen.append(torch.is_grad_enabled())
    )
    return seen


def count_forwards(trainer: PPOTrainer) -> list[None]:
    """An entry for each time that the policy's last block is computed."""
    seen: list[None] = []
    (block,) = (
        module
        for name, module in trainer.actors.policy.model.named_modules()
        if name.endswith("layers.1.mlp")
    )
    # Before it is: computed again, it ends once nothing more is wanted of it.
    block.register_forward_pre_hook(lambda *_: seen.append(None))
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_step_goes_on_from_the_passes_that_measured_it(
    make: Make, kind: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass less, and nothing but rounding changes (rows stand in other batches)."""
    kept, apart = make(**kind), make(**kind)
    monkeypatch.setattr(apart, "_first", list)
    passes = []
    for trainer in (kept, apart):
        seen = count_passes(trainer)
        figures = trainer.step()
        assert figures["optimizer_steps"] == 4
        # Without those of generation, which have no graph either.
        passes.append(sum(seen))
    assert passes == [4, 4]
    one, other = ppo_pair.weights(kept), ppo_pair.weights(apart)
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


def test_the_first_ratio_is_exactly_one(make: Make) -> None:
    figures = make(num_ppo_epochs=1, num_mini_batches=1).step()
    assert figures["val/ratio"] == 1.0
    assert figures["val/ratio_var"] == figures["policy/approxkl_avg"] == 0.0


def test_a_minibatch_larger_than_a_pass_is_not_held(make: Make) -> None:
    assert make(batch_size=2)._first() == []
    assert make(critic_warmup=1)._first() == []
    assert len(make(batch_size=3)._first()) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_activations_computed_again_change_no_number(make: Make, kind: dict[str, str]) -> None:
    plain, saving = make(**kind), make(**kind, gradient_checkpointing=True)
    forwards = [count_forwards(trainer) for trainer in (plain, saving)]
    expected, found = plain.step(), saving.step()
    for name, value in expected.items():
        if not name.startswith(("time/", "tokens_per_second")):
            assert found[name] == value, name
    one, other = ppo_pair.weights(plain), ppo_pair.weights(saving)
    assert all(torch.equal(one[name], other[name]) for name in one)
    # Each of the four steps' passes once more.
    again = 8 if kind["critic"] == "adapter" else 4
    assert len(forwards[1]) == len(forwards[0]) + again


def test_bf16_is_used_where_it_is_asked_for(make: Make) -> None:
    plain, short = make(precision="fp32"), make(precision="bf16")
    seen: set[torch.dtype] = set()
    short.actors.policy.model.get_output_embeddings().register_forward_hook(
        lambda _m, _i, out: seen.add(out.dtype)
    )
    expected, found = plain.step(), short.step()
    assert seen == {torch.bfloat16}, "in generation, too"
    assert {p.dtype for p in ppo_pair.weights(short).values()} == {torch.float32}
    assert found["policy/entropy_avg"] == pytest.approx(expected["policy/entropy_avg"], rel=0.05)
    assert found["policy/entropy_avg"] != expected["policy/entropy_avg"]


def scaled(trainer: PPOTrainer) -> PPOTrainer:
    """With a loss scaler as fp16 has it, here on the CPU."""
    trainer.updater.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=True)
    return trainer


@pytest.mark.parametrize("kind", KINDS)
def test_scaled_losses_change_no_number_but_by_rounding(make: Make, kind: dict[str, str]) -> None:
    plain, other = make(**kind), scaled(make(**kind))
    expected, found = plain.step(), other.step()
    for name in ("grad_norm", "loss/policy_avg", "loss/value_avg"):
        assert found[name] == pytest.approx(expected[name], rel=1e-3), name
    one, two = ppo_pair.weights(plain), ppo_pair.weights(other)
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)


def test_an_overflow_halves_the_scale_and_leaves_the_step_out(make: Make) -> None:
    trainer = scaled(make())
    poison(next(iter(trainer.actors.policy.trained().values())), from_step=4)
    figures = trainer.step()
    assert figures["optimizer_steps"] == 4 and math.isfinite(figures["grad_norm"])
    assert trainer.updater.scaler.get_scale() == 32.0
    resumed = scaled(make())
    resumed.load_state(trainer.state())
    assert resumed.updater.scaler.get_scale() == 32.0


def test_a_scale_that_falls_for_ever_is_divergence(make: Make) -> None:
    trainer = scaled(make(num_ppo_epochs=12))
    poison(next(iter(trainer.actors.policy.trained().values())), from_step=1)
    with pytest.raises(TrainingDiverged, match="overflow fp16 at every scale"):
        trainer.step()
