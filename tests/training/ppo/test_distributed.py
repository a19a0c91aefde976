"""Two real processes do what one does with all rows: weights, figures, a whole run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import ppo_pair
from helpers.tiny import again, lines, make_run, save_policy, save_reward_model

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import UsageError
from rlhf_tui.training.ppo import run as ppo
from rlhf_tui.training.ppo.distributed import Team, join

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
CPU = torch.device("cpu")
CASES: dict[str, dict[str, Any]] = {
    "full, head": {"num_mini_batches": 3, "rollout_batch_size": 7},
    "lora, adapter, one row a minibatch": {
        "tune": "lora", "critic": "adapter", "num_mini_batches": 3, "rollout_batch_size": 3,
    },
    "last layer, separate, critic first": {
        "tune": "last-layer", "critic": "separate", "critic_warmup": 1, "batch_size": 2,
    },
    "normalised, stopped by KL": {
        "normalize_rewards": True, "whiten_rewards": True, "adaptive_kl": True, "stop_kl": 1e-4,
        "gradient_checkpointing": True,
    },
}  # fmt: skip
CLOCKS = ("time", "tokens_per_second")


def close(one: dict[str, Any], other: dict[str, Any], tolerance: float = 2e-4) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        # A token at the very edge of the clip counts or not by the last digit.
        near = max(tolerance, 0.05) if "clipfrac" in name else tolerance
        if not name.startswith(CLOCKS) and not (value is None or math.isnan(value)):
            assert other[name] == pytest.approx(value, abs=near, rel=near), name


def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path) -> None:
    policy = str(save_policy(tmp_path / "policy"))
    reward = str(save_reward_model(tmp_path / "rm"))
    small = {"model": policy, "reward_model": reward, "response_length": 5, "lora_rank": 2}
    small |= {"rollout_batch_size": 8, "total_steps": 3}
    cases, expected = {}, {}
    for name, more in CASES.items():
        options = PPOOptions(**{**small, **more})
        writer = ppo_pair.trainer(options, Team())
        stored = writer.actors.rollout(
            writer._prompts.pick(writer._places(0)), "stored", 0.1, writer.moments
        )
        cases[name] = options, stored
        expected[name] = ppo_pair.learn(options, Team(), stored)
    torch.save(cases, tmp_path / "cases.pt")
    tables = {"train": [{"prompt": text, "prompt_id": text} for text in ppo_pair.TEXTS]}
    run = small | {"tune": "lora", "eval_steps": 2, "eval_prompts": 3, "learning_rate": 1e-3}
    contexts = [
        make_run(tmp_path / name, "ppo", run, **tables, validation=tables["train"])
        for name in ("run", "alone")
    ]
    ppo.run(contexts[1])

    ppo_pair.start_two(tmp_path)

    first, second = (
        torch.load(tmp_path / f"found-{rank}.pt", weights_only=False) for rank in range(2)
    )
    for found in (first, second):
        assert found["gathered"] == list(range(7))
        assert found["any"] == [True, False]
        assert found["mean"] == {"a": pytest.approx(2 / 3), "only0": 2.0, "only1": 2.0}
    for name in CASES:
        close(expected[name]["figures"], first[name]["figures"])
        close(expected[name]["stepped"], first[name]["stepped"], 5e-3)
        for key, value in expected[name]["weights"].items():
            assert torch.equal(first[name]["weights"][key], second[name]["weights"][key]), key
            assert torch.allclose(first[name]["weights"][key], value, atol=2e-4), (name, key)
    both, alone = (lines(c.directory / "metrics.jsonl") for c in contexts)
    assert len(both) == len(alone), "the main process alone logs"
    for one, other in zip(alone, both, strict=True):
        close(one, other, 5e-3)
    samples = [lines(c.directory / "samples.jsonl") for c in contexts]
    assert len(samples[0]) == len(samples[1])
    assert (contexts[0].model_dir / "model.safetensors").exists()
    # From their checkpoint one process goes on alone.
    ppo.run(again(contexts[0]))
    last, twice = (
        [row for row in rows if row["step"] == 3]
        for rows in (alone, lines(contexts[0].directory / "metrics.jsonl"))
    )
    assert len(twice) == 2 * len(last)
    for one, other in zip(last, twice[len(last) :], strict=True):
        close(one, other, 5e-3)


def test_alone_a_process_is_the_whole_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team = join(CPU)
    assert (team.rank, team.size, team.is_main) == (0, 1, True)
    assert team.gather(team.share(range(3))) == [0, 1, 2]
    assert not team.any(False) and team.any(True)


@pytest.mark.parametrize("variable", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_sharded_models_are_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "true")
    with pytest.raises(UsageError, match="accelerate = 'ddp'"):
        join(CPU)
