"""Rules on recorded runs of our own trainers: they fire where a run goes astray, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.recordings import NAMES, RECORDINGS, recorded

from rlhf_tui.runs import layout

GOOD = [name for name in NAMES if "-good" in name]
ASTRAY: dict[str, set[str]] = {
    "ppo-kl": {"kl-runaway"},
    "ppo-length": {"length-hacking", "responses-cut", "kl-runaway"},
    "ppo-repeats": {"samples-repeat", "entropy-collapse", "value-loss", "kl-runaway"},
    "ppo-collapse": {"entropy-collapse"},
    "ppo-clip": {"clip-fraction", "update-too-large", "entropy-collapse", "samples-alike"},
    "dpo-displaced": {"chosen-unlikely"},
    "rm-chance": {"accuracy-at-chance", "no-margin"},
    "dpo-chance": {"accuracy-at-chance"},
    "sft-memory": {"out-of-memory"},
    "sft-overfit": {"validation-rising"},
    "sft-nan": {"loss-nan"},
    "ppo-nan": {"loss-nan"},
    "sft-still": {"no-progress"},
    "grpo-cut": {"responses-cut"},
    "grpo-alike": {"groups-alike"},
    "ppo-crash": {"run-failed"},
    "ppo-killed": {"run-failed"},
    "ppo-stopped": set(),
}
"""Recordings and the rules that must have fired in them, still holding or over."""


def test_every_recording_is_expected_to_show_something() -> None:
    assert sorted([*GOOD, *ASTRAY]) == NAMES
    assert {name.split("-")[0] for name in GOOD} == {
        "sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo"
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_recordings_are_small_and_whole(name: str) -> None:
    directory = RECORDINGS / name
    assert sum(path.stat().st_size for path in directory.rglob("*")) < 150_000
    text = "".join(path.read_text() for path in directory.rglob("*.json*"))
    assert "/tmp/" not in text
    assert "/work/" not in text
    assert (directory / layout.LOG).exists()
    assert (directory / layout.SUPERVISOR).exists()
    assert (directory / layout.EXIT).exists() == (name != "ppo-killed")


@pytest.mark.parametrize("name", GOOD)
def test_rules_are_silent_on_a_good_run_from_its_first_line_to_its_last(
    name: str, tmp_path: Path
) -> None:
    run = recorded(name)
    assert run.findings() == []
    for step, found in run.growing(tmp_path):
        assert found == [], f"{found[0].rule.id} at step {step}: {found[0].sentence}"


@pytest.mark.parametrize("name", ASTRAY)
def test_rules_fire_on_a_run_that_goes_astray(name: str) -> None:
    found = {finding.rule.id for finding in recorded(name).findings()}
    assert ASTRAY[name] <= found
    if not ASTRAY[name]:
        assert not found


@pytest.mark.parametrize("name", [name for name in ASTRAY if name.startswith(("ppo", "rm"))])
def test_a_finding_tells_the_step_at_which_it_first_fired(name: str, tmp_path: Path) -> None:
    firsts: dict[str, float] = {}
    told: dict[str, float] = {}
    for step, found in recorded(name).growing(tmp_path):
        told = {finding.rule.id: finding.step for finding in found}
        assert firsts.keys() <= told.keys(), "what has fired is at least told as over"
        for finding in found:
            if finding.holds and firsts.get(finding.rule.id) != finding.step:
                assert finding.step == step, finding.rule.id
                firsts[finding.rule.id] = finding.step
    assert told == firsts
