"""Critics with a trunk of their own: where they start, what moves, what they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import save_policy, save_reward_model, tokenizer
from transformers import AutoModelForSequenceClassification

from rlhf_tui.config.options import PPOOptions, RewardOptions
from rlhf_tui.errors import UsageError
from rlhf_tui.training import models, tuning
from rlhf_tui.training.ppo.batch import Batch, make_batch
from rlhf_tui.training.ppo.cast import make_actors
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.rollout import Actors, Prompts
from rlhf_tui.training.ppo.trainer import PPOTrainer
from rlhf_tui.training.rendering import Renderer, rendering_for

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
CPU = torch.device("cpu")
PROMPTS, RESPONSES = [[5, 6, 7, 8], [9]], [[3, 4], [12, 13, 14, 2]]
TUNES = ["full", "lora", "last-layer"]


@pytest.fixture
def policy(tmp_path: Path) -> str:
    return str(save_policy(tmp_path / "policy"))


def reward_adapter(directory: Path, base: str) -> str:
    """A reward model as a run with merge_adapter = false saves it, its adapter not zero."""
    options = RewardOptions(model=base, tune="lora", lora_rank=2, merge_adapter=False, seed=5)
    loaded = tuning.load_reward_model(options)
    model = tuning.prepare(loaded, options, "SEQ_CLS")
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.normal_(0, 0.3 if "lora" in name else 1.0)
    tuning.save(model, loaded.tokenizer, directory, merge=False)
    return str(directory)


def actors(**options: Any) -> Actors:
    chosen = PPOOptions(
        **{"response_length": 4, "rollout_batch_size": 4, "lora_rank": 2, **options}
    )
    loaded = tuning.load_policy(chosen)
    renderer = Renderer(loaded.tokenizer, rendering_for(loaded.tokenizer, 64))
    return make_actors(chosen, loaded, renderer, Path(), Team())


def train(found: Actors) -> PPOTrainer:
    texts: list[Any] = ["Review 1:", "Review 2:", "Review 3:"]
    prompts = Prompts(texts, found._renderer.prompts(texts))
    return PPOTrainer(found, prompts, found._options, 1e-2)


def values(found: Actors, batch: Batch) -> torch.Tensor:
    assert found.critic is not None
    with torch.no_grad(), found.critic.active():
        return found.critic(batch)


def scores_of_prefixes(path: str, column: int = 0) -> list[list[float]]:
    """What a reward model says of each response before its next token, one text at a time."""
    model = models.load_reward_model(path, CPU).model
    found = []
    for prompt, response in zip(PROMPTS, RESPONSES, strict=True):
        row = []
        for t in range(len(response)):
            read = torch.tensor([prompt + response[:t]])
            with torch.no_grad():
                hidden = model.base_model(read).last_hidden_state[0, -1]
                row.append(float(model.score(hidden)[column]))
        found.append(row)
    return found


def check_values(found: Actors, expected: list[list[float]]) -> None:
    got = values(found, make_batch(PROMPTS, RESPONSES, 0, CPU))
    for row, numbers in zip(got, expected, strict=True):
        assert row[: len(numbers)].tolist() == pytest.approx(numbers, abs=1e-4)


@pytest.mark.parametrize("tune", TUNES)
def test_a_separate_critic_starts_as_the_reward_model(
    tmp_path: Path, policy: str, tune: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reward = str(save_reward_model(tmp_path / "rm", seed=4, labels=3))
    found = actors(
        model=policy, reward_model=reward, reward_label="LABEL_2", tune=tune, critic="separate"
    )
    check_values(found, scores_of_prefixes(reward, 2))
    assert "a copy of the reward model" in capsys.readouterr().out


def test_a_critic_adapter_starts_as_the_reward_models_adapter(
    tmp_path: Path, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reward = reward_adapter(tmp_path / "rm", policy)
    plain = actors(model=policy, reward_model=reward, tune="lora")
    found = actors(model=policy, reward_model=reward, tune="lora", critic="adapter")
    assert "starts as the reward model's adapter" in capsys.readouterr().out
    batch = make_batch(PROMPTS, RESPONSES, 0, CPU)
    check_values(found, scores_of_prefixes(reward))
    with torch.no_grad():
        assert torch.equal(found.policy(batch, 1.0).logprobs, plain.policy(batch, 1.0).logprobs), (
            "the policy reads with its own adapter"
        )


@pytest.mark.parametrize(
    ("critic", "reward", "words"),
    [
        ("adapter", "whole", "the reward model is no adapter"),
        ("adapter", "elsewhere", "is an adapter on"),
        ("separate", "other words", "another tokenizer"),
        ("separate", "short", "takes only 32 tokens"),
        ("separate", "both ways", "does not read as a policy writes"),
        ("separate", "asked", "as critic_init says"),
        ("separate", "function", "only other sources"),
    ],
)
def test_what_cannot_be_the_start_is_said_and_the_critic_is_fresh(
    tmp_path: Path, policy: str, critic: str, reward: str, words: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    options: dict[str, Any] = {"model": policy, "tune": "lora", "critic": critic}
    options["reward_model"] = path = str(tmp_path / "rm")
    match reward:
        case "elsewhere":
            reward_adapter(tmp_path / "rm", str(save_policy(tmp_path / "other", seed=1)))
        case "other words":
            save_reward_model(tmp_path / "rm")
            other = tokenizer()
            other.add_tokens(["<new>"])
            own = Path(policy)
            other.save_pretrained(own)
            loaded = models.load_policy(policy, CPU, trained=False)
            loaded.model.resize_token_embeddings(len(other))
            loaded.model.save_pretrained(own)
        case "short":
            save_reward_model(tmp_path / "rm")
            model = AutoModelForSequenceClassification.from_pretrained(path)
            model.config.max_position_embeddings = 32
            model.save_pretrained(path)
        case "both ways":
            from transformers import BertConfig, BertForSequenceClassification

            shape = BertConfig(
                vocab_size=len(tokenizer()), hidden_size=8, num_hidden_layers=1,
                num_attention_heads=1, intermediate_size=8, num_labels=1,
            )  # fmt: skip
            BertForSequenceClassification(shape).save_pretrained(path)
            tokenizer().save_pretrained(path)
        case "function":
            (tmp_path / "own_rewards.py").write_text("def zero(completions, **_): return [0]\n")
            monkeypatch.syspath_prepend(tmp_path)
            options |= {"reward_model": "", "rewards": ["own_rewards:zero"]}
        case _:
            save_reward_model(tmp_path / "rm")
    if reward == "asked":
        options["critic_init"] = "fresh"
    found = actors(**options)
    assert words in capsys.readouterr().out
    assert not values(found, make_batch(PROMPTS, RESPONSES, 0, CPU)).any()
    if reward not in ("asked", "function"):
        with pytest.raises(UsageError, match=words):
            actors(**options, critic_init="reward-model")


@pytest.mark.parametrize(
    ("tune", "critic"),
    [(tune, critic) for tune in TUNES for critic in ("head", "separate")] + [("lora", "adapter")],
)
def test_in_the_warm_up_the_critic_alone_moves_and_then_both(
    tmp_path: Path, policy: str, tune: str, critic: str
) -> None:
    reward = str(save_reward_model(tmp_path / "rm"))
    trainer = train(
        actors(model=policy, reward_model=reward, tune=tune, critic=critic, critic_warmup=1)
    )
    found = trainer.actors
    before = {n: p.detach().clone() for n, p in found.policy.model.named_parameters()}
    start = found.critic.state() if found.critic else {"trunk": {}, "head": None}
    trunk = {n: p.clone() for n, p in start["trunk"].items()}
    figures = trainer.step()
    assert "policy/approxkl_avg" not in figures and "loss/value_avg" in figures
    assert figures["optimizer_steps"] == 4

    def moved() -> set[str]:
        now = dict(found.policy.model.named_parameters())
        return {n for n in before if ".critic." not in n and not torch.equal(before[n], now[n])}

    head = found.critic.head if found.critic else found.policy.value_head
    assert head is not None and head.weight.any()
    assert not moved()
    if found.critic is not None:
        now = found.critic.state()["trunk"]
        assert any(not torch.equal(trunk[n], now[n]) for n in trunk)
    assert "policy/approxkl_avg" in trainer.step()
    assert moved() == set(found.policy.trained())


@pytest.mark.parametrize("critic", ["adapter", "separate"])
def test_a_critic_is_adapted_where_the_policy_is(tmp_path: Path, policy: str, critic: str) -> None:
    reward = str(save_reward_model(tmp_path / "rm"))
    found = actors(
        model=policy, reward_model=reward, tune="lora", critic=critic, lora_target=["q_proj"]
    )
    assert found.critic is not None
    places = [
        {name[name.index("layers.") : name.index(".lora_")] for name in trained}
        for trained in (found.policy.trained(), found.critic.trained)
    ]
    assert places[0] == places[1] == {f"layers.{i}.self_attn.q_proj" for i in range(2)}


def test_the_critic_has_a_learning_rate_of_its_own(tmp_path: Path, policy: str) -> None:
    reward = str(save_reward_model(tmp_path / "rm"))
    trainer = train(
        actors(model=policy, reward_model=reward, critic="separate", critic_learning_rate=0.5)
    )
    trainer.step()
    assert [group["lr"] for group in trainer.updater.optimizer.param_groups] == [1e-2, 0.5]


@pytest.mark.parametrize("tune", TUNES)
def test_the_reference_stays_the_starting_policy(tmp_path: Path, policy: str, tune: str) -> None:
    reward = str(save_reward_model(tmp_path / "rm"))
    trainer = train(actors(model=policy, reward_model=reward, tune=tune))
    batch = make_batch(PROMPTS, RESPONSES, 0, CPU)

    def read(by: Any) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = by()
        return found

    reference = trainer.actors.reference
    before = read(lambda: reference.logprobs(batch, 1.0))
    assert torch.allclose(read(lambda: trainer.actors.policy(batch, 1.0).logprobs), before)
    trainer.step()
    assert torch.equal(read(lambda: reference.logprobs(batch, 1.0)), before)
    now = read(lambda: trainer.actors.policy(batch, 1.0).logprobs)
    assert (now - before).abs().max() > 1e-3


def test_in_the_warm_up_beta_stays(tmp_path: Path, policy: str) -> None:
    """The policy has not moved: its KL of 0 says nothing of β."""
    reward = str(save_reward_model(tmp_path / "rm"))
    trainer = train(
        actors(model=policy, reward_model=reward, critic_warmup=1, adaptive_kl=True, kl_horizon=10)
    )
    start = trainer.controller.beta
    trainer.step()
    assert trainer.controller.beta == start
    trainer.step()
    assert trainer.controller.beta < start


def test_the_reference_shares_what_is_not_trained(tmp_path: Path, policy: str) -> None:
    reward = str(save_reward_model(tmp_path / "rm"))
    found = actors(model=policy, reward_model=reward, tune="last-layer")
    frozen = found.reference._frozen
    assert frozen is not None
    trained = found.policy.trained()
    for name, parameter in found.policy.model.named_parameters():
        other = frozen.model.get_parameter(name)
        assert (other.data_ptr() == parameter.data_ptr()) == (name not in trained), name
        assert not other.requires_grad
