"""Packing: examples of a row are apart, and the loss is that of the rows unpacked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import again, language_model, lines, make_run, save_policy, stop_after, tokenizer
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from rlhf_tui.config.options import SFTOptions
from rlhf_tui.errors import InputError
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import packing, sft
from rlhf_tui.training.rendering import Renderer, rendering_for

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
ENDS = [" dull.", " warm, and I adored the cast.", " a mess of a film about nothing at all."]


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}: it is",
            "completion": ENDS[i % 3],
            "prompt_id": f"p{i}",
            "origin": "human",
        }
        for i in range(count)
    ]


def rendered(count: int, **more: Any) -> list[dict[str, Any]]:
    words = tokenizer()
    return sft.tokens(rows(count), Renderer(words, rendering_for(words, 64)), SFTOptions(**more))


def nats(model: Any, batch: dict[str, torch.Tensor]) -> tuple[float, int]:
    """Sum of the loss over all tokens that count, and their number."""
    labels = batch.pop("labels")[:, 1:]
    logits = model(**batch, use_cache=False).logits[:, :-1]
    loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return float(loss), int((labels != -100).sum())


@pytest.mark.parametrize("loss_on", ["response", "all"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@torch.no_grad()
def test_the_loss_of_packed_rows_is_that_of_the_rows(loss_on: str, attention: str) -> None:
    model = language_model(len(tokenizer()))
    model.set_attn_implementation(attention)
    plain = rendered(9, loss_on=loss_on)
    packed = packing.pack(plain, 64)
    assert len(packed) < len(plain)
    # Pad is EOS here: nothing may be told from the token itself.
    together, counted = nats(model, packing.PackedCollator(2)(packed))
    apart = [nats(model, packing.PackedCollator(2)([row])) for row in plain]
    assert counted == sum(count for _, count in apart)
    assert together == pytest.approx(sum(loss for loss, _ in apart), rel=1e-5)
    # And of the usual rows, padded and masked, without position ids.
    masked = [
        nats(model, {name: torch.tensor([row[name]]) for name in ("input_ids", "labels")})
        for row in plain
    ]
    assert together == pytest.approx(sum(loss for loss, _ in masked), rel=1e-5)


def test_packing_keeps_every_example_whole_and_fills_rows() -> None:
    plain = rendered(9)
    packed = packing.pack(plain, 64)
    found = []
    for row in packed:
        start = 0
        assert sum(row["seq_lengths"]) == len(row["input_ids"]) <= 64
        for length in row["seq_lengths"]:
            found.append(tuple(row["input_ids"][start : start + length]))
            start += length
    assert sorted(found) == sorted(tuple(row["input_ids"]) for row in plain)


@torch.no_grad()
def test_padding_changes_nothing() -> None:
    model = language_model(len(tokenizer()))
    packed = packing.pack(rendered(9), 64)
    assert len({len(row["input_ids"]) for row in packed}) > 1, "some rows are padded"
    found = [nats(model, packing.PackedCollator(pad)(packed))[0] for pad in (0, 2, 7)]
    assert found == pytest.approx([found[0]] * 3, rel=1e-6)


def test_a_model_that_lets_examples_see_each_other_is_refused() -> None:
    packing.check_apart(language_model(len(tokenizer())), "tiny")
    packing.check_apart(language_model(len(tokenizer())).bfloat16(), "tiny")
    shape = GPT2Config(vocab_size=50, n_positions=64, n_embd=16, n_layer=2, n_head=2)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(shape).eval()
    packing.check_apart(model, "gpt2")
    packing.check_apart(model.bfloat16(), "gpt2")
    model.float()
    forward = model.forward

    def crossing(*given: Any, **named: Any) -> Any:
        """As a model that makes its mask without looking at position ids."""
        ids = named["input_ids"]
        return forward(*given, **named, attention_mask=torch.ones_like(ids))

    model.forward = crossing  # type: ignore[method-assign]
    with pytest.raises(InputError, match="see each other"):
        packing.check_apart(model, "gpt2")


def run_of(directory: Path, model: Path, **more: Any) -> RunContext:
    arguments = {
        "model": str(model),
        "max_steps": 4,
        "batch_size": 2,
        "learning_rate": 1e-2,
        "max_length": 64,
        "packing": True,
        "threads": 1,
    }
    return make_run(directory, "sft", arguments | more, train=rows(24), validation=rows(5))


def weights(context: RunContext) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(context.model_dir).state_dict())


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_a_packed_run_learns_and_resumes_to_the_number(tmp_path: Path, tune: str) -> None:
    model = save_policy(tmp_path / "base")
    straight = run_of(tmp_path / "sft-1", model, tune=tune, lora_rank=2)
    sft.run(straight)
    first = run_of(tmp_path / "sft-2", model, tune=tune, lora_rank=2)
    stop_after(first, 2)
    sft.run(first)
    assert first.stopped
    second = again(first)
    sft.run(second)
    one, other = weights(straight), weights(second)
    assert all(torch.equal(one[name], other[name]) for name in one)
    losses = [r["loss"] for r in lines(straight.directory / "metrics.jsonl") if "loss" in r]
    assert losses[-1] < losses[0]


def test_evaluation_is_a_mean_over_tokens_packed_or_not(tmp_path: Path) -> None:
    """Against a sum written out; batches of unequal tokens would give another mean."""
    model = save_policy(tmp_path / "base")
    finals = []
    for name, packed in (("sft-1", True), ("sft-2", False)):
        context = run_of(
            tmp_path / name, model, packing=packed, learning_rate=1e-9, batch_size=3, max_steps=1
        )
        sft.run(context)
        (row,) = [r for r in lines(context.directory / "metrics.jsonl") if "eval_loss" in r]
        assert row["eval_perplexity"] == pytest.approx(math.exp(row["eval_loss"]))
        finals.append(row["eval_loss"])
    with torch.no_grad():
        start = AutoModelForCausalLM.from_pretrained(model)
        sums = [nats(start, packing.PackedCollator(0)([row])) for row in rendered(5)]
    expected = sum(loss for loss, _ in sums) / sum(count for _, count in sums)
    assert finals == pytest.approx([expected] * 2, rel=1e-5)


def test_tokens_of_packed_batches_are_counted_without_padding(tmp_path: Path) -> None:
    context = run_of(tmp_path / "sft-1", save_policy(tmp_path / "base"), max_steps=0, epochs=1)
    sft.run(context)
    logged = [r for r in lines(context.directory / "metrics.jsonl") if "num_tokens" in r]
    assert logged[-1]["num_tokens"] == sum(len(row["input_ids"]) for row in rendered(24))
