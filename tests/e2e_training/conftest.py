"""A workspace with labels of every sort, made of the sample's texts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from helpers import Cli
from helpers.tiny import save_reward_model

SAMPLE = Path(__file__).parents[2] / "sample_data"
PROMPTS = 60


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text("utf-8").splitlines()]


def write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def preferences(count: int = PROMPTS) -> list[dict[str, Any]]:
    """Pairs out of the sample's completions: the longer one is preferred, which can be learnt."""
    rows = []
    for row in _rows("completions.jsonl")[:count]:
        worse, *_, better = sorted(row["completions"], key=len)
        rows.append({"prompt": row["prompt"], "chosen": better, "rejected": worse})
    return rows


def thumbs(count: int = PROMPTS) -> list[dict[str, Any]]:
    """A thumb up and one down for each prompt."""
    return [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in preferences(count)
        for side in ("chosen", "rejected")
    ]


@pytest.fixture
def judged(cli: Cli) -> Cli:
    """A workspace with demonstrations, preferences and thumbs."""
    files = [
        write(cli.cwd / "demonstrations.jsonl", _rows("demonstrations.jsonl")[:PROMPTS]),
        write(cli.cwd / "preferences.jsonl", preferences()),
        write(cli.cwd / "thumbs.jsonl", thumbs()),
    ]
    cli("import", *files).ok()
    return cli


@pytest.fixture
def reward_model(tmp_path: Path) -> Path:
    """A reward model that scores, if only at random."""
    return save_reward_model(tmp_path / "reward")
