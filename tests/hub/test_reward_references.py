"""Rewards named at a launch: runs and paths become paths, functions are looked for, all noted."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rlhf_tui.config.options import (
    EvaluateOptions,
    GRPOOptions,
    PPOOptions,
    RewardOptions,
    SFTOptions,
)
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import UsageError
from rlhf_tui.hub.models import Resolved, resolve_options
from rlhf_tui.store.write import RunRow


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, RunRow]:
    """Two finished reward models and a folder with a function."""
    (tmp_path / "own_rewards.py").write_text("raise SystemExit('never imported by the hub')")
    found = {}
    for number in (1, 2):
        run_id = f"rm-000{number}"
        directory = tmp_path / "runs" / run_id
        (directory / "model").mkdir(parents=True)
        (directory / "model" / "config.json").write_text("{}")
        found[run_id] = RunRow(
            run_id, "rm", "finished", directory=str(directory), created_ms=number
        )
    return found


def resolved(options: PPOOptions | GRPOOptions, runs: dict[str, RunRow], cwd: Path) -> Resolved:
    return resolve_options(options, Settings(), runs, cwd)


def test_models_become_paths_with_weight_and_label_and_runs_are_remembered(
    tmp_path: Path, runs: dict[str, RunRow]
) -> None:
    (tmp_path / "mood").mkdir()
    (tmp_path / "mood" / "config.json").write_text("{}")
    options = PPOOptions(
        model="sample",
        reward_model="rm-0001",
        rewards=["mood#POSITIVE", "-0.5*rm-0002", "own_rewards:brevity", "2*org/name#GOOD"],
    )
    found = resolved(options, runs, tmp_path)
    assert isinstance(found.options, PPOOptions)
    assert found.options.rewards == [
        f"1.0*{tmp_path / 'mood'}#POSITIVE",
        f"-0.5*{tmp_path / 'runs' / 'rm-0002' / 'model'}",
        "1.0*own_rewards:brevity",
        "2.0*org/name#GOOD",
    ]
    assert found.options.reward_model == str(tmp_path / "runs" / "rm-0001" / "model")
    assert found.lineage == {"reward_model": "rm-0001", "reward_2": "rm-0002"}


def test_only_a_finished_run_is_measured_unless_another_is_named(
    tmp_path: Path, runs: dict[str, RunRow]
) -> None:
    runs["rm-0002"] = msgspec.structs.replace(runs["rm-0002"], state="failed")
    assert resolve_options(EvaluateOptions(), Settings(), runs, tmp_path).lineage == {
        "model": "rm-0001"
    }


def test_the_newest_reward_model_is_taken_only_where_no_source_is_named(
    tmp_path: Path, runs: dict[str, RunRow]
) -> None:
    alone = resolved(PPOOptions(model="sample"), runs, tmp_path)
    assert alone.lineage == {"reward_model": "rm-0002"}
    named = resolved(PPOOptions(model="sample", rewards=["own_rewards:f"]), runs, tmp_path)
    assert isinstance(named.options, PPOOptions)
    assert named.options.reward_model == "" and named.lineage == {}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("rm-0003", "no run 'rm-0003'"),
        ("./nowhere", "no model './nowhere'"),
        ("own_reward:brevity", "'own_reward:brevity' is nowhere"),
    ],
)
def test_what_is_not_there_is_said_at_launch(
    tmp_path: Path, runs: dict[str, RunRow], source: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        resolved(PPOOptions(model="sample", rewards=[f"0.1*{source}"]), runs, tmp_path)


def test_a_run_without_kl_is_noted_at_launch(tmp_path: Path, runs: dict[str, RunRow]) -> None:
    found = resolved(GRPOOptions(model="sample", beta=0.0), runs, tmp_path)
    assert any("nothing keeps the policy near" in note for note in found.notes)


def test_a_run_whose_model_is_of_the_other_sort_is_refused_at_the_launch(
    tmp_path: Path, runs: dict[str, RunRow]
) -> None:
    directory = tmp_path / "runs" / "sft-0001"
    (directory / "model").mkdir(parents=True)
    (directory / "model" / "config.json").write_text("{}")
    runs["sft-0001"] = RunRow("sft-0001", "sft", "finished", directory=str(directory))
    for judged in (
        PPOOptions(model="sample", reward_model="sft-0001"),
        PPOOptions(model="sample", rewards=["0.5*sft-0001"]),
    ):
        with pytest.raises(UsageError, match="sft-0001 is a language model"):
            resolved(judged, runs, tmp_path)
    for written in (PPOOptions(model="rm-0001"), SFTOptions(model="rm-0001")):
        with pytest.raises(UsageError, match="rm-0001 is a reward model"):
            resolve_options(written, Settings(), runs, tmp_path)
    begun = resolve_options(RewardOptions(model="rm-0001"), Settings(), runs, tmp_path)
    assert begun.lineage == {"model": "rm-0001"}
