"""What a trainer's log says: short lines with the step, and no library's talk."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from helpers.tiny import save_policy, save_reward_model
from helpers.trainings import train, training
from transformers import AutoModelForCausalLM

from rlhf_tui.config.options import SFTOptions
from rlhf_tui.training.log_lines import line
from rlhf_tui.training.process import prepare

NUMBER = r"-?[\d.]+(e-\d+)?"


def test_a_line_has_the_step_and_its_figures_by_name() -> None:
    figures = {"epoch": 0.1, "learning_rate": 7.5e-05, "loss": 1.40952, "num_tokens": 959}
    assert line(4, 1063, figures) == "4/1,063: loss 1.41, learning_rate 7.5e-05"
    assert line(2, 2, {"eval_loss": 0.5, "eval_kl": 0.0}) == "2/2: eval_loss 0.5, eval_kl 0"
    assert line(2, 2, {"train_runtime": 16.4, "train_loss": 0.4}) == "Trained in 16 s."
    assert line(2, 2, {"epoch": 1.0}) == ""


# PEFT and accelerate still use names that transformers is about to drop.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", ["dpo", "grpo"])
def test_a_trainer_prints_a_line_a_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    base, reward = save_policy(tmp_path / "base"), save_reward_model(tmp_path / "reward")
    more: dict[str, Any] = (
        {"max_steps": 2} if kind == "dpo" else {"total_steps": 2, "reward_model": reward}
    )
    train(training(kind, tmp_path, base, tune="last-layer", **more))
    printed = capsys.readouterr().out.splitlines()
    for step in (1, 2):
        assert len([text for text in printed if text.startswith(f"{step}/2: loss ")]) == 1
    for text in printed:
        assert "{" not in text
        if text.startswith(("1/2", "2/2")):
            told = text.partition(": ")[2].split(", ")
            assert all(re.fullmatch(rf"[\w/]+ {NUMBER}", figure) for figure in told), text


def test_what_libraries_say_of_each_other_is_not_said(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save_policy(tmp_path / "base"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FutureWarning):
            _ = model.is_gradient_checkpointing
        prepare(SFTOptions())
        assert model.is_gradient_checkpointing is False
