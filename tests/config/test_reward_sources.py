"""Entries of `rewards` read and written, and what is wrong with them said at launch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.config.combinations import check
from rlhf_tui.config.online_options import PPOOptions, RLOOOptions
from rlhf_tui.config.reward_sources import RewardEntry, entries, find_function, names, parse
from rlhf_tui.errors import UsageError


def test_an_entry_has_a_weight_a_source_and_a_label() -> None:
    assert parse("rm-0003") == RewardEntry("rm-0003", 1.0, "")
    assert parse("0.5*rm-0003") == RewardEntry("rm-0003", 0.5, "")
    assert parse("-0.01 * rewards.style:length") == RewardEntry("rewards.style:length", -0.01, "")
    assert parse("2*lvwerra/distilbert-imdb#POSITIVE") == RewardEntry(
        "lvwerra/distilbert-imdb", 2.0, "POSITIVE"
    )
    assert parse("1e-3*~/odd #dir/model").source == "~/odd #dir/model"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("", "names no source"),
        ("0.5*", "names no source"),
        ("0.5*#POSITIVE", "names no source"),
        ("half*rm-0003", "'half' .* not a finite number"),
        ("nan*rm-0003", "not a finite number"),
        ("*rm-0003", "'' .* not a finite number"),
        ("rm-0003#", "names no label"),
        ("my_rewards:brevity#GOOD", "gives a function a label"),
        ("my-rewards:brevity", "no function that Python can import"),
        ("rewards/style.py:brevity", "no function that Python can import"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said_at_launch(entry: str, words: str) -> None:
    for options in (PPOOptions(rewards=["rm-0001", entry]), RLOOOptions(rewards=[entry])):
        with pytest.raises(UsageError, match=words):
            check("ppo", options)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["/w/runs/rm-0001/model", "/a*b/c#d/e", "org/name", "a.b:c"]),
    st.sampled_from(["", "POSITIVE"]),
)
def test_an_entry_reads_back_as_it_was_written(weight: float, source: str, label: str) -> None:
    entry = RewardEntry(source, weight, "" if ":" in source else label)
    assert parse(str(entry)) == entry


def test_the_reward_model_counts_once_beside_the_others() -> None:
    options = PPOOptions(reward_model="rm-0001", reward_label="good", rewards=["0.5*rm-0002"])
    assert entries(options) == [
        RewardEntry("rm-0001", 1.0, "good"),
        RewardEntry("rm-0002", 0.5, ""),
    ]
    with pytest.raises(UsageError, match="reward_label = 'good' belongs to reward_model"):
        entries(PPOOptions(reward_label="good", rewards=["rm-0002"]))
    assert entries(PPOOptions(reward_label="good")) == [], "for the newest one, chosen later"


def test_terms_are_called_by_what_a_person_knows_them_by() -> None:
    terms = [
        parse("/w/runs/rm-0003/model"),
        parse("/w/runs/rm-0003/model"),
        parse("org/imdb#POSITIVE"),
        parse("a.b:brevity"),
        parse("/models/mine/"),
    ]
    assert names(terms) == ["rm-0003", "rm-0003-2", "imdb#POSITIVE", "brevity", "mine"]


def test_a_function_is_looked_for_without_running_its_module(tmp_path: Path) -> None:
    package = tmp_path / "house" / "rewards"
    package.mkdir(parents=True)
    (package / "style.py").write_text("raise SystemExit('never imported')")
    (package / "__init__.py").write_text("raise SystemExit('never imported')")
    find_function(parse("house.rewards.style:brevity"), tmp_path)
    find_function(parse("json:loads"), tmp_path)
    for wrong in ("house.rewards.stile:brevity", "house.rewards.style.more:x", "no_such_house:x"):
        with pytest.raises(UsageError, match="is nowhere"):
            find_function(parse(wrong), tmp_path)
