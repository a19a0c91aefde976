"""Another model's reward beside the policy's: asked once, scored alike, kept over a resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.scripted_server import Script, completion, serving
from helpers.tiny import again, lines, make_run, save_policy, stop_after

from rlhf_tui.errors import RlhfError
from rlhf_tui.training import grpo, rloo
from rlhf_tui.training.ppo import run as ppo

# TRL, PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
MODULES: dict[str, Any] = {"ppo": ppo, "rloo": rloo, "grpo": grpo}
TEXTS = [{"prompt": f"Review {i}:"} for i in range(4)]
TALK = [{"prompt": [{"role": "user", "content": f"Film {i} ?"}]} for i in range(4)]
REWARDS = """
def length(completions, **_):
    return [float(len(c if isinstance(c, str) else c[-1]["content"])) for c in completions]
"""


PICKY = """
def length(completions, **_):
    return [None if c == " seven!" else float(len(c)) for c in completions]
"""


def arguments(tmp_path: Path, url: str) -> dict[str, Any]:
    (tmp_path / "line_rewards.py").write_text(REWARDS)
    return {
        "model": str(save_policy(tmp_path / "policy")),
        "rewards": ["line_rewards:length"],
        "reward_clip": 1.0,
        "total_steps": 2,
        "rollout_batch_size": 4,
        "response_length": 4,
        "eval_steps": 1,
        "eval_prompts": 3,
        "eval_endpoint": url,
        "threads": 1,
    }


@pytest.mark.parametrize(("kind", "rows"), [("ppo", TEXTS), ("rloo", TALK), ("grpo", TEXTS)])
def test_another_model_answers_once_and_its_reward_stands_beside_every_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, rows: list[dict[str, Any]]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    script = Script(answer=lambda body: completion(body, **said(body)))
    with serving(script):
        options = arguments(tmp_path, script.url)
        context = make_run(tmp_path / f"{kind}-1", kind, options, train=rows, validation=rows)
        stop_after(context, 1)
        MODULES[kind].run(context)
        asked = len(script.requests)
        MODULES[kind].run(again(context))
    assert asked == len(script.requests) == 3, "each held-out prompt once, also over a resume"
    assert all(body["max_tokens"] == 4 for _, body in script.requests)
    evaluated = [r for r in lines(context.directory / "metrics.jsonl") if "eval/reward" in r]
    assert [row["step"] for row in evaluated] == [0, 1, 2]
    assert {row["eval/endpoint_reward"] for row in evaluated} == {len(" seven!")}, "no clip"
    samples = [
        r
        for r in lines(context.directory / "samples.jsonl")
        if r.get("by", "reference") != "reference"
    ]
    assert [row["by"] for row in samples] == [script.url] * 3
    assert [row["prompt"] for row in samples] == [row["prompt"] for row in rows[:3]]
    answer = samples[0]["completion"]
    assert (answer if rows is TEXTS else answer[0]["content"]) == " seven!"


def test_answers_that_no_source_judges_make_no_line_also_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "picky_rewards.py").write_text(PICKY)
    script = Script(answer=lambda body: completion(body, **said(body)))
    with serving(script):
        options = arguments(tmp_path, script.url) | {"rewards": ["picky_rewards:length"]}
        context = make_run(tmp_path / "rloo-1", "rloo", options, train=TEXTS, validation=TEXTS)
        stop_after(context, 1)
        rloo.run(context)
        rloo.run(again(context))
    evaluated = [r for r in lines(context.directory / "metrics.jsonl") if "eval/reward" in r]
    assert [row["step"] for row in evaluated] == [0, 1, 2]
    assert not any("eval/endpoint_reward" in row for row in evaluated)


def said(body: dict[str, Any]) -> dict[str, Any]:
    if "prompt" in body:
        return {"text": " seven!"}
    return {"message": {"role": "assistant", "content": " seven!"}}


def test_a_server_that_is_away_is_a_sentence_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    script = Script(models=[])
    with serving(script):
        options = arguments(tmp_path, script.url)
        context = make_run(tmp_path / "rloo-1", "rloo", options, train=TEXTS, validation=TEXTS)
        with pytest.raises(RlhfError, match="has no model"):
            rloo.run(context)
    assert not (context.directory / "endpoint.json").exists()
