"""Rules on recorded runs of our own trainers: they fire where a run goes astray, and only there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from helpers.foreign import follower, read_all
from helpers.recordings import NAMES, RECORDINGS, follow_all, recorded

from rlhf_tui.runs import layout
from rlhf_tui.tracking.rules.judge import RULES, judge
from rlhf_tui.tracking.rules.view import Situation

GOOD = [name for name in NAMES if "-good" in name]
ASTRAY: dict[str, set[str]] = {
    "ppo-kl": {"kl-runaway"},
    "ppo-length": {"length-hacking", "responses-cut", "kl-runaway"},
    "ppo-repeats": {"samples-repeat", "entropy-collapse", "value-loss", "kl-runaway"},
    "ppo-collapse": {"entropy-collapse"},
    "ppo-clip": {"clip-fraction", "update-too-large"},
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
    "ppo-still": {"no-progress"},
    "rloo-chance": {"no-progress"},
    "grpo-still": {"no-progress"},
    "ppo-falls": {"reward-falls"},
    "rloo-falls": {"reward-falls", "samples-alike"},
    "ppo-critic": {"critic-blind"},
    "ppo-negative": {"kl-negative"},
    "sft-spikes": {"gradient-spikes"},
    "rloo-spikes": {"gradient-spikes"},
}
"""Recordings and the rules that must have fired in them, still holding or over: those for which
they were made. What else a run does that goes astray is another on another machine."""
WHILE_IT_RAN = {"sft-disk": {"disk-nearly-full"}}
"""Recordings of which it was said as long as they ran, and no longer."""
SILENT = "sft-silent"
"""Was recorded while its worker stood still: by its files alone nobody knows how it will end."""
OTHERS = {"trl-rate": {"rate-zero"}}
"""Of other programs."""
PLACES = re.compile(r"(?<![\w.-])/(?:tmp|work|home|root|mnt|srv|opt|usr|Users)/\S*")
"""Where files lie on the machine that recorded: nothing of it is to be found."""
NOT_RECORDED = {"memory-nearly-full", "gpu-idle"}
"""The one takes a machine for itself, the other a GPU: on numbers made up for them only."""


def test_every_recording_is_expected_to_show_something() -> None:
    assert sorted([*GOOD, *ASTRAY, *WHILE_IT_RAN, SILENT]) == NAMES
    assert {name.split("-")[0] for name in GOOD} == {
        "sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo"
    }  # fmt: skip


def test_the_recordings_are_those_of_the_list_that_makes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = importlib.util.spec_from_file_location("scenes", RECORDINGS / "scenes.py")
    assert spec is not None and spec.loader is not None
    scenes = importlib.util.module_from_spec(spec)
    # Its dataclass looks itself up there.
    monkeypatch.setitem(sys.modules, "scenes", scenes)
    spec.loader.exec_module(scenes)
    listed = {scene.name: scene for scene in scenes.RECORDINGS}
    assert sorted(listed) == NAMES
    for name, scene in listed.items():
        run = recorded(name)
        assert run.arguments.kind == scene.kind
        assert run.state == ("failed" if scene.ends == "lost" else scene.ends)
        had = run.arguments.arguments
        plain = {key: value for key, value in scene.arguments.items() if not _resolved(value)}
        assert {key: had[key] for key in plain} == plain, name


def _resolved(value: object) -> bool:
    """Names of models, files and rewards are others in a run than at its launch."""
    return isinstance(value, list) or (isinstance(value, str) and not value.isalpha())


def test_every_rule_but_two_has_a_run_that_shows_it() -> None:
    recordings = {**ASTRAY, **WHILE_IT_RAN, **OTHERS, SILENT: {"heartbeat-lost"}}
    shown = set().union(*recordings.values())
    assert {rule.id for rule in RULES} - shown == NOT_RECORDED


@pytest.mark.parametrize("name", NAMES)
def test_recordings_are_small_and_whole(name: str) -> None:
    directory = RECORDINGS / name
    assert sum(path.stat().st_size for path in directory.rglob("*")) < 150_000
    text = "".join(path.read_text() for path in directory.rglob("*") if path.is_file())
    assert PLACES.findall(text) == []
    assert (directory / layout.LOG).exists()
    assert (directory / layout.SUPERVISOR).exists()
    assert (directory / layout.EXIT).exists() == (name not in ("ppo-killed", SILENT))


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


@pytest.mark.parametrize("name", WHILE_IT_RAN)
def test_what_is_said_of_the_machine_is_said_while_the_run_goes_on(
    name: str, tmp_path: Path
) -> None:
    run = recorded(name)
    *_, (_, last) = run.growing(tmp_path)
    assert {finding.rule.id for finding in last} == WHILE_IT_RAN[name]
    assert run.findings() == []


def test_a_run_whose_worker_stands_still_is_missed_and_its_machine_looked_at_on() -> None:
    run = recorded(SILENT)
    (finding,) = run.findings(run.silent)
    assert (finding.rule.id, finding.severity) == ("heartbeat-lost", "critical")
    assert f"its last step was {run.status.step}." in finding.sentence
    machine = follow_all(run.directory).machine
    assert machine[-1].run_cpu == 0 < machine[-1].run_ram
    assert run.findings(Situation("running", run.status.step)) == [], "before it was missed"


@pytest.mark.parametrize("name", OTHERS)
def test_rules_fire_on_a_run_of_another_program(name: str) -> None:
    log = read_all(follower(RECORDINGS / name))
    total = log.reader.total
    state = Situation("finished", total, total)
    findings = judge("log", log.series, state=state)
    assert {finding.rule.id for finding in findings} == OTHERS[name]


@pytest.mark.parametrize(
    "name", [name for name in ASTRAY if name.startswith(("ppo", "rm", "rloo"))]
)
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
