"""Every option of PPO changes what it learns; one that nothing read would leave a run as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import ppo_pair, trainings
from helpers.tiny import lines, save_policy, save_reward_model

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.training.ppo.distributed import Team

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
CLOCKS = ("time/", "tokens_per_second")
LORA = {"tune": "lora", "lora_rank": 2}
OWN_CRITIC = {"critic": "separate", "critic_init": "fresh"}
ADAPTIVE = {"adaptive_kl": True, "target_kl": 1e-3, "kl_horizon": 100}
CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("seed", 1, {}),
    ("tune", "last-layer", {}),
    ("lora_rank", 3, LORA),
    ("lora_alpha", 4, LORA),
    ("lora_target", ["q_proj"], LORA),
    ("precision", "bf16", {}),
    ("schedule", "constant_with_warmup", {}),
    ("warmup_share", 0.9, {}),
    ("weight_decay", 0.5, {}),
    ("max_grad_norm", 0.01, {}),
    ("total_steps", 9, {}),
    ("rollout_batch_size", 5, {}),
    ("num_mini_batches", 3, {}),
    ("num_ppo_epochs", 3, {}),
    ("response_length", 4, {}),
    ("temperature", 0.5, {}),
    ("reward_clip", 0.1, {}),
    ("missing_eos_penalty", 0.0, {}),
    ("normalize_rewards", True, {}),
    ("whiten_rewards", True, {}),
    ("critic", "separate", {}),
    ("critic_init", "fresh", {"critic": "separate"}),
    ("critic_warmup", 1, {}),
    ("critic_learning_rate", 1e-3, {}),
    ("kl_coef", 0.1, {}),
    ("kl_estimator", "k3", {}),
    ("adaptive_kl", True, ADAPTIVE | {"adaptive_kl": False}),
    ("target_kl", 1e3, ADAPTIVE),
    ("kl_horizon", 1000, ADAPTIVE),
    ("stop_kl", 1e-6, {}),
    ("cliprange", 0.01, {}),
    ("cliprange_value", 0.001, {}),
    ("vf_coef", 0.5, {}),
    ("gamma", 0.5, {}),
    ("lam", 0.2, {}),
]
ELSEWHERE = {
    # The result is the same by design: tests of PPO's batches and passes say so.
    "batch_size", "gradient_checkpointing",
    # Who takes part, and from where: test_ppo_run, test_reward_sources, test_tuning.
    "model", "reward_model", "reward_label", "rewards", "device", "quantization", "merge_adapter",
    # The rows: tests of the snapshots.
    "dataset", "dataset_format", "form",
    # Of the run around it: below, test_ppo_run, test_endpoint_line, tests of runs.
    "logging_steps", "save_steps", "keep_checkpoints", "eval_steps", "eval_prompts", "samples",
    "threads",
    "eval_endpoint", "eval_endpoint_model", "report_to", "auto_batch", "accelerate", "processes",
    # Of the run as well; dropout is refused: test_group_sizes.
    "learning_rate", "max_length", "lora_dropout",
}  # fmt: skip
Learn = Callable[..., tuple[list[dict[str, float]], dict[str, torch.Tensor]]]


@pytest.fixture(scope="module")
def learn(tmp_path_factory: pytest.TempPathFactory) -> Learn:
    """Figures and weights after three rollouts with some options; each set of them once."""
    folder = tmp_path_factory.mktemp("models")
    models = {
        "model": str(save_policy(folder / "policy")),
        "reward_model": str(save_reward_model(folder / "rm")),
    }
    known: dict[str, Any] = {}

    def learnt(**options: Any) -> Any:
        key = repr(sorted(options.items()))
        if key not in known:
            small = {"total_steps": 3, "rollout_batch_size": 4, "response_length": 5}
            trainer = ppo_pair.trainer(PPOOptions(**(models | small | options)), Team())
            figures = [trainer.step() for _ in range(3)]
            known[key] = figures, ppo_pair.weights(trainer)
        return known[key]

    return learnt


@pytest.mark.parametrize(("name", "value", "under"), CASES, ids=[case[0] for case in CASES])
def test_an_option_changes_what_is_learnt(
    learn: Learn, name: str, value: Any, under: dict[str, Any]
) -> None:
    figures, weights = learn(**under)
    others, moved = learn(**(under | {name: value}))
    assert set(weights) != set(moved) or any(
        weights[n].shape != moved[n].shape or not torch.equal(weights[n], moved[n]) for n in weights
    ), "the weights are the same"
    names = [n for n in figures[-1] if not n.startswith(CLOCKS)]
    assert any(figures[-1][n] != others[-1].get(n) for n in names)


def test_no_option_is_forgotten_here() -> None:
    tried = {name for name, _, _ in CASES}
    assert not tried & ELSEWHERE
    assert tried | ELSEWHERE == set(PPOOptions.__struct_fields__)


def test_a_run_does_what_is_asked_around_the_rollouts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, reward = save_policy(tmp_path / "policy"), save_reward_model(tmp_path / "rm")
    context = trainings.training(
        "ppo", tmp_path / "ppo-1", policy, reward_model=reward,
        total_steps=5, logging_steps=2, eval_steps=4, eval_prompts=3, max_length=7,
        learning_rate=2e-3, schedule="constant_with_warmup",
    )  # fmt: skip
    trainings.train(context)
    logged = lines(context.directory / "metrics.jsonl")
    assert [row["step"] for row in logged if "objective/kl" in row] == [2, 4, 5]
    assert [row["step"] for row in logged if "eval/reward" in row] == [0, 4, 5]
    # With the reference's, which are those of step 0.
    assert len(lines(context.directory / "samples.jsonl")) == 3 * 3 + 3
    assert {row["lr"] for row in logged if "lr" in row} == {2e-3}
    assert "24 of 24 texts were longer than 7 tokens" in capsys.readouterr().out
