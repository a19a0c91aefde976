"""Options that exclude each other: a sentence that names both, before anything is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.config.resolve import checked_options
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import UsageError


def refused(kind: str, **given: Any) -> str:
    """The sentence and hint about these options."""
    with pytest.raises(UsageError) as caught:
        check(kind, OPTIONS[kind](**given))
    return str(caught.value)


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_defaults_hold_together(kind: str) -> None:
    check(kind, OPTIONS[kind]())


@pytest.mark.parametrize("kind", TRAINERS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"device": "gpu"}, ["'gpu'", "cuda:N"]),
        ({"processes": 2}, ["processes = 2", "accelerate"]),
        ({"accelerate": "ddp", "device": "cuda:1"}, ["cuda:1", "CUDA_VISIBLE_DEVICES"]),
        ({"accelerate": "ddp", "device": "cpu"}, ["'cpu'", "'ddp'", "auto"]),
        ({"accelerate": "cpu", "device": "cuda"}, ["'cuda'", "'cpu'", "auto"]),
        ({"quantization": "4bit", "tune": "full"}, ["4bit", "tune = 'full'", "lora"]),
        ({"quantization": "8bit", "tune": "last-layer"}, ["8bit", "last-layer"]),
        ({"precision": "fp16", "device": "cpu"}, ["fp16", "bf16"]),
        ({"dataset_format": "preference"}, ["preference", "--dataset"]),
    ],
)
def test_what_no_trainer_can_do(kind: str, given: dict[str, Any], words: list[str]) -> None:
    told = refused(kind, **given)
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    "given",
    [
        {"accelerate": "cpu", "processes": 2},
        {"accelerate": "cpu", "processes": 2, "device": "cpu"},
        {"accelerate": "ddp", "device": "cuda"},
        {"device": "cuda:3"},
        {"dataset": "f.jsonl", "dataset_format": "preference"},
        # Harmless: a recipe's values stay where one of them is overridden.
        {"tune": "full", "lora_rank": 4},
    ],
)
def test_what_looks_alike_and_is_possible(given: dict[str, Any]) -> None:
    check("sft", OPTIONS["sft"](**given))


def test_quantized_weights_are_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rlhf_tui.config.combinations.check_quantization", lambda _quantization: None
    )
    given = {"tune": "lora", "quantization": "4bit"}
    check("dpo", OPTIONS["dpo"](**given, accelerate="ddp"))  # type: ignore[call-arg]
    assert "'fsdp2' splits" in refused("dpo", **given, accelerate="fsdp2")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_mini_batches": 65}, ["num_mini_batches", "64"]),
        ({"adaptive_kl": True, "kl_coef": 0.0}, ["adaptive_kl", "kl_coef"]),
        ({"critic_warmup": 50}, ["critic_warmup", "total_steps"]),
        ({"response_length": 512}, ["response_length", "max_length"]),
        ({"critic": "adapter"}, ["adapter", "lora"]),
    ],
)
def test_what_ppo_cannot_do(given: dict[str, Any], words: list[str]) -> None:
    told = refused("ppo", **given)
    for word in words:
        assert word in told


def test_a_client_hears_of_it_before_it_asks_the_hub() -> None:
    with pytest.raises(UsageError, match="processes = 2"):
        checked_options("rm", Settings(), config_file=None, environ={}, given={"processes": 2})
