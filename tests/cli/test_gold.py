"""`import --gold`: a file's judgements as known answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from helpers import Cli, refused

PAIRS = [
    {"prompt": f"Question {n}?", "chosen": f" good {n}", "rejected": f" bad {n}"} for n in range(4)
]
THUMBS = [
    {"prompt": "Once", "completion": " upon a time", "label": True},
    {"prompt": "Once", "completion": " more", "label": False},
]


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def stored(cli: Cli) -> tuple[dict[str, int], list[dict[str, int]], int]:
    """What a backup holds: the number of rows by table, the known answers by text, and events."""
    target = cli.cwd / "copy.duckdb"
    target.unlink(missing_ok=True)
    cli("backup", target).ok()
    with duckdb.connect(str(target), read_only=True) as con:
        texts = dict(con.execute("SELECT completion_id, text FROM completions").fetchall())
        gold = con.execute(
            "SELECT gold FROM tasks WHERE gold IS NOT NULL ORDER BY position"
        ).fetchall()
        counts = {
            table: con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("prompts", "completions", "tasks", "events")
        }
    answers = [{texts[one]: tier for one, tier in json.loads(answer).items()} for (answer,) in gold]
    return counts, answers, counts["events"]


def test_preferences_and_thumbs_become_known_answers_and_nobodys_judgements(cli: Cli) -> None:
    pairs, thumbs = lines(cli.cwd / "pairs.jsonl", PAIRS), lines(cli.cwd / "thumbs.jsonl", THUMBS)
    first, second = cli("import", pairs, thumbs, "--gold", "--json").ok().json
    assert (first["gold"], first["added"]["tasks"], first["added"]["events"]) == (4, 4, 0)
    assert second["gold"] == 2
    assert "Items with a known answer from it: 4" in cli("import", pairs, "--gold").ok().err
    _, answers, events = stored(cli)
    assert answers == [
        *({f" good {n}": 1, f" bad {n}": 2} for n in range(4)),
        {" upon a time": 1},
        {" more": 2},
    ]
    assert events == 0


def test_items_that_are_there_already_get_their_known_answers_and_keep_their_judgements(
    cli: Cli,
) -> None:
    path = lines(cli.cwd / "pairs.jsonl", PAIRS)
    cli("import", path).ok()
    assert stored(cli)[1:] == ([], 4)
    [summary] = (
        cli("import", lines(cli.cwd / "some.jsonl", PAIRS[1:3]), "--gold", "--json").ok().json
    )
    assert (summary["gold"], summary["duplicates"]["tasks"]) == (2, 2)
    _, answers, events = stored(cli)
    assert answers == [{f" good {n}": 1, f" bad {n}": 2} for n in (1, 2)]
    assert events == 4
    # Taking the file in again without --gold takes no known answer away.
    cli("import", path).ok()
    assert stored(cli)[1:] == (answers, 4)


WITHOUT = {
    "prompts": [{"prompt": "Only a prompt"}],
    "demonstrations": [{"prompt": "Q", "completion": " A"}],
    "completions": [{"prompt": "Q", "completions": [" a", " b"]}],
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_file_without_judgements_is_refused_and_nothing_of_it_taken(cli: Cli, name: str) -> None:
    path = lines(cli.cwd / f"{name}.jsonl", WITHOUT[name])
    result = cli("import", path, "--gold")
    assert (result.code, result.out) == (3, "")
    assert "holds no ranking, preference or thumb that could be a known answer" in result.err
    assert stored(cli)[0] == {"prompts": 0, "completions": 0, "tasks": 0, "events": 0}


def test_answers_that_differ_are_refused(cli: Cli) -> None:
    turned = {**PAIRS[0], "chosen": " bad 0", "rejected": " good 0"}
    path = lines(cli.cwd / "both.jsonl", [*PAIRS, turned])
    result = cli("import", path, "--gold")
    assert (result.code, result.out) == (3, "")
    assert "Two judgements of one item" in result.err


def test_known_answers_are_nobodys(cli: Cli) -> None:
    path = lines(cli.cwd / "pairs.jsonl", PAIRS)
    refused(cli("import", path, "--gold", "--annotator", "Ada"), 2, "--gold takes no --annotator")
