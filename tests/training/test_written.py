"""What SFT, DPO and KTO write at every evaluation, and that the training does not notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import again, language_model, lines, make_run, save_policy, stop_after, tokenizer
from helpers.trainings import train, training
from transformers import AutoModelForCausalLM, MambaConfig, MambaForCausalLM

from rlhf_tui.generation.sampler import Sampling, choose, sample
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import hf_trainer, sft, written
from rlhf_tui.training.written import first_prompts

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_policy(tmp_path / "base")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "LONGEST", 5)


def samples(context: RunContext, by: str = "") -> list[dict[str, Any]]:
    rows = lines(context.directory / "samples.jsonl")
    return [row for row in rows if row.get("by", "") == by]


def figures(context: RunContext) -> list[dict[str, Any]]:
    rows = lines(context.directory / "metrics.jsonl")
    return [{k: v for k, v in row.items() if k != "time"} for row in rows]


def greedy(path: Path, prompt: str) -> str:
    """What transformers' own generation answers."""
    words = tokenizer()
    ids = torch.tensor([words(prompt)["input_ids"]])
    found = AutoModelForCausalLM.from_pretrained(path).generate(
        ids, do_sample=False, max_new_tokens=5, attention_mask=torch.ones_like(ids)
    )
    head = words.decode(ids[0], skip_special_tokens=True)
    text: str = words.decode(found[0], skip_special_tokens=True)
    return text[len(head) :]


@pytest.mark.parametrize("kind", ["sft", "dpo", "kto"])
def test_held_out_prompts_are_answered_before_at_every_evaluation_and_at_the_end(
    tmp_path: Path, model: Path, kind: str
) -> None:
    context = train(
        training(kind, tmp_path / f"{kind}-1", model, max_steps=3, eval_steps=2, samples=2)
    )
    own, reference = samples(context), samples(context, "reference")
    assert [(row["step"], row["prompt"]) for row in own] == [
        (step, f"Review {i}:") for step in (0, 2, 3) for i in (0, 1)
    ]
    assert [row["step"] for row in reference] == [0, 0]
    assert [row["completion"] for row in reference] == [row["completion"] for row in own[:2]]
    for i in (0, 1):
        assert own[i]["completion"] == greedy(model, f"Review {i}:")
        assert own[i + 4]["completion"] == greedy(context.model_dir, f"Review {i}:")
    assert own[0].keys() == {"step", "prompt", "completion"}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("sft", {"packing": True}),
        ("sft", {"tune": "lora", "lora_dropout": 0.3, "gradient_checkpointing": True}),
        ("dpo", {"tune": "lora", "lora_dropout": 0.3}),
        ("kto", {"gradient_checkpointing": True}),
    ],
)
def test_the_training_is_the_same_with_and_without(
    tmp_path: Path, model: Path, kind: str, more: dict[str, Any]
) -> None:
    shown, alone = (
        train(
            training(
                kind, tmp_path / f"{kind}-{count}", model, max_steps=3, eval_steps=1,
                samples=count, **more,
            )
        )
        for count in (3, 0)
    )  # fmt: skip
    assert figures(shown) == figures(alone)
    assert len(samples(shown)) == 3 * 4 and not (alone.directory / "samples.jsonl").exists()


def test_a_resumed_run_does_not_ask_the_reference_again(tmp_path: Path, model: Path) -> None:
    context = training("sft", tmp_path / "sft-1", model, samples=2)
    stop_after(context, 2)
    train(context)
    assert context.stopped
    second = train(again(context))
    assert [row["step"] for row in samples(second, "reference")] == [0, 0]
    assert [row["step"] for row in samples(second)] == [0, 0, 10, 10]


def test_a_run_without_held_out_prompts_writes_nothing(tmp_path: Path, model: Path) -> None:
    made = training("sft", tmp_path / "sft-1", model)
    (made.directory / "dataset" / "validation.parquet").unlink()
    assert not (train(made).directory / "samples.jsonl").exists()


def test_a_model_that_cannot_write_is_trained_without_samples(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = tokenizer()
    shape = MambaConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, state_size=4, pad_token_id=0
    )
    MambaForCausalLM(shape).save_pretrained(tmp_path / "base")
    words.save_pretrained(tmp_path / "base")
    options = {"max_steps": 2, "eval_steps": 1, "samples": 2}
    context = train(training("sft", tmp_path / "sft-1", tmp_path / "base", **options))
    assert [row["step"] for row in figures(context) if "loss" in row] == [1, 2]
    assert not (context.directory / "samples.jsonl").exists()
    assert capfd.readouterr().out.count("No more samples are written: A MambaForCausalLM") == 1


def test_conversations_are_answered_as_messages(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "chat", chat=True)
    rows = [
        {
            "prompt": [{"role": "user", "content": f"Film {i} ?"}],
            "completion": [{"role": "assistant", "content": "Dull."}],
            "prompt_id": f"p{i}",
            "origin": "human",
        }
        for i in range(6)
    ]
    options = {"model": str(model), "max_steps": 1, "batch_size": 4, "threads": 1}
    context = make_run(tmp_path / "sft-1", "sft", options, train=rows, validation=rows[:2])
    sft.run(context)
    (row, *_) = samples(context)
    assert row["prompt"] == [{"role": "user", "content": "Film 0 ?"}]
    assert row["completion"][0]["role"] == "assistant"


def test_prompts_are_the_first_ones_each_once() -> None:
    rows = [{"prompt": name} for name in "aabacd"]
    assert first_prompts(rows, 3) == ["a", "b", "c"]
    assert first_prompts(rows, 9) == ["a", "b", "c", "d"] and first_prompts(rows, 0) == []


def test_at_temperature_0_the_likeliest_token_is_taken() -> None:
    logits = torch.tensor([[0.1, 3.0, 2.0], [1.0, 0.0, 0.5]])
    assert choose(logits, torch.tensor([0.99, 0.99]), 0.0, 1.0).tolist() == [1, 0]


def test_models_in_pieces_are_walked_through_by_all_alike() -> None:
    """Equally many passes for every process, and the same answers as with an early end."""
    model, passes = language_model(40), []
    model.register_forward_hook(lambda *_: passes.append(1))
    prompts = [[3, 4, 5], [6, 7], [8]]
    drawn = sample(model, prompts, torch.zeros(3, 6), Sampling(6, [], 0, 0.0))
    stop = [drawn[0].tokens[1], drawn[1].tokens[0], drawn[2].tokens[2]]
    sampling = Sampling(6, stop, 0, 0.0)
    early = written._greedy(model, prompts, sampling, in_step=False)
    passes.clear()
    together = written._greedy(model, prompts, sampling, in_step=True)
    assert together == early
    assert len(passes) == 6


def test_rows_seen_so_far() -> None:
    class Some:
        train_dataset = range(18)

        class args:
            train_batch_size = 2

        class accelerator:
            num_processes = 2

    seen = [hf_trainer.rows_seen(Some, epoch / 5) for epoch in range(11)]
    assert seen == [0, 4, 8, 12, 16, 18, 22, 26, 30, 34, 36]
