"""Recipes: every one fits every trainer, gives way to all other places, and is told by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlhf_tui.config import combinations
from rlhf_tui.config.options import OPTIONS, TRAINERS, GRPOOptions, PPOOptions
from rlhf_tui.config.recipes import RECIPES, recipe_options
from rlhf_tui.config.resolve import resolve_options
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import UsageError


@pytest.fixture
def with_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has what 4-bit weights need."""
    monkeypatch.setattr(combinations, "check_quantization", lambda _quantization: None)


@pytest.mark.usefixtures("with_bitsandbytes")
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("kind", TRAINERS)
def test_every_recipe_fits_every_trainer(name: str, kind: str) -> None:
    options = resolve_options(kind, Settings(), config_file=None, environ={}, given={}, recipe=name)
    for key, value in RECIPES[name].options(kind).items():
        assert getattr(options, key) == value


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_trains_grpo_without_a_hold_on_the_reference(name: str) -> None:
    options = GRPOOptions(**recipe_options(name, "grpo"))
    assert options.beta > 0


def test_all_other_places_win_over_a_recipe(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[train.ppo]\nresponse_length = 48\n")
    options = resolve_options(
        "ppo",
        Settings(train={"ppo": {"kl_coef": 0.2}}),
        config_file=config,
        environ={"RLHF_TUI_TRAIN_PPO_MAX_LENGTH": "300"},
        given={"total_steps": 7},
        recipe="tiny-cpu",
    )
    assert isinstance(options, PPOOptions)
    assert (options.kl_coef, options.response_length) == (0.2, 48)
    assert (options.max_length, options.total_steps) == (300, 7)
    assert options.device == "cpu"


def test_an_unknown_recipe_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'single-gpu-lor'.*'single-gpu-lora'\?.*list-recipes"):
        recipe_options("single-gpu-lor", "sft")


def test_recipes_are_for_training() -> None:
    for kind in set(OPTIONS) - set(TRAINERS):
        with pytest.raises(UsageError, match=f"{kind} takes none"):
            recipe_options("tiny-cpu", kind)
    assert recipe_options("", "generate") == {}
