"""Each trainer and each tune mode once, as people run them: the shell, the hub, a real worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import Cli, curves
from helpers.tiny import lines, make_run
from helpers.trainers import FIGURE, arguments

from rlhf_tui.generation import run as generation

ONCE = {
    "sft": "full",
    "rm": "lora",
    "dpo": "last-layer",
    "kto": "lora",
    "ppo": "last-layer",
    "rloo": "full",
    "grpo": "lora",
}
EVALUATED = ("sft", "rm", "dpo", "kto")
BY_SHELL = "sft"
"""Its model writes through a run of its own; those of the others in this process, at less cost."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ONCE)
def test_a_trainer_runs_to_its_end_and_its_model_writes_or_scores(
    judged: Cli, reward_model: Path, tmp_path: Path, kind: str
) -> None:
    command = arguments(kind, ONCE[kind], reward_model)
    ended: dict[str, Any] = judged("train", *command, "--json", timeout=280).ok().json
    assert ended["state"] == "finished"
    directory = Path(ended["directory"])
    logged = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    figures = [row[FIGURE[kind]] for row in logged if FIGURE[kind] in row]
    assert figures and all(figure is not None for figure in figures)
    curves.check(kind, logged)
    assert (directory / "model" / "config.json").exists()
    shown = judged("runs", "show", ended["run_id"], "--json").ok().json
    assert shown["arguments"]["arguments"]["tune"] == ONCE[kind]
    if kind in EVALUATED:
        assert (directory / "evaluation.json").exists()
    if kind == "rm":
        assert (directory / "model" / "rendering.json").exists()
    elif kind == BY_SHELL:
        judged(
            "generate", "--model", ended["run_id"], "-k", "1", "--limit", "2",
            "--max-new-tokens", "4", timeout=120,
        ).ok()  # fmt: skip
    else:
        options = {"model": str(directory / "model"), "k": 2, "max_new_tokens": 4, "threads": 1}
        rows = [{"prompt": "Review:", "prompt_id": "p0"}]
        context = make_run(tmp_path / "generate-0001", "generate", options, train=rows)
        generation.run(context)
        assert len(lines(context.directory / "completions.jsonl")) == 2
