"""Every option that trainers share arrives where it works: in TRL's settings, the model, the rows.

Options of one trainer alone are tested beside that trainer, and PPO's in `ppo/test_every_option`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import trainings
from helpers.tiny import save_policy, save_reward_model
from peft import PeftModel

from rlhf_tui.training import hf_trainer

# TRL, PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
ON_TRL = ("sft", "rm", "dpo", "kto", "rloo", "grpo")
SHARED: dict[str, Any] = {
    "seed": 7,
    "precision": "bf16",
    "learning_rate": 3e-4,
    "schedule": "cosine",
    "weight_decay": 0.1,
    "max_grad_norm": 0.5,
    "warmup_share": 0.25,
    "logging_steps": 3,
    "save_steps": 5,
    "gradient_checkpointing": True,
    "tune": "lora",
    "lora_rank": 3,
    "lora_alpha": 5,
    "lora_target": ["q_proj"],
}
EPOCHS: dict[str, Any] = {
    "gradient_accumulation": 2,
    "epochs": 4.0,
    "max_steps": 9,
    "eval_steps": 2,
    "batch_size": 3,
    "lora_dropout": 0.25,
}
Build = Callable[..., Any]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """The trainer that a run of a kind makes of its options; nothing is trained."""
    policy, reward = save_policy(tmp_path / "policy"), save_reward_model(tmp_path / "rm")

    def built(kind: str, **options: Any) -> Any:
        made: list[Any] = []

        def caught(_context: Any, make: Callable[[], Any], *_: Any, **__: Any) -> None:
            made.append(make())

        monkeypatch.setattr(hf_trainer, "fit", caught)
        directory = tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}"
        trainings.train(trainings.training(kind, directory, policy, reward_model=reward, **options))
        return made[0]

    return built


@pytest.mark.parametrize("kind", ON_TRL)
def test_what_all_share_is_in_trls_settings_and_in_the_model(build: Build, kind: str) -> None:
    trainer = build(kind, **SHARED, threads=2)
    args, steps = trainer.args, 2 if kind in trainings.ONLINE else 1
    assert (args.seed, args.data_seed) == (7, 7)
    assert (args.bf16, args.fp16, args.use_cpu) == (True, False, True)
    assert (args.learning_rate, args.lr_scheduler_type) == (3e-4, "cosine")
    assert (args.weight_decay, args.max_grad_norm) == (0.1, 0.5)
    assert args.get_warmup_steps(8) == 2
    assert (args.logging_steps, args.save_steps) == (3 * steps, 5 * steps)
    assert (args.logging_strategy, args.save_strategy) == ("steps", "steps")
    assert args.activation_checkpointing
    assert torch.get_num_threads() == 2
    assert isinstance(trainer.model, PeftModel)
    shape = trainer.model.peft_config["default"]
    assert (shape.r, shape.lora_alpha, shape.target_modules) == (3, 5, {"q_proj"})
    merely = build(kind, threads=1).args
    assert not merely.activation_checkpointing, "TRL's own default is on"
    assert (merely.save_strategy, merely.report_to) == ("no", [])
    assert not merely.bf16


@pytest.mark.parametrize("kind", ON_TRL)
def test_a_rate_that_rises_all_the_way_does_so_to_the_last_step(build: Build, kind: str) -> None:
    assert build(kind, warmup_share=1.0).args.get_warmup_steps(40) == 40


@pytest.mark.parametrize("kind", trainings.OFFLINE)
def test_what_passes_over_rows_share_is_in_trls_settings(build: Build, kind: str) -> None:
    trainer = build(kind, **EPOCHS, tune="lora")
    args = trainer.args
    assert (args.gradient_accumulation_steps, args.num_train_epochs, args.max_steps) == (2, 4.0, 9)
    assert (args.eval_strategy, args.eval_steps) == ("steps", 2)
    assert (args.per_device_train_batch_size, args.per_device_eval_batch_size) == (3, 3)
    assert trainer.model.peft_config["default"].lora_dropout == 0.25
    merely = build(kind, epochs=1.5).args
    assert (merely.max_steps, merely.num_train_epochs, merely.eval_strategy) == (-1, 1.5, "no")


LENGTHS: dict[str, Callable[[Any], list[int]]] = {
    "sft": lambda row: [len(row["input_ids"])],
    "rm": lambda row: [len(text) for text in row["texts"]],
    "dpo": lambda row: [
        len(row["prompt_ids"] + row[f"{side}_ids"]) for side in ("chosen", "rejected")
    ],
    "kto": lambda row: [len(row["prompt_ids"] + row["completion_ids"])],
}


@pytest.mark.parametrize("kind", trainings.OFFLINE)
def test_no_row_is_longer_than_max_length(build: Build, kind: str) -> None:
    def longest(max_length: int) -> int:
        return max(n for row in build(kind, max_length=max_length).train_dataset
                   for n in LENGTHS[kind](row))  # fmt: skip

    whole = longest(512)
    assert longest(whole - 2) == whole - 2


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
def test_no_prompt_leaves_less_room_than_a_response_takes(build: Build, kind: str) -> None:
    trainer = build(kind, max_length=8, response_length=5)
    assert {len(tokens) for tokens in trainer._prompts.tokens} == {3}


def test_the_reward_models_own_options(build: Build) -> None:
    trainer = build("rm", center_rewards=0.3, margin=0.4, label_smoothing=0.1)
    assert trainer.args.center_rewards_coefficient == 0.3
    assert (trainer._margin, trainer._smoothing) == (0.4, 0.1)
    assert build("rm", center_rewards=0.0).args.center_rewards_coefficient is None


def test_ktos_own_options(build: Build) -> None:
    args = build(
        "kto",
        beta=0.3,
        loss_type="apo_zero_unpaired",
        desirable_weight=1.5,
        undesirable_weight=0.7,
        precompute_reference=True,
    ).args
    assert (args.beta, args.loss_type) == (0.3, "apo_zero_unpaired")
    assert (args.desirable_weight, args.undesirable_weight) == (1.5, 0.7)
    assert args.precompute_ref_log_probs


def test_dpos_own_options(build: Build) -> None:
    trainer = build("dpo", beta=0.3, loss_type=["robust"], label_smoothing=0.2, ld_alpha=0.5)
    assert (trainer.beta, trainer.loss_types, trainer.label_smoothing) == (0.3, ["robust"], 0.2)
    assert trainer.args.ld_alpha == 0.5
