"""What all of TRL's trainers share here: resume to the number, loss that is none, a full disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.disks import disk_of
from helpers.tiny import again, lines, save_policy, save_reward_model, stop_after
from helpers.trainings import train, training
from safetensors.torch import load_file

from rlhf_tui.errors import TrainingDiverged
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.worker import Outcome
from rlhf_tui.training import keeping, tuning

# PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
CLOCKS = ("time", "step_time")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("life") / "base")


def figures(context: RunContext) -> dict[int, dict[str, Any]]:
    """Step → all of its figures."""
    found: dict[int, dict[str, Any]] = {}
    for row in lines(context.directory / "metrics.jsonl"):
        kept = {name: value for name, value in row.items() if not name.startswith(CLOCKS)}
        found.setdefault(row["step"], {}).update(kept)
    return found


# 18 rows by 4 are 5 batches an epoch, so 3 steps of 2 batches, the last one of 1: step 2 lies
# within an epoch, step 3 at its end.
@pytest.mark.parametrize(
    ("kind", "stop", "logging"), [("sft", 3, 2), ("rm", 2, 1), ("dpo", 2, 2), ("kto", 3, 1)]
)
def test_stopped_and_resumed_equals_straight(
    tmp_path: Path, model: Path, kind: str, stop: int, logging: int
) -> None:
    chosen = {"gradient_accumulation": 2, "logging_steps": logging, "epochs": 2.0}
    straight = train(training(kind, tmp_path / f"{kind}-1", model, **chosen))
    first = training(kind, tmp_path / f"{kind}-2", model, **chosen)
    stop_after(first, stop)
    train(first)
    latest = first.latest_checkpoint()
    assert latest is not None and latest.name == f"step-{stop:06d}"
    assert not first.model_dir.exists()
    second = train(again(first))
    one, other = (load_file(c.model_dir / "model.safetensors") for c in (straight, second))
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in one)
    expected, found = figures(straight), figures(second)
    assert expected.keys() <= found.keys(), "a stop logs what was learnt so far"
    assert max(expected) == 6
    # Means over the steps since the last line; the lines fall together again after the stop.
    for step in [step for step in expected if step <= stop or step > stop + logging]:
        assert found[step] == expected[step]


@pytest.mark.parametrize("kind", ["sft", "grpo"])
def test_a_run_that_ended_amid_its_last_lines_is_not_trained_further(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    # Of 5 steps an epoch, the last is the third. A rate that stays as it is shows a fourth.
    chosen: dict[str, Any] = {
        "save_steps": 1,
        "schedule": "constant_with_warmup",
        "keep_checkpoints": 9,
    }
    if kind == "sft":
        chosen["max_steps"] = 3
    else:
        chosen["reward_model"] = save_reward_model(tmp_path / "reward")
    straight = train(training(kind, tmp_path / f"{kind}-1", model, **chosen))
    first = training(kind, tmp_path / f"{kind}-2", model, **chosen)

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "keep", dies)
        with pytest.raises(KeyboardInterrupt):
            train(first)
    second = train(again(first))
    steps = [p.name for p in (second.directory / "checkpoints").iterdir()]
    assert sorted(steps) == ["step-000001", "step-000002", "step-000003"]
    one, other = (load_file(c.model_dir / "model.safetensors") for c in (straight, second))
    assert all(one[name].equal(other[name]) for name in one)
    assert figures(second) == figures(straight)


@pytest.mark.parametrize("kind", ["sft", "rm"])
def test_a_model_stands_only_once_all_of_it_is_written(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    context = training(kind, tmp_path / f"{kind}-1", model, max_steps=1)
    seen: list[set[str]] = []
    save = tuning.save

    def watched(*given: Any, **named: Any) -> None:
        save(*given, **named)
        assert not context.model_dir.exists(), "a reward model has yet to say how it reads"
        seen.append({path.name for path in given[2].iterdir()})

    monkeypatch.setattr(tuning, "save", watched)
    train(context)
    stands = {path.name for path in context.model_dir.iterdir()}
    assert stands - seen[0] == ({"rendering.json"} if kind == "rm" else set())


def test_a_disk_that_is_full_amid_the_model_leaves_none(small_disk: Path, model: Path) -> None:
    context = training("sft", small_disk / "sft-1", model, max_steps=1, save_steps=0)

    def fills(*given: Any, **named: Any) -> None:
        with (small_disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    fill = context.progress

    def watched(step: int, *rest: Any, **named: Any) -> None:
        if named.get("phase") == "saving":
            fills()
        fill(step, *rest, **named)

    context.progress = watched  # type: ignore[method-assign]
    with pytest.raises(Exception) as raised:  # whatever its serializer says
        train(context)
    assert Outcome(context)._judge(raised.value)[1].startswith("The disk is full")
    left = {path.name for path in context.directory.iterdir()}
    assert not [name for name in left if "model" in name]


@pytest.mark.parametrize("logging", [1, 4])
def test_a_loss_that_is_no_number_ends_the_run_and_is_named(
    tmp_path: Path, model: Path, logging: int
) -> None:
    # Adam's first step moves each weight by the rate: still numbers, whose products are none.
    context = training(
        "sft", tmp_path / "sft-1", model, learning_rate=1e37, logging_steps=logging, save_steps=1
    )
    with pytest.raises(TrainingDiverged) as raised:
        train(context)
    message = str(raised.value)
    assert message.startswith("The loss is no finite number at step 2 (epoch 0.40); the checkpoint")
    assert "the checkpoint of step 1, from before, is kept. Try a lower learning_rate" in message
    assert "(it is 1e+37)" in message
    assert [p.name for p in (context.directory / "checkpoints").iterdir()] == ["step-000001"]
    logged = lines(context.directory / "metrics.jsonl")
    assert logged[-1]["step"] == 2 and logged[-1]["not_finite"]["loss"] in ("nan", "inf")
    assert not context.model_dir.exists()
    assert not (context.directory / "trainer").exists()


def test_the_first_bad_step_is_named_though_it_is_looked_at_later(
    tmp_path: Path, model: Path
) -> None:
    context = training("sft", tmp_path / "sft-1", model, learning_rate=1e37, logging_steps=4)
    with pytest.raises(TrainingDiverged, match=r"at step 2 .*there is no checkpoint from before"):
        train(context)
    assert [row["step"] for row in lines(context.directory / "metrics.jsonl")] == [4]


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path, model: Path) -> None:
    # The loss of step 1 is taken before the step that breaks the weights.
    context = training("sft", tmp_path / "sft-1", model, learning_rate=1e39, save_steps=1)
    with pytest.raises(TrainingDiverged, match="A weight is no finite number at step 1"):
        train(context)
    assert context.latest_checkpoint() is None


@pytest.mark.parametrize(("tune", "merge"), [("full", True), ("lora", True), ("lora", False)])
def test_a_model_that_is_gathered_is_saved_as_any_other(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, tune: str, merge: bool
) -> None:
    chosen = {"max_steps": 2, "tune": tune, "merge_adapter": merge}
    whole = train(training("sft", tmp_path / "sft-1", model, **chosen))

    def keep(context: RunContext, trainer: Any, tokenizer: Any, beside: Any, *_: Any) -> None:
        keeping._save_gathered(context, trainer, tokenizer, beside, merge=merge)

    monkeypatch.setattr(keeping, "keep", keep)
    gathered = train(training("sft", tmp_path / "sft-2", model, **chosen))
    names, others = ({p.name for p in c.model_dir.iterdir()} for c in (whole, gathered))
    assert names == others
    file = "model.safetensors" if merge else "adapter_model.safetensors"
    one, other = (load_file(c.model_dir / file) for c in (whole, gathered))
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("3m", tmp_path / "disk") as disk:
        yield disk


def test_a_disk_that_is_full_amid_a_checkpoint_keeps_the_last_good_one(
    small_disk: Path, model: Path
) -> None:
    context = training("sft", small_disk / "sft-1", model, save_steps=1, keep_checkpoints=5)
    with pytest.raises(Exception) as raised:  # whatever its serializer says
        train(context)
    latest = context.latest_checkpoint()
    assert latest is not None
    code, sentence = Outcome(context)._judge(raised.value)
    step = int(latest.name.removeprefix("step-"))
    assert code == 1
    assert sentence.startswith(f"The disk is full; the checkpoint of step {step} is kept. Free")
    assert not (context.directory / "trainer").exists(), "the half one gives its room back"
    assert (latest / "trainer_state.json").exists() and (latest / "model.safetensors").exists()
