"""The shipped files: what is in them, that the seed gives them back, that the model writes well."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from rlhf_tui.sample_data import DIRECTORY, make, world
from rlhf_tui.sample_data.complete import Completion, complete, measure

MODEL = DIRECTORY / "model"
PROMPTS = ("prompts-train.jsonl", "prompts-test.jsonl")


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DIRECTORY / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(MODEL, local_files_only=True)


@cache
def model() -> LlamaForCausalLM:
    return AutoModelForCausalLM.from_pretrained(MODEL, local_files_only=True)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """A model this small is no slower on one thread, and far faster on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def written() -> dict[str, list[Completion]]:
    """What the model writes in one batch, by kind of prompt."""
    prompts = {
        "test": [row["prompt"] for row in rows("prompts-test.jsonl")][:200],
        "none": [tokenizer().bos_token] * 40,
        "praise": ["The plot is superb and"] * 40,
        "blame": ["The plot is dreadful and"] * 40,
    }
    found = iter(complete(model(), tokenizer(), [*chain.from_iterable(prompts.values())], seed=5))
    return {kind: list(islice(found, len(some))) for kind, some in prompts.items()}


# The text files


def test_the_seed_gives_the_text_files_back_byte_for_byte() -> None:
    for name, content in make.text_files().items():
        assert (DIRECTORY / name).read_bytes() == content.encode("utf-8"), name


def test_another_seed_gives_other_files() -> None:
    assert make.sample_prompts(make.SEED) != make.sample_prompts(make.SEED + 1)


def test_the_script_runs_as_a_file(tmp_path: Any) -> None:
    script = DIRECTORY / "make.py"
    command = [sys.executable, str(script), str(tmp_path / "out"), "--text-only"]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=60)
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == {name: text.encode() for name, text in make.text_files().items()}


def test_prompts_are_as_many_as_promised_and_all_different() -> None:
    train, test = ([row["prompt"] for row in rows(name)] for name in PROMPTS)
    demonstrated = [row["prompt"] for row in rows("demonstrations.jsonl")]
    assert (len(train), len(test), len(demonstrated)) == (1600, 300, 600)
    assert len({*train, *test, *demonstrated}) == 2500
    assert all(set(row) == {"prompt"} for name in PROMPTS for row in rows(name))
    assert all(world.sentiment(prompt) == 0 for prompt in train + test + demonstrated)


def test_demonstrations_are_reviews_of_the_world_and_of_both_tones() -> None:
    found = rows("demonstrations.jsonl")
    assert all(set(row) == {"prompt", "completion"} for row in found)
    assert all(row["completion"].startswith(" ") for row in found)
    texts = [row["prompt"] + row["completion"] for row in found]
    assert all(world.derivable(part) for text in texts for part in world.sentences(text))
    assert 0.38 <= sum(map(world.is_positive, texts)) / len(texts) <= 0.52


def test_the_completions_belong_to_training_prompts_and_are_worth_ranking() -> None:
    found = rows("completions.jsonl")
    train = {row["prompt"] for row in rows("prompts-train.jsonl")}
    assert len(found) == 80
    scores = []
    for row in found:
        assert set(row) == {"prompt", "completions", "model", "temperature", "seed"}
        assert row["prompt"] in train
        assert (row["model"], row["temperature"]) == ("sample", 1.0)
        assert len(set(row["completions"])) == 4
        assert all(text.startswith(" ") for text in row["completions"])
        scores.append([world.sentiment(text) for text in row["completions"]])
    flat = [score for four in scores for score in four]
    assert 0.35 <= sum(score > 0 for score in flat) / len(flat) <= 0.5
    pairs = [four[i] == four[j] for four in scores for i in range(4) for j in range(i)]
    assert sum(pairs) / len(pairs) <= 0.12


def test_everything_that_ships_is_small() -> None:
    files = [*DIRECTORY.glob("*.*"), *MODEL.iterdir()]
    assert sum(path.stat().st_size for path in files) <= 6_000_000


# The tokenizer


@given(st.text())
def test_any_text_survives_the_tokenizer(text: str) -> None:
    assert tokenizer().decode(tokenizer()(text)["input_ids"]) == text


@given(st.text(), st.text(st.characters(categories=["L"]), min_size=1))
def test_a_prompt_is_the_beginning_of_prompt_and_completion_in_tokens(
    prompt: str, word: str
) -> None:
    """For any prompt that does not end in white space, and a completion that begins with one."""
    prompt = prompt.rstrip()
    first = tokenizer()(prompt)["input_ids"]
    whole = tokenizer()(f"{prompt} {word}")["input_ids"]
    assert whole[: len(first)] == first


def test_every_word_of_the_world_is_one_token() -> None:
    for text in make.sample_prompts(make.SEED)[1]:
        assert len(tokenizer()(text)["input_ids"]) == len(text.replace(",", " ,").split())


def test_special_tokens_are_distinct_and_never_added() -> None:
    ids = [tokenizer().pad_token_id, tokenizer().bos_token_id, tokenizer().eos_token_id]
    assert len(set(ids)) == 3
    assert not set(ids) & set(tokenizer()("This western is dull.")["input_ids"])
    config = model().config
    assert ids == [config.pad_token_id, config.bos_token_id, config.eos_token_id]
    assert max(tokenizer().get_vocab().values()) + 1 == config.vocab_size


# The model


def test_the_model_is_a_small_llama_in_float32_without_odd_defaults() -> None:
    assert isinstance(model(), LlamaForCausalLM)
    assert model().dtype == torch.float32
    assert 800_000 <= model().num_parameters() <= 1_200_000
    defaults = json.loads((MODEL / "generation_config.json").read_text())
    assert {name for name in defaults if not name.endswith("_token_id")} <= {
        "transformers_version",
        "_from_model_config",
    }


def test_the_model_ends_its_reviews_in_the_grammar_and_in_both_tones() -> None:
    facts = measure(written()["test"])
    assert facts["share ended by EOS"] >= 0.98
    assert facts["share of sentences derivable"] >= 0.95
    assert facts["share distinct"] >= 0.97
    assert facts["share that begin with a space"] >= 0.98
    assert 0.33 <= facts["share positive"] <= 0.52
    assert 18 <= facts["mean length, tokens"] <= 32


def test_the_model_also_writes_without_a_prompt() -> None:
    found = written()["none"]
    parts = [part for review in found for part in world.sentences(review.text)]
    assert all(review.ended for review in found)
    assert sum(map(world.derivable, parts)) / len(parts) >= 0.9


def test_the_model_keeps_to_a_tone() -> None:
    """After praise it writes more praise than blame, and the other way round."""
    praise = [world.is_positive(review.text) for review in written()["praise"]]
    blame = [world.is_positive(review.text) for review in written()["blame"]]
    assert sum(praise) >= 24
    assert sum(blame) <= 16


def test_a_reward_model_can_be_made_of_it() -> None:
    scorer = AutoModelForSequenceClassification.from_pretrained(
        MODEL, num_labels=1, local_files_only=True
    )
    batch = tokenizer()(["This is dull.", "This western was superb for me."], padding=True)
    with torch.no_grad():
        scores = scorer(**batch.convert_to_tensors("pt")).logits
    assert scores.shape == (2, 1)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("name", ["README.md", "FACTS.md"])
def test_the_files_are_described(name: str) -> None:
    text = (DIRECTORY / name).read_text(encoding="utf-8")
    assert "model" in text
