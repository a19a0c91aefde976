"""A reward model saved as an adapter, measured on the test split and merged, by the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import Cli
from helpers.trainers import arguments


@pytest.mark.timeout(300)
def test_an_adapter_is_measured_and_becomes_a_whole_model(
    judged: Cli, reward_model: Path, tmp_path: Path
) -> None:
    command = arguments("rm", "lora", reward_model)
    made: dict[str, Any] = (
        judged("train", *command, "--no-merge-adapter", "--json", timeout=280).ok().json
    )
    model = Path(made["directory"]) / "model"
    assert (model / "adapter_config.json").exists() and not (model / "config.json").exists()

    judged("evaluate", "--model", made["run_id"], "--device", "cpu", timeout=120).ok()
    shown = judged("runs", "show", "latest", "--json").ok().json
    assert shown["kind"] == "evaluate"
    assert shown["arguments"]["lineage"] == {"model": made["run_id"]}
    measured = shown["evaluation"]
    assert measured["split"] == "test" and measured["rows"] == 5
    assert measured["kind"] == "rm" and measured["model"] == made["run_id"]
    assert 0 <= measured["preference"]["accuracy"]["value"] <= 1
    assert "calibration error (ECE)" in judged("runs", "show", "latest").ok().out

    judged("merge", made["run_id"], tmp_path / "whole", timeout=120).ok()
    files = {path.name for path in (tmp_path / "whole").iterdir()}
    assert {"config.json", "model.safetensors", "rendering.json"} <= files
