"""SFT and reward-model runs from their directories: figures, stop and resume, the saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import again, lines, make_run, save_policy, stop_after
from helpers.trainings import demonstrations
from transformers import AutoModelForCausalLM

from rlhf_tui.errors import NothingToDo
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import reward_model, sft
from rlhf_tui.training.models import load_policy, load_reward_model
from rlhf_tui.training.rendering import Rendering, saved_rendering
from rlhf_tui.training.scoring import RewardScorer

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
CPU = torch.device("cpu")


def rankings(count: int) -> list[dict[str, Any]]:
    """Rankings of three: pairs of weight 1/3 in which 'adored' beats 'dull' beats 'mess'."""
    order = [" I adored it.", " It is dull.", " What a mess!"]
    return [
        {
            "prompt": f"Review {i}:",
            "chosen": order[better],
            "rejected": order[worse],
            "weight": 1 / 3,
            "ranking_id": f"e{i}",
            "prompt_id": f"p{i}",
            "annotator": "ada",
        }
        for i in range(count)
        for better, worse in ((0, 1), (0, 2), (1, 2))
    ]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(path).state_dict())


def sft_run(directory: Path, model: Path, **more: Any) -> RunContext:
    arguments = {"model": str(model), "max_steps": 6, "batch_size": 4, "learning_rate": 1e-2}
    return make_run(
        directory,
        "sft",
        arguments | more,
        train=demonstrations(16),
        validation=demonstrations(4),
    )


def test_sft_learns_logs_and_saves_a_model_that_loads(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    context = sft_run(tmp_path / "sft-1", model, eval_steps=3)
    sft.run(context)
    logged = lines(context.directory / "metrics.jsonl")
    losses = [row["loss"] for row in logged if "loss" in row]
    assert len(losses) == 6 and losses[-1] < losses[0]
    assert {"grad_norm", "learning_rate", "epoch"} <= logged[0].keys()
    assert [row["step"] for row in logged if "eval_loss" in row] == [3, 6]
    loaded = load_policy(str(context.model_dir), CPU, trained=False)
    assert loaded.tokenizer.eos_token == "<eos>" or loaded.tokenizer.eos_token_id == 2
    left = {p.name for p in context.directory.iterdir()}
    assert "trainer" not in left, "the trainer's scratch folder is gone"
    assert not list(context.directory.rglob("README.md")), "no model cards"


def test_the_loss_counts_the_response_and_its_eos_alone() -> None:
    from helpers.tiny import tokenizer

    from rlhf_tui.config.options import SFTOptions
    from rlhf_tui.training.rendering import Renderer, rendering_for

    made = Renderer(tokenizer(), rendering_for(tokenizer(), 64))
    (row, *_) = sft.tokens(demonstrations(1), made, SFTOptions())
    prompt = made.prompts(["Review 0:"])[0]
    assert row["labels"][: len(prompt)] == [-100] * len(prompt)
    assert row["labels"][len(prompt) :] == row["input_ids"][len(prompt) :]
    assert row["labels"][-1] == made.eos_id
    (everything, *_) = sft.tokens(demonstrations(1), made, SFTOptions(loss_on="all"))
    assert everything["labels"] == everything["input_ids"]


def test_sft_stopped_and_resumed_equals_straight(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    straight = sft_run(tmp_path / "sft-1", model, threads=1)
    sft.run(straight)
    first = sft_run(tmp_path / "sft-2", model, threads=1)
    stop_after(first, 3)
    sft.run(first)
    assert first.stopped and not first.model_dir.exists()
    checkpoint = first.latest_checkpoint()
    assert checkpoint is not None and checkpoint.name == "step-000003"
    second = again(first)
    sft.run(second)
    one, other = weights(straight.model_dir), weights(second.model_dir)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_adapters_are_merged_into_a_whole_model(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    context = sft_run(tmp_path / "sft-1", model, tune="lora", lora_rank=2)
    sft.run(context)
    before, after = weights(model), weights(context.model_dir)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_no_rows_is_a_sentence(tmp_path: Path) -> None:
    model = str(save_policy(tmp_path / "base"))
    with pytest.raises(NothingToDo, match="nothing to fine-tune"):
        sft.run(make_run(tmp_path / "sft-1", "sft", {"model": model}))
    with pytest.raises(NothingToDo, match="no preferences"):
        reward_model.run(make_run(tmp_path / "rm-1", "rm", {"model": model}))


def rm_run(directory: Path, model: Path, **more: Any) -> RunContext:
    arguments = {"model": str(model), "max_steps": 12, "batch_size": 4, "learning_rate": 1e-2}
    return make_run(directory, "rm", arguments | more, train=rankings(12), validation=rankings(3))


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_the_reward_model_learns_the_order_and_is_scored_as_trained(
    tmp_path: Path, tune: str
) -> None:
    context = rm_run(tmp_path / "rm-1", save_policy(tmp_path / "base"), tune=tune)
    reward_model.run(context)
    logged = lines(context.directory / "metrics.jsonl")
    assert {"loss", "accuracy", "margin", "mean_reward"} <= logged[0].keys()
    (final,) = [row for row in logged if "eval_accuracy" in row]
    assert final["eval_accuracy"] == 1.0
    assert final["eval_margin"] > 0
    rendering = saved_rendering(context.model_dir, None)
    assert rendering == Rendering(max_length=256), "the model takes no more"
    scores = RewardScorer(str(context.model_dir), CPU).score(
        ["Review 7:"] * 3, [" I adored it.", " It is dull.", " What a mess!"]
    )
    assert scores == sorted(scores, reverse=True)
    assert load_reward_model(str(context.model_dir), CPU).model.config.num_labels == 1


def test_each_text_of_a_ranking_is_read_once_and_a_ranking_counts_once(tmp_path: Path) -> None:
    from helpers.tiny import tokenizer

    from rlhf_tui.config.options import RewardOptions
    from rlhf_tui.training.group_reward import GroupCollator
    from rlhf_tui.training.rendering import Renderer, rendering_for

    context = rm_run(tmp_path / "rm-1", save_policy(tmp_path / "base"))
    made = Renderer(tokenizer(), rendering_for(tokenizer(), 64))
    rows = reward_model._groups(context, RewardOptions(), made, "validation")
    assert [len(row["texts"]) for row in rows] == [3, 3, 3]
    batch = GroupCollator(0)(rows)
    assert batch["input_ids"].shape[0] == 9
    assert batch["chosen"].tolist() == [0, 0, 1, 3, 3, 4, 6, 6, 7]
    assert batch["rejected"].tolist() == [1, 2, 2, 4, 5, 5, 7, 8, 8]
    assert batch["weight"].sum() == pytest.approx(3.0)
    one = reward_model._groups(context, RewardOptions(pairs="one-per-ranking"), made, "validation")
    assert [row["weight"] for row in one] == [[1.0]] * 3


def test_the_ranking_loss_is_the_weighted_sum_written_out(tmp_path: Path) -> None:
    """Against the definition, a pair at a time, in float64."""
    from math import exp, log1p

    from rlhf_tui.training.group_reward import pair_losses

    chosen, rejected = torch.tensor([1.0, -0.5]), torch.tensor([0.25, 2.0])
    found = pair_losses(chosen, rejected, 0.01)
    expected = [
        log1p(exp(-(c - r))) + 0.01 * (c + r) ** 2
        for c, r in zip(chosen.tolist(), rejected.tolist(), strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)
    assert pair_losses(chosen, rejected, None)[0] < found[0]


def test_what_two_processes_read_twice_is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole prompts are dropped again, of which some have more pairs than others."""
    from rlhf_tui.config.options import RewardOptions

    held = [row for row in rankings(3) if row["prompt_id"] != "p1"] + rankings(2)[3:4]
    context = make_run(
        tmp_path / "rm-1", "rm", {"model": str(save_policy(tmp_path / "base")), "device": "cpu"},
        train=rankings(4), validation=held,
    )  # fmt: skip
    options = context.options(RewardOptions)
    start = reward_model.ready(context, options)
    trainer = reward_model.trainer_of(context, options, start)

    def of_both(own: list[Any], **_: Any) -> list[Any]:
        """As of two processes that read the same: all of the second one's is dropped."""
        assert [len(prompt) for prompt in own] == [3, 3, 1]
        return (own + own)[: len(own)]

    monkeypatch.setattr(trainer.accelerator, "gather_for_metrics", of_both)
    trainer.evaluate()
    assert len(trainer._pairs) == len(held) == 7


def test_the_reward_model_stopped_and_resumed_equals_straight(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification as Classifier

    model = save_policy(tmp_path / "base")
    straight = rm_run(tmp_path / "rm-1", model, max_steps=4)
    reward_model.run(straight)
    first = rm_run(tmp_path / "rm-2", model, max_steps=4)
    stop_after(first, 2)
    reward_model.run(first)
    second = again(first)
    reward_model.run(second)
    one, other = (Classifier.from_pretrained(c.model_dir).state_dict() for c in (straight, second))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_a_checkpoint_of_a_reward_model_is_scored_as_it_was_trained(
    tmp_path: Path, tune: str
) -> None:
    model = save_policy(tmp_path / "base")
    context = rm_run(tmp_path / "rm-1", model, max_steps=4, save_steps=2, tune=tune)
    reward_model.run(context)
    made = sorted((context.directory / "checkpoints").iterdir())
    assert [path.name for path in made] == ["step-000002", "step-000004"]
    for path in made:
        assert saved_rendering(path, None) == saved_rendering(context.model_dir, None)
    texts = ["Review 0:"] * 2, [" I adored it.", " What a mess!"]
    last, whole = (RewardScorer(str(path), CPU) for path in (made[-1], context.model_dir))
    assert last.score(*texts) == pytest.approx(whole.score(*texts), abs=1e-5)


def test_save_steps_keep_the_newest_checkpoints(tmp_path: Path) -> None:
    context = sft_run(
        tmp_path / "sft-1", save_policy(tmp_path / "base"), save_steps=1, keep_checkpoints=2
    )
    sft.run(context)
    names = sorted(p.name for p in (context.directory / "checkpoints").iterdir())
    assert names == ["step-000005", "step-000006"]
