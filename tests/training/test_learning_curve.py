"""The learning curve of a reward model: shares, figures, verdict, stop and resume."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from helpers.tiny import again, lines, make_run, save_policy
from transformers import AutoModelForSequenceClassification as Classifier

from rlhf_tui.errors import NothingToDo
from rlhf_tui.evaluation.report import CurvePoint, Figure, LearningCurve
from rlhf_tui.runs import layout
from rlhf_tui.runs.context import RunContext
from rlhf_tui.training import reward_model
from rlhf_tui.training.learning_curve import Share, curve_of, nested, verdict

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
TEXTS = [" I adored it.", " It is dull.", " What a mess!"]


def rankings(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Review {i}:",
            "chosen": TEXTS[better],
            "rejected": TEXTS[worse],
            "weight": 1 / 3,
            "ranking_id": f"e{i}",
            "prompt_id": f"p{i}",
        }
        for i in range(first, first + count)
        for better, worse in ((0, 1), (0, 2), (1, 2))
    ]


def rm_run(directory: Path, model: Path, *, validation: int = 4, **more: Any) -> RunContext:
    arguments = {
        "model": str(model),
        "max_steps": 3,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "learning_curve": True,
    }
    tables = {"train": rankings(32), "validation": rankings(validation, 100)}
    return make_run(directory, "rm", arguments | more, **{k: v for k, v in tables.items() if v})


def curve_in(context: RunContext) -> LearningCurve:
    curve = layout.read(context.directory / layout.LEARNING_CURVE, LearningCurve)
    assert curve is not None
    return curve


def weights(context: RunContext) -> dict[str, torch.Tensor]:
    return dict(Classifier.from_pretrained(context.model_dir).state_dict())


def test_shares_are_nested_and_none_is_tiny() -> None:
    prompts = [f"p{i // 2}" for i in range(64)]
    parts = nested(prompts, seed=3)
    assert [len(part) for part in parts] == [8, 16, 32]
    assert all(smaller == larger[: len(smaller)] for smaller, larger in itertools.pairwise(parts))
    assert set(parts[-1]) == set(prompts)
    assert parts == nested(prompts, seed=3)
    assert parts[0] != nested(prompts, seed=4)[0]
    assert [len(part) for part in nested([f"p{i}" for i in range(100)], 0)] == [12, 25, 50, 100]


def test_every_share_is_measured_and_the_model_is_that_of_all_data(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    plain = rm_run(tmp_path / "rm-1", model, learning_curve=False)
    reward_model.run(plain)
    context = rm_run(tmp_path / "rm-2", model)
    reward_model.run(context)
    one, other = weights(plain), weights(context)
    assert all(torch.equal(one[name], other[name]) for name in one)
    curve = curve_in(context)
    assert curve.run_id == "rm-2"
    assert [(point.prompts, point.pairs) for point in curve.points] == [(8, 24), (16, 48), (32, 96)]
    assert all(0 <= p.low <= p.accuracy <= p.high <= 1 for p in curve.points)
    assert "from 48 to 96 pairs the accuracy on 12 validation pairs" in curve.verdict
    logged = lines(context.directory / layout.METRICS)
    shares = [row for row in logged if "curve/accuracy" in row]
    assert [row["step"] for row in shares] == [24, 48, 96]
    assert all(row["curve/low"] <= row["curve/accuracy"] <= row["curve/high"] for row in shares)
    (final,) = [row for row in logged if "eval_accuracy" in row]
    assert shares[-1]["curve/accuracy"] == pytest.approx(final["eval_accuracy"])
    assert [row["step"] for row in logged if "loss" in row] == [1, 2, 3], "of the last alone"
    assert not list(context.directory.glob("tmp*"))


def test_a_stopped_curve_keeps_what_is_done_and_repeats_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_policy(tmp_path / "base")
    straight = rm_run(tmp_path / "rm-1", model)
    reward_model.run(straight)
    trained: list[int] = []
    ready = reward_model.ready

    def watched(context: Any, options: Any, prompts: Any = None) -> Any:
        trained.append(len(prompts) if prompts is not None else 0)
        return ready(context, options, prompts)

    monkeypatch.setattr(reward_model, "ready", watched)
    first = rm_run(tmp_path / "rm-2", model)
    stop_in = stop_when(first, "share 2 of 3")
    reward_model.run(first)
    assert stop_in and first.stopped
    assert not first.model_dir.exists()
    assert not (first.directory / layout.LEARNING_CURVE).exists()
    assert first.latest_checkpoint() is None, "a share's model is no checkpoint of the run"
    second = again(first)
    stop_after_share(second)
    reward_model.run(second)
    assert second.stopped
    checkpoint = second.latest_checkpoint()
    assert checkpoint is not None and checkpoint.name == "step-000002"
    assert (checkpoint / "rendering.json").is_file()
    third = again(second)
    reward_model.run(third)
    assert trained == [8, 16, 16, 0, 0]
    assert (
        msgspec.to_builtins(curve_in(third))["points"]
        == msgspec.to_builtins(curve_in(straight))["points"]
    )
    one, other = weights(straight), weights(third)
    assert all(torch.equal(one[name], other[name]) for name in one)


def stop_when(context: RunContext, words: str) -> list[str]:
    """Ask the run to stop in its second step while its message says `words`."""
    progress, seen = context.progress, []

    def watched(at: int, total: int, message: str = "", phase: Any = "running") -> None:
        progress(at, total, message, phase)
        if at >= 2 and words in message:
            seen.append(message)
            context._on_term(15, None)

    context.progress = watched  # type: ignore[method-assign]
    return seen


def stop_after_share(context: RunContext) -> None:
    """Ask the run to stop in the second step of the model on all data."""
    progress = context.progress

    def watched(at: int, total: int, message: str = "", phase: Any = "running") -> None:
        progress(at, total, message, phase)
        if at >= 2 and "share" not in message:
            context._on_term(15, None)

    context.progress = watched  # type: ignore[method-assign]


def test_too_little_for_a_curve_is_a_sentence(tmp_path: Path) -> None:
    model = save_policy(tmp_path / "base")
    with pytest.raises(NothingToDo, match="needs 16 prompts with pairs"):
        reward_model.run(rm_run(tmp_path / "rm-1", model, validation=0))
    few = make_run(
        tmp_path / "rm-2",
        "rm",
        {"model": str(model), "learning_curve": True},
        train=rankings(15),
        validation=rankings(3, 100),
    )
    with pytest.raises(NothingToDo, match="needs 16 prompts with pairs"):
        reward_model.run(few)


def share(pairs: int, hits: list[float]) -> Share:
    accuracy = sum(hits) / len(hits)
    return Share(CurvePoint(pairs, pairs // 3, accuracy, 0.0, 1.0), hits)


def test_the_gain_is_taken_pair_by_pair() -> None:
    """Both are right on the same 50 of 100 prompts; the second on 10 more and never on fewer."""
    prompts = [f"p{i}" for i in range(100)]
    before, after = [1.0] * 50 + [0.0] * 50, [1.0] * 60 + [0.0] * 40
    curve = curve_of("rm-1", [share(30, before), share(60, after)], prompts)
    assert curve.verdict.startswith(
        "More labels still help: from 30 to 60 pairs the accuracy on 100 validation pairs went from"
        " 50.0% to 60.0% (a gain of +10.0 points, 95 % interval"
    )
    same = curve_of("rm-1", [share(30, before), share(60, before)], prompts)
    assert same.verdict.startswith("Whether more labels help cannot be told")
    mixed = [1.0] * 45 + [0.0] * 5 + [1.0] * 6 + [0.0] * 44
    unclear = curve_of("rm-1", [share(30, before), share(60, mixed)], prompts)
    assert unclear.verdict.startswith("Whether more labels help does not show")
    worse = curve_of("rm-1", [share(30, after), share(60, before)], prompts)
    assert worse.verdict.startswith("More labels of this kind did not help")


def test_the_verdict_is_plain_json(tmp_path: Path) -> None:
    points = [CurvePoint(10, 5, 0.5, 0.2, 0.8), CurvePoint(20, 10, 0.75, 0.4, 0.9)]
    told = verdict(points, Figure("gain", 0.25, 0.1, 0.4, 8))
    layout.write_atomic(tmp_path / "c.json", LearningCurve("rm-1", points, told))
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["points"][1] == {
        "pairs": 20,
        "prompts": 10,
        "accuracy": 0.75,
        "low": 0.4,
        "high": 0.9,
    }
    assert "(a gain of +25.0 points, 95 % interval +10.0 to +40.0)" in found["verdict"]
