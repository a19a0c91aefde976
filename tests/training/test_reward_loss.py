"""The reward model's loss against its definition: margins by strength, smoothed labels."""

from __future__ import annotations

from math import exp, log
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import lines, make_run, save_policy

from rlhf_tui.config.options import RewardOptions
from rlhf_tui.training import reward_model
from rlhf_tui.training.group_reward import GroupCollator, pair_losses
from rlhf_tui.training.models import load_reward_model
from rlhf_tui.training.scoring import RewardScorer

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
CPU = torch.device("cpu")


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_the_loss_is_the_cross_entropy_of_a_label_that_may_be_wrong() -> None:
    chosen, rejected, asked = [1.0, -0.5, 2.0], [0.25, 2.0, 2.0], [0.0, 1.5, 3.0]
    found = pair_losses(
        torch.tensor(chosen), torch.tensor(rejected), 0.01, torch.tensor(asked), smoothing=0.2
    )
    expected = [
        -0.8 * log(sigmoid(c - r - m)) - 0.2 * log(sigmoid(r + m - c)) + 0.01 * (c + r) ** 2
        for c, r, m in zip(chosen, rejected, asked, strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)
    assert pair_losses(torch.tensor([0.7]), torch.tensor([0.7]), None).item() == pytest.approx(
        log(2)
    )


def test_a_smoothed_loss_is_least_where_the_model_is_as_sure_as_the_label() -> None:
    gap = torch.linspace(-6, 6, 1201)
    losses = pair_losses(gap, torch.zeros(1201), None, torch.full((1201,), 0.5), smoothing=0.1)
    best = gap[losses.argmin()].item()
    assert best == pytest.approx(0.5 + log(0.9 / 0.1), abs=0.01)


def pairs(strengths: list[int | None]) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}:",
            "chosen": " I adored it.",
            "rejected": " What a mess!",
            "weight": 1.0,
            "ranking_id": f"e{i}",
            "prompt_id": f"p{i}",
            "annotator": "ada",
            "strength": strength,
        }
        for i, strength in enumerate(strengths)
    ]


def run(directory: Path, model: Path, strengths: list[int | None], **more: Any) -> Any:
    arguments = {"model": str(model), "max_steps": 4, "batch_size": 8, "learning_rate": 1e-2}
    context = make_run(directory, "rm", arguments | more, train=pairs(strengths))
    reward_model.run(context)
    return context


def gap(context: Any) -> float:
    scores = RewardScorer(str(context.model_dir), CPU).score(
        ["Review 0:"] * 2, [" I adored it.", " What a mess!"]
    )
    return scores[0] - scores[1]


def test_a_margin_asks_for_more_between_strong_preferences_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_policy(tmp_path / "base")
    plain = run(tmp_path / "rm-1", model, [3] * 8)
    asked = run(tmp_path / "rm-2", model, [3] * 8, margin=1.0)
    first = [lines(context.directory / "metrics.jsonl")[0] for context in (plain, asked)]
    assert first[1]["loss"] > first[0]["loss"] + 1, "three points are asked for at once"
    assert gap(asked) > gap(plain)
    capsys.readouterr()
    unsaid = run(tmp_path / "rm-3", model, [None] * 8, margin=1.0)
    assert "margin changes nothing" in capsys.readouterr().out
    one, other = (load_reward_model(str(c.model_dir), CPU).model for c in (plain, unsaid))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_smoothing_keeps_the_model_from_being_sure(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    sure = run(tmp_path / "rm-1", model, [None] * 8, max_steps=30)
    wary = run(tmp_path / "rm-2", model, [None] * 8, max_steps=30, label_smoothing=0.3)
    assert gap(sure) > gap(wary) + 1 > 1


def test_strengths_reach_the_batch_and_null_is_none(tmp_path: Path) -> None:
    from helpers.tiny import tokenizer

    from rlhf_tui.training.rendering import Renderer, rendering_for

    context = make_run(tmp_path / "rm-1", "rm", {}, train=pairs([2, None, 1]))
    made = Renderer(tokenizer(), rendering_for(tokenizer(), 64))
    rows = reward_model._groups(context, RewardOptions(), made, "train")
    assert GroupCollator(0)(rows)["strength"].tolist() == [2.0, 0.0, 1.0]
