"""Whole PPO updates against a reference written out in loops: float64, one sequence at a time.

The reference knows the papers' formulas and transformers' models alone: no batches, no padding, no
cache. It draws the responses itself, scores them, and trains its own copy of every weight.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import ppo_pair
from helpers.tiny import tokenizer
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
)

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.generation.sampler import uniforms
from rlhf_tui.records import Text
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.trainer import PPOTrainer

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
RATE = 3e-3
"""Low enough that float32 and float64 do not part by themselves within a few steps."""
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 16}
VOCABULARY = len(tokenizer())
ENDS = [2, *range(3, VOCABULARY, 5)]
"""Every fifth token ends a response, so that lengths differ and some are 1."""


def shape(kind: str) -> Any:
    """Architectures that differ in positions, heads, soft caps and tied embeddings."""
    common = {
        "vocab_size": VOCABULARY, "initializer_range": 0.2, "max_position_embeddings": 64,
        "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    match kind:
        case "grouped heads":
            return LlamaConfig(
                **common, **SIZES, intermediate_size=32, num_key_value_heads=2, pad_token_id=2
            )
        case "absolute positions":
            return GPT2Config(**common, n_embd=16, n_layer=2, n_head=4)
        case "soft caps":
            return Gemma2Config(
                **common, **SIZES, intermediate_size=32, num_key_value_heads=2, head_dim=4,
                sliding_window=6, final_logit_softcapping=5.0, pad_token_id=0,
            )  # fmt: skip
        case _:
            return GPTNeoXConfig(**common, **SIZES, intermediate_size=32)


def save_policy(directory: Path, kind: str) -> str:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(shape(kind))
    model.generation_config.eos_token_id = ENDS
    model.save_pretrained(directory)
    tokenizer().save_pretrained(directory)
    return str(directory)


class Opinion:
    """A reward that depends on prompt and completion in no simple way."""

    means: dict[str, float] = {}  # noqa: RUF012  # of no sources

    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        return [opinion(p, c) for p, c in zip(prompts, completions, strict=True)]


def opinion(prompt: Text, completion: Text) -> float:
    digest = hashlib.sha256(f"{prompt}|{completion}".encode()).digest()
    return digest[0] / 64 - 2 + digest[1] / 256


class Slow:
    """The reference: its own policy, critic and Adam, in float64."""

    def __init__(self, trainer: PPOTrainer) -> None:
        self.options, self.trainer = trainer.options, trainer
        actors = trainer.actors
        self.policy = copy.deepcopy(actors.policy.model).double()
        self.start = copy.deepcopy(self.policy)
        """The policy before any update; an adapter that is fresh changes nothing."""
        self.critic: Any = None
        head = actors.policy.value_head
        if actors.critic is not None:
            # A model of its own with weights of its own, even where ours shares the base.
            with actors.critic.active():
                self.critic = copy.deepcopy(actors.critic.trunk).double()
            head = actors.critic.head
        assert head is not None
        self.head = copy.deepcopy(head).double()
        self.policy_weights = trained_of(self.policy, actors.policy.trained())
        critic = actors.critic.trained if actors.critic is not None else {}
        self.critic_weights = trained_of(self.critic, critic) + list(self.head.parameters())
        for parameter in self.policy_weights + self.critic_weights:
            parameter.requires_grad_(True)
        self.memory = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in self.all_weights()}
        self.steps = dict.fromkeys(self.memory, 0)
        self.beta, self.raw = self.options.kl_coef, list[float]()

    def all_weights(self) -> list[Tensor]:
        return self.policy_weights + self.critic_weights

    # --- what the models say, a sequence at a time -----------------------------------------

    def logits(self, model: Any, ids: list[int]) -> tuple[Tensor, Tensor]:
        out = model(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)
        return out.logits[0] / self.options.temperature, out.hidden_states[-1][0]

    def write(self, prompt: list[int], numbers: Tensor) -> list[int]:
        written: list[int] = []
        for number in numbers.tolist():
            mass = self.logits(self.policy, prompt + written)[0][-1].softmax(-1).cumsum(-1)
            written.append(int((mass <= number).sum()))
            if written[-1] in ENDS:
                break
        return written

    def read(self, prompt: list[int], response: list[int]) -> tuple[list[Tensor], list[Tensor]]:
        """Log-probability of each token, and the value of the state before it."""
        logits, hidden = self.logits(self.policy, prompt + response)
        if self.critic is not None:
            ids = torch.tensor([prompt + response])
            hidden = self.critic(input_ids=ids, use_cache=False).last_hidden_state[0]
        before = range(len(prompt) - 1, len(prompt) + len(response) - 1)
        own = [logits[i].log_softmax(-1)[t] for i, t in zip(before, response, strict=True)]
        return own, [self.head(hidden[i])[0] for i in before]

    def reference(self, prompt: list[int], response: list[int]) -> list[float]:
        logits, _ = self.logits(self.start, prompt + response)
        rows = logits[len(prompt) - 1 : -1].log_softmax(-1)
        return [float(row[t]) for row, t in zip(rows, response, strict=True)]

    # --- a rollout ---------------------------------------------------------------------------

    @torch.no_grad()
    def rollout(self) -> list[dict[str, Any]]:
        number, options = self.trainer.rollouts, self.options
        prompts = self.trainer._prompts.pick(self.trainer._places(number))
        words, rows = tokenizer(), []
        for place, (text, ids) in enumerate(zip(prompts.texts, prompts.tokens, strict=True)):
            name = f"rollout:{number}:{place}"
            numbers = uniforms(options.seed, [name], options.response_length)[0]
            response = self.write(ids, numbers)
            logprobs, values = self.read(ids, response)
            # What ends it is no text, a special token or not.
            written = response[:-1] if response[-1] in ENDS else response
            whole = words.decode(ids + written, skip_special_tokens=True)
            completion = whole[len(words.decode(ids, skip_special_tokens=True)) :]
            rows.append({
                "prompt": ids, "response": response, "ended": response[-1] in ENDS,
                "old": [float(x) for x in logprobs], "values": [float(x) for x in values],
                "reference": self.reference(ids, response), "raw": opinion(text, completion),
            })  # fmt: skip
        self.rewards(rows)
        self.advantages(rows)
        return rows

    def rewards(self, rows: list[dict[str, Any]]) -> None:
        options = self.options
        penalised = [
            row["raw"] - (0.0 if row["ended"] else options.missing_eos_penalty) for row in rows
        ]
        self.raw += penalised
        mean = sum(self.raw) / len(self.raw)
        spread = math.sqrt(sum((x - mean) ** 2 for x in self.raw) / (len(self.raw) - 1))
        for row, score in zip(rows, penalised, strict=True):
            if options.normalize_rewards:
                score /= spread
            if options.reward_clip:
                score = min(options.reward_clip, max(-options.reward_clip, score))
            row["score"], row["kl"], row["rewards"] = score, 0.0, []
            for own, other in zip(row["old"], row["reference"], strict=True):
                k1 = own - other
                charged = k1 if options.kl_estimator == "k1" else math.exp(-k1) - 1 + k1
                row["kl"] += k1
                row["rewards"].append(-self.beta * charged)
            row["rewards"][-1] += score
        if options.whiten_rewards:
            every = [x for row in rows for x in row["rewards"]]
            mean = sum(every) / len(every)
            deviation = math.sqrt(sum((x - mean) ** 2 for x in every) / len(every) + 1e-8)
            for row in rows:
                row["rewards"] = [(x - mean) / deviation + mean for x in row["rewards"]]

    def advantages(self, rows: list[dict[str, Any]]) -> None:
        gamma, lam = self.options.gamma, self.options.lam
        for row in rows:
            values, rewards, last = [*row["values"], 0.0], row["rewards"], len(row["response"])
            deltas = [rewards[t] + gamma * values[t + 1] - values[t] for t in range(last)]
            row["advantages"] = [
                sum((gamma * lam) ** (s - t) * deltas[s] for s in range(t, last))
                for t in range(last)
            ]
            row["returns"] = [a + v for a, v in zip(row["advantages"], row["values"], strict=True)]
        every = [x for row in rows for x in row["advantages"]]
        mean = sum(every) / len(every)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in every) / len(every) + 1e-8)
        for row in rows:
            row["advantages"] = [(x - mean) / deviation for x in row["advantages"]]

    # --- an update ---------------------------------------------------------------------------

    def update(self, rows: list[dict[str, Any]], share: float) -> list[dict[str, float]]:
        """All optimizer steps; the figures of each."""
        options = self.options
        found = [
            self.step([rows[i] for i in places], RATE * share)
            for epoch in range(options.num_ppo_epochs)
            for places in list(self.trainer._minibatches(epoch))
        ]
        kl = sum(row["kl"] for row in rows) / len(rows)
        if options.adaptive_kl:
            error = min(0.2, max(-0.2, kl / options.target_kl - 1))
            self.beta *= 1 + error * len(rows) / options.kl_horizon
        return found

    def step(self, rows: list[dict[str, Any]], rate: float) -> dict[str, float]:
        options = self.options
        tokens = sum(len(row["response"]) for row in rows)
        policy = value = torch.zeros((), dtype=torch.float64)
        for row in rows:
            logprobs, values = self.read(row["prompt"], row["response"])
            for t, (new, now) in enumerate(zip(logprobs, values, strict=True)):
                ratio, advantage = (new - row["old"][t]).exp(), row["advantages"][t]
                kept = ratio.clamp(1 - options.cliprange, 1 + options.cliprange)
                policy = policy - torch.minimum(ratio * advantage, kept * advantage) / tokens
                old, wanted = row["values"][t], row["returns"][t]
                low, high = old - options.cliprange_value, old + options.cliprange_value
                near = now.clamp(low, high)
                error = torch.maximum((now - wanted) ** 2, (near - wanted) ** 2)
                value = value + 0.5 * error / tokens
        whole = policy + options.vf_coef * value
        weights = self.all_weights()
        gradients = torch.autograd.grad(whole, weights, allow_unused=True)
        given = {
            w: torch.zeros_like(w) if g is None else g
            for w, g in zip(weights, gradients, strict=True)
        }
        groups = [weights] if self.critic is None else [self.policy_weights, self.critic_weights]
        norms = []
        for group in groups:
            norm = math.sqrt(sum(float((given[w] ** 2).sum()) for w in group))
            norms.append(norm)
            for weight in group:
                given[weight] = given[weight] * min(1.0, options.max_grad_norm / (norm + 1e-6))
        for group, peak in ((self.policy_weights, 1.0), (self.critic_weights, self.critic_share())):
            for weight in group:
                self.adam(weight, given[weight], rate * peak)
        found = {"loss/policy_avg": policy.item(), "loss/value_avg": value.item()}
        return found | dict(zip(("grad_norm", "critic_grad_norm"), norms, strict=False))

    def critic_share(self) -> float:
        return (self.options.critic_learning_rate or RATE) / RATE

    @torch.no_grad()
    def adam(self, weight: Tensor, gradient: Tensor, rate: float) -> None:
        """Loshchilov 2019, algorithm 2, with PPO's ε."""
        self.steps[weight] += 1
        first, second = self.memory[weight]
        first.mul_(0.9).add_(0.1 * gradient)
        second.mul_(0.999).add_(0.001 * gradient**2)
        one, two = 1 - 0.9 ** self.steps[weight], 1 - 0.999 ** self.steps[weight]
        weight.mul_(1 - rate * self.options.weight_decay)
        weight.sub_(rate * (first / one) / ((second / two).sqrt() + 1e-5))


def trained_of(model: Any, like: dict[str, Any]) -> list[Tensor]:
    named = dict(model.named_parameters()) if like else {}
    return [named[name] for name in like]


def make(tmp_path: Path, kind: str, **options: Any) -> PPOTrainer:
    chosen: dict[str, Any] = {
        "model": save_policy(tmp_path / "policy", kind), "rewards": ["builtins:len"],
        "critic_init": "fresh", "response_length": 6, "rollout_batch_size": 7, "lora_rank": 2,
        "num_mini_batches": 3, "batch_size": 2, "num_ppo_epochs": 2, "temperature": 0.7,
        "kl_coef": 0.1, "total_steps": 5, "gamma": 0.97, "vf_coef": 0.4, "seed": 5,
        **options,
    }  # fmt: skip
    trainer = ppo_pair.trainer(PPOOptions(**chosen), Team())
    trainer.updater._rates = RATE, trainer.options.critic_learning_rate or RATE
    trainer.actors.rewards = Opinion()  # type: ignore[assignment]
    torch.manual_seed(1)
    critic = trainer.actors.critic
    head = critic.head if critic is not None else trainer.actors.policy.value_head
    assert head is not None
    # Values that say something from the start; adapters that change something.
    torch.nn.init.normal_(head.weight, std=0.3)
    return trainer


def compare(trainer: PPOTrainer, rollouts: int) -> list[list[dict[str, Any]]]:
    """Let both train; all that they come to is the same."""
    slow, met = Slow(trainer), []
    ours = list(trainer.actors.policy.trained().values()) + trainer.updater._critic
    for number in range(rollouts):
        rows = slow.rollout()
        met.append(rows)
        beta = slow.beta
        steps = slow.update(rows, 1 - number / trainer.options.total_steps)
        figures = trainer.step()
        assert figures["objective/kl_coef"] == pytest.approx(beta, rel=1e-5)
        assert figures["response_length"] == sum(len(r["response"]) for r in rows) / len(rows)
        assert figures["optimizer_steps"] == len(steps)
        for name in steps[0]:
            mean = sum(step[name] for step in steps) / len(steps)
            assert figures[name] == pytest.approx(mean, rel=2e-3, abs=2e-5), (number, name)
        for name in ("kl", "score"):
            mean = sum(row[name] for row in rows) / len(rows)
            logged = figures["objective/kl" if name == "kl" else "objective/scores"]
            assert logged == pytest.approx(mean, rel=1e-3, abs=1e-5), (number, name)
        for mine, theirs in zip(ours, slow.all_weights(), strict=True):
            gap = float((mine.detach() - theirs.detach()).abs().max())
            assert gap < 0.03 * RATE * (number + 1), (number, tuple(mine.shape), gap / RATE)
    return met


ODD = {
    "kl_estimator": "k3", "whiten_rewards": True, "normalize_rewards": True, "reward_clip": 1.0,
    "missing_eos_penalty": 0.7, "adaptive_kl": True, "kl_horizon": 20, "target_kl": 0.05,
    "weight_decay": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("grouped heads", {"critic": "head", "max_grad_norm": 1e9}),
        ("grouped heads", {"critic": "head", **ODD}),
        ("absolute positions", {"critic": "separate", "critic_learning_rate": 1e-3}),
        ("soft caps", {"critic": "head", "tune": "lora"}),
        ("parallel blocks", {"critic": "adapter", "tune": "lora", **ODD, "max_grad_norm": 0.2}),
    ],
    ids=["head", "head, every option", "separate", "adapter and head", "two adapters"],
)
def test_an_update_is_that_of_the_formulas(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    met = compare(make(tmp_path, kind, **options), rollouts=3)
    lengths = {len(row["response"]) for rows in met for row in rows}
    assert 1 in lengths and len(lengths) > 2, "the case is worth something"
    assert {row["ended"] for rows in met for row in rows} == {True, False}
