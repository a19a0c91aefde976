"""What the values of options stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlhf_tui.config import meanings
from rlhf_tui.config.options import OPTIONS
from rlhf_tui.hub.models import sample_model


@pytest.mark.parametrize("kind", ["sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo"])
def test_a_learning_rate_of_zero_is_said_to_be_chosen(kind: str) -> None:
    assert meanings.meaning(kind, "learning_rate", 0.0) == "by the model's size"
    assert meanings.meaning(kind, "learning_rate", 1e-4) == ""


def test_a_zero_that_is_a_number_like_others_means_nothing_else() -> None:
    assert meanings.meaning("sft", "weight_decay", 0.0) == ""
    assert meanings.meaning("sft", "auto_batch", False) == ""
    assert meanings.meaning("sft", "walrus", 0) == ""
    assert meanings.meaning("walrus", "learning_rate", 0.0) == ""


def test_the_bundled_model_is_the_default_by_name_and_by_path(tmp_path: Path) -> None:
    bundled = str(sample_model())
    assert not meanings.differs("sample", bundled)
    assert meanings.differs("sample", str(tmp_path))
    assert meanings.differs("", bundled)
    assert "bundled" in meanings.meaning("sft", "model", bundled)


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_default_is_its_own(kind: str) -> None:
    for name, value in meanings.defaults(kind).items():
        assert not meanings.differs(value, value)
        assert isinstance(meanings.meaning(kind, name, value), str)
