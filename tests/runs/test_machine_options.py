"""Every kind of run works on the device and with the threads that it is told."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import trainings
from helpers.tiny import make_run, save_policy, save_reward_model

from rlhf_tui.config.options import OPTIONS, TRAINERS
from rlhf_tui.errors import UsageError
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.worker import KINDS

# TRL, PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
ROW = {"prompt": "Review 1:", "completion": " A warm film.", "prompt_id": "p1"}
Make = Callable[..., RunContext]


class Told(Exception):
    """The number of threads was set."""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    policy, reward = save_policy(tmp_path / "policy"), save_reward_model(tmp_path / "rm")

    def made(kind: str, **options: Any) -> RunContext:
        directory = tmp_path / f"{kind}-1"
        if kind in TRAINERS:
            return trainings.training(kind, directory, policy, reward_model=reward, **options)
        models: dict[str, Any] = {"model": str(policy)}
        if kind == "score":
            models = {"policy": str(policy), "reference": str(policy)}
        rows = [ROW | {"completion_id": "c1"}]
        table = "test" if kind == "evaluate" else "train"
        return make_run(directory, kind, models | options, **{table: rows})

    return made


def run(context: RunContext) -> None:
    importlib.import_module(KINDS[context.arguments.kind]).run(context)


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_device_that_is_not_there_is_said(make: Make, kind: str) -> None:
    with pytest.raises(UsageError, match="'cuda:99' is not there"):
        run(make(kind, device="cuda:99"))


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_threads_are_as_many_as_asked_for(
    make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(count: int) -> None:
        assert count == 3
        raise Told

    monkeypatch.setattr(torch, "set_num_threads", told)
    with pytest.raises(Told):
        run(make(kind, device="cpu", threads=3))
