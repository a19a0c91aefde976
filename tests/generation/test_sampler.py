"""The sampler: the right distribution, the same text whatever stands beside it, clean ends."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.tiny import language_model
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    GPT2Config,
    Lfm2Config,
    MambaConfig,
)

from rlhf_tui.errors import InputError
from rlhf_tui.generation.sampler import Sampling, choose, left_pad, sample, uniforms

PROMPTS = [[5, 6, 7, 8, 9], [10], [11, 12], [13, 14, 15]]
SAMPLING = Sampling(max_new_tokens=12, stop=[2], fill=0)


def test_a_draw_is_the_inverse_of_the_distribution() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.2, 0.7]]))
    places = [0.0, 0.05, 0.15, 0.25, 0.35, 0.95, 1 - 1e-12]
    found = [int(choose(logits, torch.tensor([u], dtype=torch.float64), 1.0, 1.0)) for u in places]
    assert found == [0, 0, 1, 1, 2, 2, 2]


def test_top_p_keeps_the_smallest_set_of_that_mass() -> None:
    logits = torch.log(torch.tensor([0.1, 0.5, 0.15, 0.25])).expand(1000, -1)
    numbers = torch.linspace(0, 1 - 1e-9, 1000, dtype=torch.float64)
    found = choose(logits, numbers, 1.0, 0.7)
    assert sorted(set(found.tolist())) == [1, 3]
    assert (found == 1).double().mean() == pytest.approx(0.5 / 0.75, abs=0.01)
    alone = choose(logits, numbers, 1.0, 0.3)
    assert set(alone.tolist()) == {1}


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.0, 1.0, exclude_max=True), st.floats(0.2, 3.0))
def test_a_token_without_mass_is_never_drawn(seed: int, uniform: float, heat: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 20, generator=generator) * 5
    logits[0, ::2] = -torch.inf
    drawn = choose(logits, torch.tensor([uniform], dtype=torch.float64), heat, 1.0)
    assert int(drawn) % 2 == 1


def test_frequencies_follow_the_model() -> None:
    """First tokens of 4,000 samples against the model's own probabilities."""
    model = language_model(8)
    numbers = uniforms(0, [str(i) for i in range(4000)], 1)
    found = sample(model, [[3, 4]] * 4000, numbers, Sampling(1, stop=[2], fill=0))
    with torch.no_grad():
        wanted = model(torch.tensor([[3, 4]])).logits[0, -1].softmax(-1)
    counts = torch.bincount(torch.tensor([r.tokens[0] for r in found]), minlength=8) / 4000
    assert torch.allclose(counts, wanted, atol=0.03)


def test_a_row_is_the_same_alone_and_in_company() -> None:
    model = language_model(32, seed=4)
    keys = ["a", "b", "c", "d"]
    together = sample(model, PROMPTS, uniforms(7, keys, 12), SAMPLING)
    for place, prompt in enumerate(PROMPTS):
        alone = sample(model, [prompt], uniforms(7, [keys[place]], 12), SAMPLING)
        assert alone[0] == together[place]
    turned = sample(model, PROMPTS[::-1], uniforms(7, keys[::-1], 12), SAMPLING)
    assert turned[::-1] == together


def test_sampling_with_the_cache_equals_sampling_without() -> None:
    """Against the slow way: a whole forward pass a token, one row at a time."""
    model = language_model(32, seed=4)
    numbers = uniforms(3, ["x", "y", "z", "w"], 12)
    for row, (prompt, found) in enumerate(
        zip(PROMPTS, sample(model, PROMPTS, numbers, SAMPLING), strict=True)
    ):
        tokens = list(prompt)
        for step in range(12):
            with torch.no_grad():
                logits = model(torch.tensor([tokens])).logits[:, -1]
            tokens.append(int(choose(logits, numbers[row : row + 1, step], 1.0, 1.0)))
            if tokens[-1] == 2:
                break
        assert found.tokens == tokens[len(prompt) :]
        assert found.ended == (tokens[-1] == 2)


def architecture(kind: str) -> Any:
    """Positions that are learnt, biases for distance, windows, layers with a running state."""
    common = {"vocab_size": 32, "initializer_range": 0.4, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 32}
    shapes = {
        "gpt2": GPT2Config(**common, n_embd=16, n_head=4),
        "bloom": BloomConfig(**common, hidden_size=16, n_head=4),
        "windows": Gemma2Config(**common, **heads, hidden_size=16, head_dim=4, sliding_window=4),
        "states": Lfm2Config(
            **common, **heads, hidden_size=16, layer_types=["conv", "full_attention"]
        ),
    }
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(shapes[kind]).eval()


@pytest.mark.parametrize("kind", ["gpt2", "bloom", "windows", "states"])
@torch.no_grad()
def test_rows_of_any_architecture_are_what_they_would_be_alone(kind: str) -> None:
    """Left of padding, and after rows that ended were left behind; no cache, in float64."""
    model, names = architecture(kind), [f"row{i}" for i in range(8)]
    prompts, numbers = PROMPTS * 2, uniforms(3, names, 12)
    sampling = Sampling(max_new_tokens=12, stop=range(0, 32, 5), fill=0)
    found = [response.tokens for response in sample(model, prompts, numbers, sampling)]
    slow = model.double()
    for prompt, own, row in zip(prompts, found, numbers.tolist(), strict=True):
        for place, (token, number) in enumerate(zip(own, row, strict=False)):
            ids = torch.tensor([prompt + own[:place]])
            mass = slow(input_ids=ids, use_cache=False).logits[0, -1].softmax(-1).cumsum(-1)
            assert token == int((mass <= number).sum())
    assert len({len(own) for own in found}) > 2, "they end one after the other"


def test_a_model_without_a_cache_is_a_sentence() -> None:
    shape = MambaConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, state_size=4)
    model = AutoModelForCausalLM.from_config(shape).eval()
    with pytest.raises(InputError, match="MambaForCausalLM keeps no key-value cache"):
        sample(model, PROMPTS, uniforms(0, ["a", "b", "c", "d"], 12), SAMPLING)


def test_responses_end_at_the_first_stop_token() -> None:
    model = language_model(6, seed=1)
    found = sample(model, [[3]] * 64, uniforms(0, [str(i) for i in range(64)], 12), SAMPLING)
    assert {r.ended for r in found} == {True, False}
    for response in found:
        assert 2 not in response.tokens[:-1]
        assert response.ended == (response.tokens[-1] == 2)
        assert response.ended or len(response.tokens) == 12


def test_numbers_depend_on_seed_and_name_alone() -> None:
    one = uniforms(0, ["a", "b"], 3)
    assert torch.equal(one[1], uniforms(0, ["b"], 3)[0])
    assert torch.equal(one[0], uniforms(0, ["a"], 9)[0, :3])
    assert not torch.equal(one[0], uniforms(1, ["a"], 3)[0])


def test_left_padding() -> None:
    ids, mask = left_pad([[1, 2, 3], [4]], fill=9)
    assert ids.tolist() == [[1, 2, 3], [9, 9, 4]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
