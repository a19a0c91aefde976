"""The policy's forward pass: masks, padding, temperature, value head, reference."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers.tiny import language_model
from peft import LoraConfig, get_peft_model

from rlhf_tui.training.ppo.batch import make_batch
from rlhf_tui.training.ppo.policy import Policy, Reference

CPU = torch.device("cpu")
PROMPTS = [[5, 6, 7, 8], [9], [10, 11]]
RESPONSES = [[3, 4], [12, 13, 14, 15, 2], [6, 2]]


def test_log_probabilities_are_those_of_each_sequence_alone() -> None:
    """Against a plain forward pass of one unpadded sequence at a time, in loops."""
    model = language_model(32)
    policy = Policy(model, with_value=False)
    batch = make_batch(PROMPTS, RESPONSES, 0, CPU)
    with torch.no_grad():
        found = policy(batch, 0.8).logprobs
        for row, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
            logits = model(torch.tensor([prompt + response])).logits[0].double() / 0.8
            for t, token in enumerate(response):
                expected = torch.log_softmax(logits[len(prompt) + t - 1], -1)[token]
                assert float(found[row, t]) == pytest.approx(float(expected), abs=1e-4)
    assert batch.mask.sum(-1).tolist() == [2, 5, 2]


def test_the_filling_token_changes_nothing() -> None:
    policy = Policy(language_model(32), with_value=True)
    with torch.no_grad():
        policy.value_head.weight.normal_()
        results = [policy(make_batch(PROMPTS, RESPONSES, fill, CPU), 1.0) for fill in (0, 31)]
    mask = make_batch(PROMPTS, RESPONSES, 0, CPU).mask
    assert torch.equal(results[0].logprobs[mask], results[1].logprobs[mask])
    assert torch.equal(results[0].values[mask], results[1].values[mask])


def test_neighbours_change_nothing_but_rounding() -> None:
    policy = Policy(language_model(32), with_value=True)
    with torch.no_grad():
        policy.value_head.weight.normal_()
        together = policy(make_batch(PROMPTS, RESPONSES, 0, CPU), 1.0)
        alone = policy(make_batch(PROMPTS[2:], RESPONSES[2:], 0, CPU), 1.0)
    assert torch.allclose(together.logprobs[2, :2], alone.logprobs[0], atol=1e-5)
    assert torch.allclose(together.values[2, :2], alone.values[0], atol=1e-5)


def test_a_value_is_read_before_its_token() -> None:
    """Changing a response's last token changes neither its value nor any before it."""
    policy = Policy(language_model(32), with_value=True)
    with torch.no_grad():
        policy.value_head.weight.normal_()
        one = policy(make_batch([[5, 6]], [[7, 8, 9]], 0, CPU), 1.0)
        other = policy(make_batch([[5, 6]], [[7, 8, 20]], 0, CPU), 1.0)
    assert torch.equal(one.values, other.values)
    assert not torch.equal(one.logprobs, other.logprobs)


def test_values_begin_at_zero_and_both_losses_reach_the_trunk() -> None:
    policy = Policy(language_model(32), with_value=True)
    output = policy(make_batch(PROMPTS, RESPONSES, 0, CPU), 1.0)
    assert not output.values.any()
    policy.value_head.weight.data.fill_(0.1)
    for pick in ("logprobs", "values"):
        policy.model.zero_grad()
        output = policy(make_batch(PROMPTS, RESPONSES, 0, CPU), 1.0)
        torch.autograd.backward(getattr(output, pick).sum())
        assert policy.model.model.layers[0].mlp.up_proj.weight.grad.abs().sum() > 0


def test_only_logits_of_the_response_are_made() -> None:
    model = language_model(32)
    seen: list[int] = []
    model.lm_head.register_forward_hook(lambda _m, _i, out: seen.append(out.size(1)))
    Policy(model, with_value=True)(make_batch([[4] * 50], [[5, 2]], 0, CPU), 1.0)
    assert seen == [2]


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # PEFT's own call
def test_reference_is_the_starting_policy_frozen_or_with_its_adapter_off() -> None:
    base = language_model(32)
    batch = make_batch(PROMPTS, RESPONSES, 0, CPU)
    with torch.no_grad():
        before = Policy(copy.deepcopy(base), with_value=False)(batch, 1.0).logprobs
    frozen = Reference(Policy(base, with_value=True), copy.deepcopy(base))
    assert torch.equal(frozen.logprobs(batch, 1.0), before)
    shape = LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    adapted = Policy(get_peft_model(base, shape), with_value=True)
    with torch.no_grad():
        assert not torch.allclose(adapted(batch, 1.0).logprobs, before, atol=1e-3)
    assert torch.allclose(Reference(adapted, None).logprobs(batch, 1.0), before, atol=1e-6)
    assert {p.requires_grad for n, p in adapted.model.named_parameters() if "lora" in n} == {True}
