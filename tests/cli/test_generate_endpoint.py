"""`generate --endpoint`: from the command line to the store, with a key that stays nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from helpers import Cli, Result, refused
from helpers.scripted_server import Script, serving

KEY = "sk-c5a1e7-very-secret"


@pytest.fixture
def script() -> Iterator[Script]:
    with serving(Script(key=KEY)) as made:
        yield made


@pytest.fixture
def prompts(cli: Cli) -> Cli:
    """A workspace with three prompts, whose hub was started without the key."""
    (cli.cwd / "prompts.txt").write_text("This film\nThe story\nMy wife\n")
    cli("import", "prompts.txt", "--split", "train").ok()
    return cli


def generate(cli: Cli, script: Script, *more: str, key: str = KEY) -> Result:
    command = ["generate", "--endpoint", script.url, "--k", "2", "--retries", "0", *more]
    return cli(*command, env={"RLHF_TUI_ENDPOINT_KEY": key})


def files_with(root: Path, text: str) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def rows_with(database: Path, text: str) -> list[str]:
    """Rows of all tables; the file itself may hold texts compressed."""
    with duckdb.connect(str(database), read_only=True) as opened:
        tables = [name for (name,) in opened.execute("SHOW TABLES").fetchall()]
        rows = [str(row) for name in tables for row in opened.table(name).fetchall()]
    return [row for row in rows if text in row]


def test_completions_reach_the_store_and_the_key_reaches_no_file(
    prompts: Cli, script: Script
) -> None:
    done = generate(prompts, script).ok()
    assert set(script.keys) == {f"Bearer {KEY}"}
    assert len(script.requests) == 6
    assert KEY not in done.out + done.err
    progress = prompts("stats", "--json").ok()
    assert progress.json["tasks"] == 3
    prompts("backup", "copy.duckdb").ok()
    prompts.stop_hub()
    # The address is there to be found, so what is searched holds what the run wrote.
    names = {path.name for path in files_with(prompts.cwd, script.url)}
    assert {"args.json", "completions.jsonl"} <= names
    assert files_with(prompts.cwd, KEY) == []
    assert rows_with(prompts.cwd / "copy.duckdb", script.url) != []
    assert rows_with(prompts.cwd / "copy.duckdb", KEY) == []


def test_a_run_without_its_key_says_so_and_goes_on_with_one(prompts: Cli, script: Script) -> None:
    failed = generate(prompts, script, key="")
    assert failed.code == 5
    assert "wants a key (401)" in failed.err and "RLHF_TUI_ENDPOINT_KEY" in failed.err
    prompts("runs", "resume", "latest", env={"RLHF_TUI_ENDPOINT_KEY": KEY}).ok()
    assert len(script.requests) == 6
    assert files_with(prompts.cwd, KEY) == []


def test_an_address_with_a_key_is_refused_before_anything_is_written(prompts: Cli) -> None:
    told = prompts("generate", "--endpoint", f"http://me:{KEY}@127.0.0.1:1")
    refused(told, 2, "RLHF_TUI_ENDPOINT_KEY")
    assert KEY not in told.err
    prompts.stop_hub()
    assert files_with(prompts.cwd, KEY) == []
