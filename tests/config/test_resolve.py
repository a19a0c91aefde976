"""Options of runs: which place wins, and what a wrong name or value says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlhf_tui.config.options import OPTIONS, PPOOptions
from rlhf_tui.config.resolve import chosen_options, resolve_options
from rlhf_tui.config.settings import load_settings
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import Workspace


def test_each_place_wins_over_the_ones_before(workspace: Workspace, tmp_path: Path) -> None:
    workspace.config.write_text(
        "[train.ppo]\ncliprange = 0.1\nvf_coef = 0.1\nlam = 0.1\ngamma=0.1\n"
    )
    config = tmp_path / "more.toml"
    config.write_text("[train.ppo]\nvf_coef = 0.2\nlam = 0.2\ngamma = 0.2\n[train.sft]\nepochs=3\n")
    options = resolve_options(
        "ppo",
        load_settings(workspace, {}),
        config_file=config,
        environ={"RLHF_TUI_TRAIN_PPO_LAM": "0.3", "RLHF_TUI_TRAIN_PPO_GAMMA": "0.3"},
        given={"gamma": 0.4},
    )
    assert isinstance(options, PPOOptions)
    assert options.kl_coef == PPOOptions().kl_coef
    assert (options.cliprange, options.vf_coef) == (0.1, 0.2)
    assert (options.lam, options.gamma) == (0.3, 0.4)


def test_what_nobody_set_is_not_sent(workspace: Workspace) -> None:
    settings = load_settings(workspace, {})
    chosen = chosen_options("sft", settings, config_file=None, environ={}, given={"epochs": 2})
    assert chosen == {"epochs": 2.0}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("RLHF_TUI_TRAIN_PPO_WHITEN_REWARDS", "true", {"whiten_rewards": True}),
        ("RLHF_TUI_TRAIN_PPO_KL_COEF", "1e-3", {"kl_coef": 0.001}),
        ("RLHF_TUI_TRAIN_PPO_MODEL", "7", {"model": "7"}),
        ("RLHF_TUI_TRAIN_PPO_TOTAL_STEPS", "12", {"total_steps": 12}),
        ("RLHF_TUI_TRAIN_SFT_EPOCHS", "12", {}),
    ],
)
def test_the_environment_is_typed(
    workspace: Workspace, name: str, text: str, expected: dict[str, object]
) -> None:
    settings = load_settings(workspace, {})
    chosen = chosen_options("ppo", settings, config_file=None, environ={name: text}, given={})
    assert chosen == expected


def test_lists_in_the_environment_are_split_at_commas(workspace: Workspace) -> None:
    environ = {"RLHF_TUI_TRAIN_SFT_INCLUDE": "thumbs-up, best-ranked"}
    settings = load_settings(workspace, {})
    chosen = chosen_options("sft", settings, config_file=None, environ=environ, given={})
    assert chosen == {"include": ["thumbs-up", "best-ranked"]}
    environ = {
        "RLHF_TUI_TRAIN_DPO_LOSS_TYPE": "sigmoid,sft",
        "RLHF_TUI_TRAIN_DPO_LOSS_WEIGHTS": "1, 0.2",
    }
    chosen = chosen_options("dpo", settings, config_file=None, environ=environ, given={})
    assert chosen == {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.2]}


@pytest.mark.parametrize(
    ("environ", "given", "names"),
    [
        ({"RLHF_TUI_TRAIN_PPO_KL_COEFF": "1"}, {}, ["KL_COEFF", "'kl_coef'"]),
        ({"RLHF_TUI_TRAIN_PPO_KL_COEF": "much"}, {}, ["RLHF_TUI_TRAIN_PPO_KL_COEF", "much"]),
        ({}, {"kl_coef": -1.0}, ["kl_coef", "ppo", ">= 0"]),
        ({}, {"klcoef": 1.0}, ["klcoef", "'kl_coef'"]),
    ],
)
def test_a_mistake_is_named(
    workspace: Workspace, environ: dict[str, str], given: dict[str, object], names: list[str]
) -> None:
    settings = load_settings(workspace, {})
    with pytest.raises(UsageError) as caught:
        chosen_options("ppo", settings, config_file=None, environ=environ, given=given)
    for name in names:
        assert name in str(caught.value)


def test_an_unknown_kind_is_named(workspace: Workspace) -> None:
    settings = load_settings(workspace, {})
    with pytest.raises(UsageError, match="Did you mean 'ppo'"):
        chosen_options("pppo", settings, config_file=None, environ={}, given={})


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_missing_config_file_is_told(workspace: Workspace, kind: str, tmp_path: Path) -> None:
    settings = load_settings(workspace, {})
    with pytest.raises(UsageError, match=r"gone\.toml"):
        chosen_options(kind, settings, config_file=tmp_path / "gone.toml", environ={}, given={})
