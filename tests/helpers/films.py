"""A few prompts with three completions each, named so that a screen and an export agree."""

from __future__ import annotations

import json

from helpers.cli import Cli


def films(cli: Cli, count: int, *, split: str = "train") -> None:
    """Import `Film number 0 is` … with completions to rank."""
    rows = [
        {
            "prompt": f"Film number {number} is",
            "completions": [f" good {number}.", f" bad {number}.", f" so so {number}."],
            "model": "hand",
        }
        for number in range(count)
    ]
    path = cli.cwd.parent / f"films-{count}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    cli("import", path, "--split", split).ok()
