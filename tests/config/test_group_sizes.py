"""How rollouts of RLOO and GRPO divide, and which numbers are refused, with those that fit."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rlhf_tui.config.combinations import check
from rlhf_tui.config.group_sizes import Sizes, sizes
from rlhf_tui.config.online_checks import notes_on
from rlhf_tui.config.online_options import GRPOOptions, PPOOptions, RLOOOptions
from rlhf_tui.errors import UsageError


def options(**given: Any) -> RLOOOptions:
    return RLOOOptions(rollout_batch_size=6, num_generations=4, **given)


def test_a_rollout_is_shared_out_over_steps_processes_and_forward_passes() -> None:
    one = options(num_mini_batches=2, num_iterations=3, batch_size=4)
    assert sizes(one, 1) == Sizes(forward=4, accumulation=3, rollout=24, optimizer_steps=6)
    assert sizes(one, 2) == Sizes(forward=3, accumulation=2, rollout=24, optimizer_steps=6)
    assert sizes(options(num_mini_batches=1, batch_size=100), 1) == Sizes(24, 1, 24, 1)
    for found, processes in ((sizes(one, 1), 1), (sizes(one, 2), 2)):
        taken = found.forward * found.accumulation * processes * one.num_mini_batches
        assert taken == found.rollout, "every response counts once in a pass"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_mini_batches": 5}, "24 responses, which 5 minibatches .* 1, 2, 3, 4, 6, 8, 12 or"),
        (
            {"num_mini_batches": 3, "processes": 5, "accelerate": "cpu"},
            "3 minibatches of 5 processes .* a multiple of 5",
        ),
        ({"num_mini_batches": 2, "batch_size": 5}, "batch_size = 5 .* 12 .* 1, 2, 3, 4, 6 or 12"),
        (
            {"num_mini_batches": 2, "batch_size": 4, "processes": 2, "accelerate": "cpu"},
            "the 6 .* each process",
        ),
        ({"lora_dropout": 0.1}, "lora_dropout must be 0"),
        ({"response_length": 512}, "leaves no room for a prompt within max_length"),
        ({"eval_endpoint_model": "llama"}, "no server is named"),
    ],
)
def test_what_does_not_divide_is_refused_with_what_does(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as raised:
        check("rloo", options(**given))
    assert re.search(words, str(raised.value)), str(raised.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss_type": "cispo"}, "above 1"),
        ({"loss_type": "sapo", "epsilon_high": 0.3}, "does nothing"),
        ({"loss_type": "vespo", "epsilon": 0.1}, "epsilon does nothing"),
        ({"loss_type": "cispo", "epsilon_high": 5.0, "epsilon": 0.1}, "epsilon does nothing"),
        ({"loss_type": "luspo"}, "importance_sampling = 'sequence'"),
        ({"loss_type": "vespo", "importance_sampling": "sequence"}, "by itself"),
    ],
)
def test_losses_refuse_options_that_would_do_nothing(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check("grpo", GRPOOptions(**given))


def test_the_defaults_go_together() -> None:
    for kind, defaults in (("rloo", RLOOOptions()), ("grpo", GRPOOptions()), ("ppo", PPOOptions())):
        check(kind, defaults)
    check("grpo", GRPOOptions(loss_type="cispo", epsilon_high=5.0))


def test_what_is_seldom_meant_is_noted() -> None:
    assert notes_on(RLOOOptions()) == notes_on(GRPOOptions()) == notes_on(PPOOptions()) == []
    assert "nothing keeps the policy near" in notes_on(GRPOOptions(beta=0.0))[0]
    assert "nothing keeps the policy near" in notes_on(RLOOOptions(beta=0.0))[0]
    (note,) = notes_on(GRPOOptions(importance_sampling="sequence"))
    assert "by its length" in note
    assert notes_on(GRPOOptions(importance_sampling="sequence", loss_type="grpo")) == []
