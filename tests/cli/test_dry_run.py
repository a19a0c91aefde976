"""`--dry-run`: what a launch would do, printed; nothing is launched."""

from __future__ import annotations

import json

import pytest
from helpers import Cli, refused


@pytest.fixture
def pairs(cli: Cli) -> Cli:
    rows = [
        {"prompt": f"Film {n}", "chosen": " is good.", "rejected": " is\tbad\u001b[31m."}
        for n in range(30)
    ]
    (cli.cwd / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return cli


def test_a_run_is_told_and_not_launched(pairs: Cli) -> None:
    given = ("train", "dpo", "--dataset", "pairs.jsonl", "--model", "sample", "--device", "cpu")
    done = pairs(*given, "--epochs", "3", "--batch-size", "8", "--dry-run", "--examples", "1").ok()
    train = int(done.out.partition(" train")[0].split()[-1])
    steps = -(-train // 8) * 3
    for words in (
        f"{train} train + ", "pairs.jsonl", "sample, the bundled model",
        f"{steps} steps of ", "memory ", "as counted", "starts at once on cpu",
        "row 1, chosen", "[[ is good.</s>]]", "row 1, rejected",
    ):  # fmt: skip
        assert words in done.out
    assert "\u001b" not in done.out
    assert "Nothing was launched." in done.err
    assert pairs("runs", "list", "--json").ok().json == []


def test_a_program_reads_it_as_json(pairs: Cli) -> None:
    given = ("train", "rm", "--dataset", "pairs.jsonl", "--device", "cpu", "--dry-run", "--json")
    found = pairs(*given).ok().json
    assert found["device"] == "cpu"
    assert found["estimate"]["steps"] > 0
    assert found["dataset"]["rows"]["train"] > 0
    assert pairs("runs", "list", "--json").ok().json == []


def test_what_would_be_refused_is_told_with_its_exit_code(cli: Cli) -> None:
    done = cli("train", "rm", "--dry-run")
    assert done.code == 6
    assert "It would not start: " in done.err
    assert "no ranked pairs" in done.err
    assert "Traceback" not in done.err + done.out
    refused(cli("train", "rm", "--examples", "2"), 2, "--dry-run")
    refused(cli("train", "rm", "--dry-run", "--dataset", "nowhere.jsonl"), 3, "nowhere.jsonl")


def test_generate_is_told_too(cli: Cli) -> None:
    (cli.cwd / "prompts.txt").write_text("One film\nAnother film\n")
    cli("import", "prompts.txt").ok()
    done = cli("generate", "--dry-run", "--split", "all", "-k", "3", "--device", "cpu").ok()
    assert "6 completions of " in done.out
    assert cli("runs", "list", "--json").ok().json == []
