"""What `--precision` comes to on each device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.tiny import make_run, save_policy
from torch import nn

from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import SFTOptions
from rlhf_tui.errors import UsageError
from rlhf_tui.training import precision, reward_model, tuning
from rlhf_tui.training.scoring import RewardScorer

# PEFT still uses names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(("has", "auto"), [(True, "bf16"), (False, "fp32")])
def test_auto_follows_the_device(monkeypatch: pytest.MonkeyPatch, has: bool, auto: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has)
    assert precision.precision_of("auto", GPU) == auto
    assert precision.precision_of("auto", CPU) == "fp32"
    assert precision.precision_of("fp16", GPU) == "fp16"
    if not has:
        with pytest.raises(UsageError, match="not known to this GPU"):
            precision.precision_of("bf16", GPU)


def test_the_cpu_takes_bf16_when_asked_and_refuses_fp16() -> None:
    assert precision.precision_of("bf16", CPU) == "bf16"
    with pytest.raises(UsageError, match="'fp16' needs a GPU"):
        precision.precision_of("fp16", CPU)
    with pytest.raises(UsageError, match="'fp16' needs a GPU"):
        check("sft", SFTOptions(precision="fp16", device="cpu"))
    with pytest.raises(UsageError, match="no precision"):
        precision.precision_of("fp8", CPU)


def test_matrix_work_is_cast_and_the_flags_say_the_same() -> None:
    layer, x = nn.Linear(2, 2), torch.ones(1, 2)
    for name, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        asked = precision.precision_of(name, CPU)
        with precision.autocast(asked, CPU):
            assert layer(x).dtype == dtype
    assert precision.hf_arguments("bf16") == {"bf16": True, "fp16": False}
    assert precision.hf_arguments("fp16") == {"bf16": False, "fp16": True}
    assert precision.hf_arguments("fp32") == {"bf16": False, "fp16": False}
    assert not precision.loss_scaler("bf16", CPU).is_enabled()


def test_trained_weights_stay_float32_and_frozen_ones_follow(tmp_path: Path) -> None:
    path = str(save_policy(tmp_path / "m"))
    full = SFTOptions(model=path, precision="bf16")
    assert tuning.load_policy(full).model.dtype == torch.float32
    lora = SFTOptions(model=path, precision="bf16", tune="lora")
    loaded = tuning.load_policy(lora)
    assert loaded.model.dtype == torch.bfloat16
    model = tuning.prepare(loaded, lora, "CAUSAL_LM")
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}


def test_an_adapter_over_bf16_weights_trains_is_measured_and_scores(tmp_path: Path) -> None:
    base = save_policy(tmp_path / "m")
    rows = [
        {
            "prompt": f"Review {i}:",
            "chosen": " I adored it.",
            "rejected": " What a mess!",
            "weight": 1.0,
            "ranking_id": f"e{i}",
            "prompt_id": f"p{i}",
        }
        for i in range(8)
    ]
    given = {"model": str(base), "tune": "lora", "lora_rank": 2, "precision": "bf16"}
    given |= {"device": "cpu", "batch_size": 8, "max_steps": 8, "learning_rate": 1e-2}
    context = make_run(tmp_path / "rm-1", "rm", given, train=rows, validation=rows[:2])
    reward_model.run(context)
    assert (context.directory / "evaluation.json").exists()
    better, worse = RewardScorer(str(context.model_dir), CPU).score(
        ["Review 9:"] * 2, [" I adored it.", " What a mess!"]
    )
    assert better > worse
