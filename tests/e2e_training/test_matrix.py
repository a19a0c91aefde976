"""The product of trainers, tune modes and numbers of processes: `make test-matrix`."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import Cli
from helpers.trainers import FIGURE, arguments

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(600)]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("tune", ["full", "lora", "last-layer"])
@pytest.mark.parametrize("kind", FIGURE)
def test_it_runs_to_its_end(
    judged: Cli, reward_model: Path, kind: str, tune: str, processes: int
) -> None:
    several = ["--accelerate", "cpu", "--processes", str(processes)] if processes > 1 else []
    command = [*arguments(kind, tune, reward_model), *several]
    ended = judged("train", *command, "--json", timeout=580).ok().json
    assert ended["state"] == "finished"
    metrics = (Path(ended["directory"]) / "metrics.jsonl").read_text()
    assert f'"{FIGURE[kind]}"' in metrics
    assert (Path(ended["directory"]) / "model" / "config.json").exists()
