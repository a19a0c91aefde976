"""Options that others leave without effect are told of, by name and cause."""

from __future__ import annotations

import pytest

from rlhf_tui.config.idle import notes_on_idle
from rlhf_tui.config.options import OPTIONS, DPOOptions, PPOOptions, SFTOptions


@pytest.mark.parametrize("kind", OPTIONS)
def test_of_defaults_there_is_nothing_to_tell(kind: str) -> None:
    assert notes_on_idle(OPTIONS[kind]()) == []


def test_an_adapters_options_without_an_adapter() -> None:
    (note,) = notes_on_idle(SFTOptions(lora_rank=4, lora_target=["q_proj"]))
    assert note == "lora_rank, lora_target: without effect with tune = 'full'."
    assert "last-layer" in notes_on_idle(SFTOptions(merge_adapter=False, tune="last-layer"))[0]
    assert notes_on_idle(SFTOptions(lora_rank=4, tune="lora")) == []


def test_a_target_without_steering_and_an_alpha_without_its_divergence() -> None:
    assert "target_kl" in notes_on_idle(PPOOptions(target_kl=3.0))[0]
    assert notes_on_idle(PPOOptions(target_kl=3.0, adaptive_kl=True)) == []
    assert "f_alpha" in notes_on_idle(DPOOptions(f_alpha=0.7))[0]
    assert notes_on_idle(DPOOptions(f_alpha=0.7, f_divergence="alpha_divergence")) == []
