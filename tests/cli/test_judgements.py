"""Several judgements and the learning curve by the shell, with the sample model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import Cli, refused


@pytest.fixture
def compared(cli: Cli) -> Cli:
    """Forty prompts with one pair each, decided by three people; the third says the opposite."""
    rows: list[dict[str, Any]] = [
        {
            "prompt": f"Film number {n}",
            "chosen": " is a delight with a wonderful cast.",
            "rejected": " is a tedious bore.",
        }
        for n in range(40)
    ]
    swapped = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in rows]
    for name, said in (("ada", rows), ("ben", rows), ("cleo", swapped)):
        path = cli.cwd / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in said))
        cli("import", path, "--annotator", name).ok()
    return cli


def test_an_export_says_what_became_of_several_judgements(compared: Cli) -> None:
    every = compared("export", "preference", "all.jsonl", "--split", "all").ok()
    assert "Wrote 120 rows" in every.out
    assert "40 of 40 items were judged by several people: each judgement" in every.err
    told = compared(
        *("export", "preference", "one.jsonl", "--split", "all", "--aggregate", "dawid-skene")
    ).ok()
    assert "Wrote 40 rows" in told.out
    assert "Reliability after Dawid and Skene: cleo 0.00, ada 1.00, ben 1.00." in told.err
    row = json.loads((compared.cwd / "one.jsonl").read_text().splitlines()[0])
    assert (row["votes_for"], row["votes_against"]) == (2, 1)
    assert "delight" in row["chosen"]
    few = ("--aggregate", "majority", "--min-agreement", "0.7", "--min-judgements", "2")
    refused(compared("export", "preference", "no.jsonl", *few), 6, "no ranked pairs")
    wrong = compared("export", "preference", "no.jsonl", "--aggregate", "majorty")
    refused(wrong, 2, "'majorty'", "Did you mean 'majority'?")
    wrong = compared("train", "rm", "--aggregate", "majorty")
    refused(wrong, 2, "majority")


def test_a_learning_curve_runs_in_the_background_and_is_told(compared: Cli) -> None:
    options = ("--aggregate", "majority", "--max-steps", "2", "--threads", "1")
    ran = compared("train", "rm", "--learning-curve", *options).ok()
    assert "the majority decides" in ran.err
    shown = compared("runs", "show", "latest").ok().out
    assert "more labels" in shown.lower()
    told = compared("runs", "show", "latest", "--json").ok().json
    directory = Path(told["directory"])
    curve = told["learning_curve"]
    assert curve == json.loads((directory / "learning_curve.json").read_text())
    assert len(curve["points"]) >= 2
    assert curve["verdict"] in shown
    manifest = json.loads((directory / "dataset" / "manifest.json").read_text())
    assert manifest["spec"]["aggregate"] == "majority"
    assert curve["points"][-1]["pairs"] == manifest["rows"]["train"]
    assert (directory / "model" / "config.json").exists()
