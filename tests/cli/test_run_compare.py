"""`runs compare` and `runs lineage` by the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import Cli, refused
from helpers.ended import enter_run
from helpers.recorded import write_run

from rlhf_tui.workspace import Workspace


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A directory of runs that no hub knows."""
    place = tmp_path / "runs"
    write_run(place, "ppo-0001", steps=40, total=40, arguments={"kl_coef": 0.05})
    write_run(
        place, "ppo-0002", steps=60, total=60, title="longer", arguments={"kl_coef": 0.2, "seed": 7}
    )
    write_run(place, "rm-0001", kind="rm", steps=10, total=10)
    return place


def test_runs_by_their_directories_need_no_hub(tmp_path: Path, runs: Path) -> None:
    cli = Cli(tmp_path)
    told = cli("runs", "compare", "runs/ppo-0001", runs / "ppo-0002").ok()
    lines = {line.split()[0]: line.split() for line in told.out.splitlines() if line.strip()}
    assert lines["RUN"][1:] == ["ppo-0001", "ppo-0002"]
    assert lines["title"][1:] == ["-", "longer"]
    assert lines["kl_coef"][1:] == ["0.05", "0.2"]
    assert lines["seed"][1:] == ["0", "7"]
    assert "learning_rate" not in lines
    assert "*" in told.out
    assert "STEPS 1 TO 40" in told.out
    assert any(character in told.out for character in "▁▂▃▄▅▆▇█")
    assert not (tmp_path / "hub.json").exists()
    plain = cli("runs", "compare", "runs/ppo-0001", "runs/ppo-0002", env={"LC_ALL": "C"}).ok()
    assert plain.out.isascii()


def test_json_has_the_values_in_full(tmp_path: Path, runs: Path) -> None:
    with (runs / "ppo-0002" / "metrics.jsonl").open("a") as file:
        row = {"step": 61, "objective/scores": None, "not_finite": {"objective/scores": "nan"}}
        file.write(json.dumps(row) + "\n")
    found = Cli(tmp_path)(
        "runs", "compare", "runs/ppo-0001", "runs/ppo-0002", "--json", "--metrics", "scores|kl$"
    ).ok()
    document = found.json
    assert [run["run_id"] for run in document["runs"]] == ["ppo-0001", "ppo-0002"]
    assert document["runs"][0]["steps"] == 40
    assert document["arguments"]["kl_coef"] == ["0.05", "0.2"]
    metrics = {metric["name"]: metric for metric in document["metrics"]}
    assert set(metrics) == {"objective/scores", "objective/kl"}
    last = json.loads((runs / "ppo-0001" / "metrics.jsonl").read_text().splitlines()[-1])
    assert metrics["objective/kl"]["values"][0] == last["objective/kl"]
    assert metrics["objective/scores"]["values"][1] is None
    assert metrics["objective/scores"]["better"] == "higher"
    assert metrics["objective/kl"]["better"] is None


def test_runs_of_different_kinds(tmp_path: Path, runs: Path) -> None:
    told = Cli(tmp_path)("runs", "compare", "runs/ppo-0001", "runs/rm-0001").ok()
    assert "kl_coef" not in told.out
    assert "accuracy" in told.out


def test_what_cannot_be_compared_is_said(tmp_path: Path, runs: Path) -> None:
    cli = Cli(tmp_path)
    (tmp_path / "empty").mkdir()
    refused(cli("runs", "compare", "runs/ppo-0001"), 2, "takes two")
    refused(cli("runs", "compare", "runs/ppo-0001", "./empty/x"), 2, "is not there")
    refused(cli("runs", "compare", "runs/ppo-0001", tmp_path / "empty"), 2, "no args.json")
    refused(cli("runs", "compare", "runs/ppo-0001", runs / "ppo-0001"), 2, "are the same run")
    pair = ("runs", "compare", "runs/ppo-0001", "runs/ppo-0002", "--metrics")
    refused(cli(*pair, "objective/score_"), 2, "Did you mean 'objective/scores'?")
    refused(cli(*pair, "("), 2, "no regular expression")
    (runs / "ppo-0001" / "dataset").mkdir()
    (runs / "ppo-0001" / "dataset" / "manifest.json").write_text("{")
    refused(cli("runs", "compare", "runs/ppo-0001", "runs/ppo-0002"), 3, "manifest.json")
    refused(cli("runs", "compare", "ppo-0001", "ppo-0002"), 2, "no workspace")


def test_runs_that_logged_nothing_are_said_to(tmp_path: Path, runs: Path) -> None:
    pair = ("runs/ppo-0001", "runs/ppo-0002")
    for run in pair:
        (tmp_path / run / "metrics.jsonl").write_text("")
    done = Cli(tmp_path)("runs", "compare", *pair, "--metrics", "loss")
    refused(done, 2, "ppo-0001 and ppo-0002 logged no metrics")


def test_by_id_beginning_and_latest(cli: Cli, workspace: Workspace) -> None:
    """The hub knows what these mean, which run is put away, and which is the current policy."""
    enter_run(workspace, "sft-0001", created_ms=1000, arguments={"batch_size": 4})
    directory = enter_run(workspace, "ppo-0001", created_ms=2000, arguments={"batch_size": 8})
    enter_run(workspace, "sft-0002", created_ms=3000, arguments={"batch_size": 16})
    arguments = json.loads((directory / "args.json").read_text())
    arguments["lineage"] = {"model": "sft-0001"}
    (directory / "args.json").write_text(json.dumps(arguments))
    told = cli("runs", "compare", "sft-0001", "latest").ok().out
    lines = {line.split()[0]: line.split() for line in told.splitlines() if line.strip()}
    assert lines["RUN"][1:] == ["sft-0001", "sft-0002"]
    assert lines["batch_size"][1:] == ["4", "16"]
    refused(cli("runs", "compare", "ppo", "rm-0001"), 2, "rm-0001")
    refused(cli("runs", "compare", "ppo-0001", "ppo"), 2, "are the same run")
    cli("runs", "promote", "ppo-0001").ok()
    cli("runs", "archive", "sft-0001").ok()
    tree = cli("runs", "lineage", "ppo").ok().out.splitlines()
    assert tree[1].startswith("└─ sft-0001; sft from sample; archived")
    assert tree[2].startswith("   └─ ppo-0001 (this one); ppo; the current policy")
    found = cli("runs", "lineage", "sft-0001", "--json").ok().json
    assert found["run_id"] == "sft-0001"
    [root] = found["roots"]
    [run] = root["children"]
    assert (run["name"], run["archived"], run["current"]) == ("sft-0001", True, False)
    assert run["children"][0]["current"]
    refused(cli("runs", "lineage", "ppo-0007"), 2, "ppo-0007")


def test_lineage_of_a_directory(tmp_path: Path, runs: Path) -> None:
    arguments = json.loads((runs / "ppo-0002" / "args.json").read_text())
    arguments["lineage"] = {"model": "ppo-0001", "reward_model": "rm-0009"}
    (runs / "ppo-0002" / "args.json").write_text(json.dumps(arguments))
    told = Cli(tmp_path)("runs", "lineage", "runs/ppo-0002", env={"LC_ALL": "C"}).ok().out
    assert told.splitlines() == [
        "a data set that is not recorded",
        "`- ppo-0001; ppo",
        "   `- ppo-0002 (this one); ppo; reward model rm-0009",
        "rm-0009; gone, or never in this workspace",
    ]
