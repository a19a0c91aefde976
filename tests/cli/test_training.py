"""`train`, `evaluate` and `runs priority` by the shell: recipes, files, turns, keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import Cli, refused

from rlhf_tui.config.recipes import RECIPES


@pytest.fixture
def pairs(cli: Cli) -> Iterator[Cli]:
    """A workspace without labels, beside a file of pairs."""
    rows = [{"prompt": f"Film {n}", "chosen": " good", "rejected": " bad"} for n in range(30)]
    rows.append({"prompt": "broken", "chosen": " good"})
    (cli.cwd / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    yield cli
    for run in cli("runs", "list", "--json").json:
        cli("runs", "stop", run["run_id"], "--force")


def launched(cli: Cli, *arguments: str, **more: Any) -> dict[str, Any]:
    told = cli("train", *arguments, "--detach", "--json", **more).ok().json
    assert isinstance(told, dict)
    return told


def test_a_file_is_trained_on_under_a_recipe_and_nothing_is_imported(pairs: Cli) -> None:
    given = ("rm", "--dataset", "pairs.jsonl", "--recipe", "tiny-cpu", "--max-steps", "1")
    run = launched(pairs, *given, env={"HF_TOKEN": "hf_secret"})
    directory = Path(run["directory"])
    made = json.loads((directory / "args.json").read_text())
    assert made["recipe"] == "tiny-cpu"
    assert made["arguments"].items() >= RECIPES["tiny-cpu"].options("rm").items()
    assert made["arguments"]["dataset"] == str(pairs.cwd / "pairs.jsonl")
    manifest = json.loads((directory / "dataset" / "manifest.json").read_text())
    assert (manifest["source"]["rows"], manifest["source"]["rejected"]) == (30, 1)
    assert any("1 row rejected (line 31: no rejected)" in note for note in run["notes"])
    assert not any("hf_secret" in path.read_text() for path in directory.glob("*.json"))
    refused(pairs("train", "rm"), 6, "no ranked pairs")


def test_a_run_that_waits_takes_the_turn_that_it_is_given(pairs: Cli) -> None:
    device = ("--dataset", "pairs.jsonl", "--device", "cpu", "--epochs", "500")
    names = [launched(pairs, "rm", *device)["run_id"]]
    names += [launched(pairs, "dpo", *device, "--priority", p)["run_id"] for p in ("0", "3")]
    running, usual, early = names
    assert turns(pairs) == {running: 0, early: 1, usual: 2}
    told = pairs("runs", "priority", early, "-1").ok().out
    assert told == f"{early} has priority -1: number 2 in the queue.\n"
    assert turns(pairs) == {running: 0, usual: 1, early: 2}
    assert "queued 2, priority -1" in pairs("runs", "list").ok().out
    refused(pairs("runs", "priority", running, "4"), 2, running, "only a queued run")
    refused(pairs("runs", "priority", early, "soon"), 2, "N", "whole number")


def turns(cli: Cli) -> dict[str, int]:
    """Run → its number in the queue; 0 for none."""
    listed = cli("runs", "list", "--json").ok().json
    return {run["run_id"]: run.get("queue_position", 0) for run in listed}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "sft", "--dataset", "pairs.jsonl"], 6, ["30 preference pairs", "train dpo"]),
        (["train", "dpo", "--dataset", "gone.jsonl"], 3, ["gone.jsonl", "import --formats"]),
        (
            ["train", "dpo", "--dataset", "pairs.jsonl", "--dataset-format", "hh"],
            2,
            ["no format 'hh'", "hh-rlhf"],
        ),
        (["evaluate"], 6, ["no finished training run"]),
    ],
)
def test_what_cannot_be_launched_leaves_no_run(
    pairs: Cli, arguments: list[str], code: int, words: list[str]
) -> None:
    refused(pairs(*arguments), code, *words)
    runs = pairs.cwd / "runs"
    assert not runs.exists() or not [*runs.iterdir()]
    assert pairs("runs", "list", "--json").ok().json == []
