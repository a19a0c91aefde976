"""PPO runs from their directories: figures, samples, stop and resume, the saved policy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import again, lines, make_run, save_policy, save_reward_model, stop_after
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from rlhf_tui.errors import InputError, NothingToDo, TrainingDiverged, UsageError
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import distributions
from rlhf_tui.training.models import load_policy
from rlhf_tui.training.ppo import run as ppo

pytestmark = pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")  # PEFT's own
SMALL = {
    "total_steps": 4,
    "rollout_batch_size": 6,
    "response_length": 5,
    "eval_steps": 2,
    "eval_prompts": 3,
    "learning_rate": 1e-3,
}
CLOCKS = ("time", "tokens_per_second")


def prompts(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"prompt": f"Review {i}:", "prompt_id": f"p{i}"} for i in range(start, start + count)]


@pytest.fixture
def models(tmp_path: Path) -> dict[str, str]:
    return {
        "model": str(save_policy(tmp_path / "policy")),
        "reward_model": str(save_reward_model(tmp_path / "rm")),
    }


def make(directory: Path, arguments: dict[str, Any], **tables: Any) -> RunContext:
    held = {"train": prompts(10), "validation": prompts(5, 10)} | tables
    return make_run(directory, "ppo", SMALL | arguments, **held)


def figures(context: RunContext) -> list[dict[str, Any]]:
    found = lines(context.directory / "metrics.jsonl")
    return [{k: v for k, v in row.items() if not k.startswith(CLOCKS)} for row in found]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(path).state_dict())


def test_a_run_logs_evaluates_samples_and_saves(tmp_path: Path, models: dict[str, str]) -> None:
    context = make(tmp_path / "ppo-1", models)
    ppo.run(context)
    logged = figures(context)
    assert [row["step"] for row in logged if "objective/kl" in row] == [1, 2, 3, 4]
    assert [row["step"] for row in logged if "eval/reward" in row] == [0, 2, 4]
    assert all(row["optimizer_steps"] == 4 for row in logged if "optimizer_steps" in row)
    start = next(row for row in logged if "eval/reward" in row)
    assert start["eval/kl"] == pytest.approx(0.0, abs=1e-4)
    assert [row["num_samples"] for row in logged if "num_samples" in row] == [6, 12, 18, 24]
    told = lines(context.directory / "metrics.jsonl")
    assert all(row["time/evaluate"] > 0 for row in told if "eval/reward" in row)
    everything = lines(context.directory / "samples.jsonl")
    samples = [row for row in everything if "by" not in row]
    assert len(samples) == 9
    reference = [row for row in everything if row.get("by") == "reference"]
    assert [{**row, "kl": 0} for row in samples[:3]] == [
        {k: v for k, v in row.items() if k != "by"} | {"kl": 0} for row in reference
    ], "before the first step the policy is the reference"
    assert samples[0].keys() == {"step", "prompt", "completion", "reward", "kl"}
    assert samples[0]["prompt"] == "Review 10:"
    before, after = weights(Path(models["model"])), weights(context.model_dir)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert context.latest_checkpoint() is None


def test_how_values_lie_is_kept_of_every_line(tmp_path: Path, models: dict[str, str]) -> None:
    context = make(tmp_path / "ppo-1", models | {"logging_steps": 2, "total_steps": 5})
    ppo.run(context)
    rows = lines(context.directory / "distributions.jsonl")
    logged = {row["step"]: row for row in figures(context) if "objective/kl" in row}
    names = ["reward", "response_length", "token_kl", "advantage", "return"]
    assert [(row["step"], row["name"]) for row in rows] == [
        (step, name) for step in (2, 4, 5) for name in names
    ]
    for row in rows:
        figure = logged[row["step"]]
        tokens = figure["response_length"] * 6
        of_tokens = row["name"] in ("token_kl", "advantage", "return")
        assert sum(row["counts"]) == pytest.approx(tokens if of_tokens else 6)
        if row["name"] == "reward":
            assert row["low"] <= figure["objective/scores"] <= row["high"]
    assert rows[0].get("unit", "") == "" and rows[1]["unit"] == "tokens"


@pytest.mark.parametrize(("total", "every"), [(3, 1), (100_000, 1), (100_000, 50), (1201, 2)])
def test_a_long_run_keeps_few_of_them(total: int, every: int) -> None:
    logged = [step for step in range(1, total + 1) if step % every == 0 or step == total]
    kept = [step for step in logged if distributions.is_due(step, total, every)]
    assert kept[-1] == total
    assert len(kept) <= distributions.MOST + 1
    assert len(kept) == len(logged) or len(kept) > distributions.MOST / 2


def test_the_references_answers_are_kept_once_a_run(tmp_path: Path, models: dict[str, str]) -> None:
    """Also where nothing is evaluated at the start, and over a start from the beginning."""
    context = make(tmp_path / "ppo-1", models | {"eval_steps": 0, "total_steps": 1, "samples": 2})
    ppo.run(context)
    shutil.rmtree(context.model_dir)
    ppo.run(again(context))
    rows = lines(context.directory / "samples.jsonl")
    assert [row["step"] for row in rows if row.get("by") == "reference"] == [0, 0]
    assert [row["step"] for row in rows if "by" not in row] == [1, 1] * 2
    assert "eval/reward" not in lines(context.directory / "metrics.jsonl")[0]


@pytest.mark.parametrize(
    ("tune", "critic"),
    [
        ("full", "head"),
        ("lora", "head"),
        ("lora", "adapter"),
        ("full", "separate"),
        ("last-layer", "separate"),
    ],
)
def test_stopped_and_resumed_equals_straight_number_by_number(
    tmp_path: Path, models: dict[str, str], tune: str, critic: str
) -> None:
    arguments = models | {"tune": tune, "critic": critic, "lora_rank": 2, "adaptive_kl": True}
    straight = make(tmp_path / "a" / "ppo", arguments)
    ppo.run(straight)
    first = make(tmp_path / "b" / "ppo", arguments)
    stop_after(first, 2)
    ppo.run(first)
    checkpoint = first.latest_checkpoint()
    assert first.stopped and checkpoint is not None and checkpoint.name == "step-000002"
    assert not first.model_dir.exists()
    second = again(first)
    ppo.run(second)
    assert figures(second) == figures(straight)
    one, other = weights(straight.model_dir), weights(second.model_dir)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_that_are_no_numbers_are_never_saved(
    tmp_path: Path, models: dict[str, str]
) -> None:
    # The loss of the only step is taken before that step breaks the weights.
    chosen: dict[str, Any] = {"learning_rate": 1e39, "num_mini_batches": 1, "num_ppo_epochs": 1}
    context = make(tmp_path / "ppo-1", models | chosen | {"total_steps": 1, "eval_steps": 0})
    with pytest.raises(TrainingDiverged, match="A weight is no finite number after rollout 1"):
        ppo.run(context)
    assert not context.model_dir.exists()


@pytest.mark.parametrize("critic", ["head", "adapter", "separate"])
def test_an_adapter_saved_alone_is_the_policys(
    tmp_path: Path, models: dict[str, str], critic: str
) -> None:
    """Nothing of a critic's adapter is in it, and on its base it is the merged policy."""
    lora = models | {"tune": "lora", "critic": critic, "lora_rank": 2, "total_steps": 1}
    merged, alone = (
        make(tmp_path / f"ppo-{merge}", lora | {"merge_adapter": merge, "eval_steps": 0})
        for merge in (True, False)
    )
    for context in (merged, alone):
        ppo.run(context)
    names = load_file(alone.model_dir / "adapter_model.safetensors").keys()
    assert names and not [name for name in names if "critic" in name]
    assert not (alone.model_dir / "critic").exists()
    cpu = torch.device("cpu")
    whole = load_policy(str(alone.model_dir), cpu, trained=False).model.state_dict()
    for name, value in weights(merged.model_dir).items():
        assert torch.allclose(whole[name], value, atol=1e-6), name


def test_checkpoints_at_intervals(tmp_path: Path, models: dict[str, str]) -> None:
    context = make(tmp_path / "ppo-1", models | {"save_steps": 1, "eval_steps": 0})
    ppo.run(context)
    names = sorted(p.name for p in (context.directory / "checkpoints").iterdir())
    assert names == ["step-000002", "step-000003"]


def test_without_held_out_prompts_there_is_no_evaluation(
    tmp_path: Path, models: dict[str, str]
) -> None:
    context = make_run(tmp_path / "ppo-1", "ppo", SMALL | models, train=prompts(3))
    ppo.run(context)
    assert not [row for row in figures(context) if "eval/reward" in row]


def test_conversations_and_a_classifier_of_several_labels(tmp_path: Path) -> None:
    talk = [
        {"prompt": [{"role": "user", "content": f"Film {i} ?"}], "prompt_id": f"p{i}"}
        for i in range(4)
    ]
    models = {
        "model": str(save_policy(tmp_path / "policy", chat=True)),
        "reward_model": str(save_reward_model(tmp_path / "rm", labels=2)),
        "reward_label": "LABEL_1",
        "total_steps": 1,
    }
    context = make(tmp_path / "ppo-1", models, train=talk, validation=talk)
    ppo.run(context)
    (row, *_) = lines(context.directory / "samples.jsonl")
    assert row["prompt"] == [{"role": "user", "content": "Film 0 ?"}]
    assert row["completion"][0]["role"] == "assistant"


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, models: dict[str, str]) -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        (models | {"num_mini_batches": 7}, UsageError, "only 6 prompts"),
        (models | {"response_length": 512}, UsageError, "within 512 tokens"),
        (models | {"response_length": 300}, UsageError, "within 256 tokens"),
        ({"model": models["model"]}, UsageError, "needs a reward"),
        (models | {"reward_model": models["model"]}, InputError, "not a reward model"),
        (models | {"model": models["reward_model"]}, InputError, "not a language model"),
    ]
    several = str(save_reward_model(tmp_path / "several", labels=3))
    cases += [
        (models | {"reward_model": several, "critic": critic}, UsageError, "3 labels")
        for critic in ("head", "separate")
    ]
    for number, (arguments, kind, words) in enumerate(cases):
        with pytest.raises(kind, match=words):
            ppo.run(make(tmp_path / f"ppo-{number}", arguments))
    with pytest.raises(NothingToDo, match="no prompts"):
        ppo.run(make_run(tmp_path / "ppo-none", "ppo", SMALL | models))
