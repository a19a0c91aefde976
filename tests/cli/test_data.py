"""Data in and out by the shell: import, export, backup, and the hub that they start."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet
import pytest
from helpers import Cli, refused

from rlhf_tui.workspace import Workspace

PAIRS = [
    {"prompt": f"Question {n}?", "chosen": f" good {n}", "rejected": f" bad {n}"} for n in range(20)
]


def lines(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def filled(cli: Cli) -> Cli:
    """A workspace with twenty imported preferences."""
    cli("import", lines(cli.cwd / "pairs.jsonl", PAIRS)).ok()
    return cli


def test_import_tells_format_counts_and_the_second_time_nothing_new(cli: Cli) -> None:
    path = lines(cli.cwd / "pairs.jsonl", PAIRS)
    [first] = cli("import", path, "--json").ok().json
    assert first["format"] == "preference"
    assert first["added"] == {"prompts": 20, "completions": 40, "tasks": 20, "events": 20}
    [second] = cli("import", path, "--json").ok().json
    assert second["added"] == {"prompts": 0, "completions": 0, "tasks": 0, "events": 0}
    assert second["duplicates"] == first["added"]
    assert "20 rows taken" in cli("import", path).ok().out


def test_an_overlap_asks_people_for_what_the_file_judged(cli: Cli) -> None:
    cli("import", lines(cli.cwd / "pairs.jsonl", PAIRS[:10])).ok()
    assert cli("stats", "--json").ok().json["wanted"] == 10
    cli("import", lines(cli.cwd / "more.jsonl", PAIRS[10:]), "--overlap", "3").ok()
    assert cli("stats", "--json").ok().json["wanted"] == 40


def test_rejected_rows_are_listed_with_line_and_reason(cli: Cli) -> None:
    path = cli.cwd / "mixed.jsonl"
    path.write_bytes(
        b'{"prompt": "a", "chosen": "b", "rejected": "c"}\n'
        b"not json\n"
        b'{"prompt": "a", "chosen": "b", "rejected": "b"}\n'
        b'{"prompt": "a", "chosen": "\xff", "rejected": "b"}\n'
    )
    result = cli("import", path, "--json").ok()
    [summary] = result.json
    assert (summary["rows"], summary["rejected"]) == (1, 3)
    rejects = [json.loads(line) for line in Path(summary["rejects"]).read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == [2, 3, 4]
    assert all(reject["reason"] for reject in rejects)
    assert Path(summary["rejects"]).parent == cli.cwd / "imports"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("wrong.jsonl", b'{"question": "a", "answer": "b"}\n', ["question", "answer", "prompt"]),
        ("empty.jsonl", b"", ["empty.jsonl", "empty"]),
        ("latin.txt", b"caf\xe9\n", ["latin.txt", "UTF-8"]),
        ("broken.jsonl", b"{\n{\n", ["broken.jsonl", "line 1"]),
        ("same.jsonl", b'{"prompt": "a", "chosen": "b", "rejected": "b"}\n', ["same.jsonl"]),
    ],
)
def test_a_file_that_cannot_be_taken_is_told(
    cli: Cli, name: str, content: bytes, words: list[str]
) -> None:
    (cli.cwd / name).write_bytes(content)
    result = cli("import", name)
    assert result.code == 3
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


def test_directories_and_missing_files_do_not_keep_the_others_out(cli: Cli) -> None:
    good = lines(cli.cwd / "good.jsonl", PAIRS[:1])
    result = cli("import", "runs", "gone.jsonl", good)
    assert result.code == 3
    assert "runs is a directory" in result.err
    assert "gone.jsonl" in result.err
    assert "1 row taken" in result.out


def test_one_very_long_line_is_rejected_and_the_rest_taken(cli: Cli) -> None:
    path = cli.cwd / "long.txt"
    path.write_bytes(b"a short prompt\n" + b"x" * 50_000_000 + b"\nanother\n")
    [summary] = cli("import", path, "--json").ok().json
    assert (summary["rows"], summary["rejected"]) == (2, 1)


def test_gzip_and_a_named_annotator(cli: Cli) -> None:
    path = cli.cwd / "pairs.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in PAIRS).encode()))
    cli("import", path, "--annotator", "Ada", "--split", "train").ok()
    out = cli.cwd / "out.jsonl"
    cli("export", "preference", out, "--annotator", "Ada").ok()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["annotator"] for row in rows} == {"Ada"}
    assert len(rows) == 20
    refused(cli("export", "preference", out, "--annotator", "Bob"), 6)
    assert len(out.read_text().splitlines()) == 20, "a refused export leaves the old file alone"


def test_an_export_says_what_it_wrote_and_leaves_no_part(filled: Cli) -> None:
    told = filled("export", "preference", "out.parquet", "--split", "all", "--json").ok().json
    table = pyarrow.parquet.read_table(filled.cwd / "out.parquet")
    assert told["rows"] == table.num_rows == 20
    assert {"prompt", "chosen", "rejected", "weight"} <= set(table.column_names)
    assert not list(filled.cwd.glob("*.part"))


def test_an_export_loads_with_datasets(filled: Cli) -> None:
    filled("export", "preference", "out.parquet", "--split", "all").ok()
    code = (
        "import datasets, sys\n"
        "d = datasets.load_dataset('parquet', data_files=sys.argv[1], split='train')\n"
        "print(len(d), d[0]['prompt'].startswith('Question'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(filled.cwd / "out.parquet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["20", "True"], done.stderr


def test_rankings_are_written_in_whole_and_other_data_say_that_the_test_split_stays(
    filled: Cli,
) -> None:
    every = filled("export", "preference", "all.jsonl", "--split", "all").ok()
    assert "test split" not in every.err
    known = [json.loads(line) for line in (filled.cwd / "all.jsonl").read_text().splitlines()]
    held_out = sum(row["split"] == "test" for row in known)
    assert held_out, "the seed's hash puts some of the twenty prompts there"
    some = filled("export", "preference", "some.jsonl").ok()
    assert f"Wrote {20 - held_out} rows" in some.out
    assert "nothing of the test split is written; --split all" in some.err
    rankings = filled("export", "rankings", "rankings.jsonl").ok()
    assert "Wrote 20 rows" in rankings.out
    assert "test split" not in rankings.err


def test_nothing_to_export_yet(cli: Cli) -> None:
    refused(cli("export", "preference", "out.parquet"), 6, "rlhf-tui label")
    assert not (cli.cwd / "out.parquet").exists()
    assert not list(cli.cwd.glob("*.part"))


def test_a_backup_is_a_workspaces_store(filled: Cli, tmp_path: Path) -> None:
    filled("backup", tmp_path / "copy.duckdb").ok()
    other = Cli(tmp_path / "other")
    Cli(tmp_path)("init", other.cwd).ok()
    shutil.copyfile(tmp_path / "copy.duckdb", other.cwd / "store.duckdb")
    try:
        other("export", "preference", "out.jsonl", "--split", "all").ok()
    finally:
        other.stop_hub()
    assert len((other.cwd / "out.jsonl").read_text().splitlines()) == 20


def test_the_hub_starts_with_a_command_and_stops_on_request(cli: Cli) -> None:
    refused(cli("hub", "status"), 4, "hub start")
    cli("runs", "list").ok()
    status = cli("hub", "status", "--json").ok().json
    assert status["workspace"] == str(cli.cwd)
    os.kill(status["pid"], 0)
    assert "stopped" in cli("hub", "stop").ok().out
    assert "does not run" in cli("hub", "stop").ok().out
    assert "process" in cli("hub", "start").ok().out


def test_a_workspace_of_a_newer_version_is_told(filled: Cli, workspace: Workspace) -> None:
    filled("hub", "stop").ok()
    code = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('update schema_version set version = version + 1000')"
    )
    subprocess.run([sys.executable, "-c", code, str(workspace.store)], check=True)
    result = filled("runs", "list")
    assert result.code in (1, 2, 4)
    assert result.err.startswith("error: ")
    assert "newer" in result.err
    assert "Traceback" not in result.err


def test_a_reader_that_leaves_early_is_no_error(filled: Cli) -> None:
    program = f"{sys.executable} -m rlhf_tui.cli"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program} train ppo --help | head -n 1"],
        cwd=filled.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr
    assert done.stdout.startswith("Usage")
