"""The loop: step counts, a toy whose optimum is known, resume, the order of data."""

from __future__ import annotations

import copy
import math
from typing import Any, Literal

import pytest
import torch
from helpers.tiny import language_model
from peft import LoraConfig, get_peft_model

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.generation.sampler import Sampling
from rlhf_tui.training.ppo.critic import ADAPTER, Critic
from rlhf_tui.training.ppo.policy import Policy, Reference, recompute
from rlhf_tui.training.ppo.rollout import Actors, Prompts, by_length
from rlhf_tui.training.ppo.schedule import factor
from rlhf_tui.training.ppo.trainer import PPOTrainer
from rlhf_tui.training.ppo.value_head import zero_head

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
CPU = torch.device("cpu")
VOCABULARY = 12
WANTED = 7


class Digits:
    """Completions as lists of token numbers: what a renderer and a scorer do, in miniature."""

    def decode(self, _text: str, _prompt: list[int], tokens: list[int]) -> str:
        return " ".join(map(str, tokens))

    def score(self, _prompts: list[str], completions: list[str]) -> list[float]:
        return [float(c.split()[:1] == [str(WANTED)]) for c in completions]


def make(
    options: PPOOptions, *, prompts: int = 5, seed: int = 0, learning_rate: float = 1e-2
) -> PPOTrainer:
    model: Any = language_model(VOCABULARY, seed)
    frozen = None if options.tune == "lora" else copy.deepcopy(model).requires_grad_(False)
    beside = copy.deepcopy(model.model) if options.critic == "separate" else None
    critic = None
    if options.tune == "lora":
        model = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    if beside is not None:
        critic = Critic(beside, zero_head(16, CPU), dict(beside.named_parameters()))
    if options.critic == "adapter":
        model.add_adapter(ADAPTER, LoraConfig(r=2, target_modules="all-linear"))
        model.set_adapter("default")
        trunk = model.get_base_model().model
        trained = {n: p for n, p in trunk.named_parameters() if ".critic." in n}
        critic = Critic(trunk, zero_head(16, CPU), trained, shared=model)
    if options.gradient_checkpointing:
        recompute(model)
    policy = Policy(model, with_value=critic is None)
    digits: Any = Digits()
    sampling = Sampling(options.response_length, stop=[2], fill=0, temperature=1.0)
    actors = Actors(
        policy, Reference(policy, frozen), digits, digits, sampling, options, critic=critic
    )
    texts = [[3 + i % 8, 4] for i in range(prompts)]
    return PPOTrainer(actors, Prompts([str(t) for t in texts], texts), options, learning_rate)


def weights(trainer: PPOTrainer) -> dict[str, torch.Tensor]:
    """All that is trained, of policy and critic, by name; a copy."""
    state = trainer.state()
    critic = state["critic"] or {"trunk": {}, "head": state["value_head"]}
    found = {f"policy.{n}": p for n, p in state["policy"].items()}
    found |= {f"critic.{n}": p for n, p in critic["trunk"].items()}
    found |= {f"head.{n}": p for n, p in critic["head"].items()}
    return {name: p.clone() for name, p in found.items()}


@pytest.mark.parametrize(
    ("epochs", "parts", "rows", "per_pass"),
    [(4, 2, 8, 32), (3, 3, 7, 2), (1, 1, 4, 1), (2, 5, 5, 3)],
)
def test_every_rollout_takes_exactly_epochs_times_minibatches_steps(
    epochs: int, parts: int, rows: int, per_pass: int
) -> None:
    """Whatever the rows a forward pass, and though the data end in the middle of a rollout."""
    options = PPOOptions(
        num_ppo_epochs=epochs,
        num_mini_batches=parts,
        rollout_batch_size=rows,
        batch_size=per_pass,
        response_length=3,
    )
    trainer = make(options)
    for rollout in range(1, 4):
        assert trainer.step()["optimizer_steps"] == epochs * parts
        assert trainer.optimizer_steps == rollout * epochs * parts
    counts = {int(s["step"]) for s in trainer.updater.optimizer.state.values()}
    assert counts == {3 * epochs * parts}


def test_rows_a_forward_pass_change_nothing_but_rounding() -> None:
    found = []
    for size in (64, 3):
        trainer = make(
            PPOOptions(rollout_batch_size=8, batch_size=size, response_length=4, kl_coef=0.1)
        )
        found.append([trainer.step() for _ in range(2)][-1])
    for name in ("objective/kl", "loss/policy_avg", "loss/value_avg", "policy/approxkl_avg"):
        assert found[0][name] == pytest.approx(found[1][name], abs=2e-4)


def test_every_prompt_comes_once_a_pass() -> None:
    trainer = make(PPOOptions(rollout_batch_size=4, response_length=1), prompts=10)
    places = [p for rollout in range(5) for p in trainer._places(rollout)]
    assert sorted(places[:10]) == sorted(places[10:]) == list(range(10))
    assert places[:10] != places[10:]


def test_a_kl_above_the_limit_ends_the_epochs() -> None:
    trainer = make(PPOOptions(stop_kl=1e-9, rollout_batch_size=4, response_length=3))
    assert trainer.step()["optimizer_steps"] == 2


@pytest.mark.parametrize(
    ("tune", "critic", "adaptive"),
    [
        ("full", "head", False),
        ("full", "head", True),
        ("full", "separate", True),
        ("lora", "head", True),
        ("lora", "adapter", True),
        ("lora", "separate", True),
    ],
)
def test_resumed_equals_straight_number_by_number(
    tune: Literal["full", "lora"],
    critic: Literal["head", "adapter", "separate"],
    adaptive: bool,
) -> None:
    options = PPOOptions(
        tune=tune,
        critic=critic,
        critic_warmup=1,
        rollout_batch_size=6,
        response_length=4,
        adaptive_kl=adaptive,
        normalize_rewards=True,
        total_steps=5,
        warmup_share=0.3,
        seed=3,
    )
    straight = make(options)
    expected = [straight.step() for _ in range(5)]
    first = make(options)
    for _ in range(2):
        first.step()
    state = copy.deepcopy(first.state())
    second = make(options)
    second.load_state(state)
    found = [second.step() for _ in range(3)]
    clocks = ("time/", "tokens_per_second")
    for one, other in zip(expected[2:], found, strict=True):
        for name, value in one.items():
            if not name.startswith(clocks):
                assert other[name] == value or math.isnan(value), name
    one, other = weights(straight), weights(second)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_toy_reaches_its_known_optimum() -> None:
    """One token a response, reward 1 for one of them: under a KL penalty the optimum is
    π*(y) ∝ π_ref(y)·exp(r(y)/β)."""
    beta = 0.5
    options = PPOOptions(
        rollout_batch_size=256,
        batch_size=256,
        response_length=1,
        num_mini_batches=1,
        kl_coef=beta,
        missing_eos_penalty=0.0,
        total_steps=60,
    )
    trainer = make(options, prompts=1, learning_rate=3e-3)

    def chance(model: Any) -> float:
        with torch.no_grad():
            return float(model(torch.tensor([[3, 4]])).logits[0, -1].softmax(-1)[WANTED])

    start = chance(trainer.actors.policy.model)
    chances = []
    for _ in range(60):
        figures = trainer.step()
        chances.append(chance(trainer.actors.policy.model))
    raised = start * math.exp(1 / beta)
    optimum = raised / (raised + 1 - start)
    assert optimum - start > 0.1
    # It swings around the optimum as samples are drawn: 0.003 between seeds, in the mean.
    assert sum(chances[-20:]) / 20 == pytest.approx(optimum, abs=0.02)
    assert figures["objective/scores"] == pytest.approx(optimum, abs=0.1)


def test_figures_have_the_names_that_papers_and_dashboards_know() -> None:
    figures = make(PPOOptions(rollout_batch_size=4, response_length=3)).step()
    assert {
        "objective/kl", "objective/entropy", "objective/non_score_reward",
        "objective/rlhf_reward", "objective/scores", "policy/approxkl_avg",
        "policy/clipfrac_avg", "policy/entropy_avg", "loss/policy_avg", "loss/value_avg",
        "val/clipfrac_avg", "val/ratio", "val/ratio_var", "val/num_eos_tokens", "lr", "episode",
        "objective/kl_coef", "val/explained_variance", "response_length", "tokens_per_second",
        "time/rollout", "time/reward", "time/measure", "time/update",
        "num_tokens", "num_samples",
    } <= figures.keys()  # fmt: skip
    assert figures["episode"] == 4
    assert figures["objective/rlhf_reward"] == pytest.approx(
        figures["objective/scores"] + figures["objective/non_score_reward"]
    )
    assert figures["objective/kl"] == pytest.approx(0.0, abs=1e-4), "the policy has not moved yet"


def test_the_first_ratio_is_exactly_one() -> None:
    """Old log-probabilities come from the training forward pass: the first step starts at 1."""
    options = PPOOptions(
        rollout_batch_size=4, response_length=3, num_ppo_epochs=1, num_mini_batches=1
    )
    figures = make(options).step()
    assert figures["val/ratio"] == pytest.approx(1.0, abs=1e-6)
    assert figures["policy/clipfrac_avg"] == 0.0


def test_rows_of_like_length_stand_together() -> None:
    trainer = make(PPOOptions(rollout_batch_size=8, response_length=6))
    prompts = trainer._prompts.pick([0, 1, 2, 3, 4, 0, 1, 2])
    written = trainer.actors.write(prompts, "x")
    groups = by_length(written, range(8), 3, torch.device("cpu"))
    assert max(map(len, groups)) <= 3
    lengths = [len(written.responses[i].tokens) for group in groups for i in group]
    assert lengths == sorted(lengths)
    assert sorted(i for group in groups for i in group) == list(range(8))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("constant_with_warmup", [0.5, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.5]),
        ("cosine", [0.5, 1.0, 1.0, 0.5]),
    ],
)
def test_schedules(kind: str, expected: list[float]) -> None:
    found = [factor(kind, step, 4, 0.5) for step in range(4)]
    assert found == pytest.approx(expected)
