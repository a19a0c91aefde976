"""Figures at TensorBoard, W&B and trackio, beside our own log and never instead of it."""

from __future__ import annotations

import io
import sys
import threading
import types
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.tiny import again, lines

from rlhf_tui.config import reporters as known
from rlhf_tui.config.resolve import resolve_options
from rlhf_tui.config.settings import Settings
from rlhf_tui.errors import UsageError
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import STATUS, RunArguments, RunStatus, read
from rlhf_tui.training import reporters, reporting
from rlhf_tui.training.process import QUIET

FIGURES = {"loss": 2.5, "eval_loss": 3.0, "objective/kl": 0.5, "grad_norm": float("nan")}
NAMES = {"train/loss": 2.5, "eval/loss": 3.0, "objective/kl": 0.5}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, QUIET[name])


def started(directory: Path, *services: str, **arguments: Any) -> RunContext:
    directory.mkdir(exist_ok=True)
    record = RunArguments(
        "ppo-0001",
        "ppo",
        {"report_to": list(services), "learning_rate": 0.1, **arguments},
        created_ms=5,
        workspace="/w",
        versions={"trl": "1"},
    )
    return attached(RunContext(directory, record))


def attached(context: RunContext) -> RunContext:
    (context.directory / "checkpoints").mkdir(exist_ok=True)
    reporting.attach(context)
    return context


def end(context: RunContext, phase: Any = "finished") -> None:
    for listener in context.listeners:
        listener.over(phase)


# --- tensorboard ------------------------------------------------------------------------------


def scalars(directory: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard itself reads: figure → step → value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(directory / "tensorboard")).Reload()
    return {
        name: {event.step: event.value for event in read.Scalars(name)}
        for name in read.Tags()["scalars"]
    }


def test_tensorboard_reads_what_was_logged(tmp_path: Path) -> None:
    context = started(tmp_path / "r", "tensorboard")
    context.log_metrics(1, FIGURES)
    context.log_metrics(2, {"loss": 2.0})
    end(context)
    found = scalars(context.directory)
    assert found == {
        "train/loss": {1: 2.5, 2: 2.0},
        "eval/loss": {1: 3.0},
        "objective/kl": {1: 0.5},
    }
    assert [row["loss"] for row in lines(context.directory / "metrics.jsonl")] == [2.5, 2.0]


def test_tensorboard_shows_the_arguments(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    context = started(tmp_path / "r", "tensorboard")
    end(context)
    read = EventAccumulator(str(context.directory / "tensorboard")).Reload()
    (text,) = read.Tensors("arguments")
    assert b"| learning_rate | `0.1` |" in text.tensor_proto.string_val[0]


def test_a_resumed_run_goes_on_in_its_curve(tmp_path: Path) -> None:
    """What was logged behind the checkpoint comes again, and counts as it comes then."""
    context = started(tmp_path / "r", "tensorboard")
    context.log_metrics(1, {"loss": 1.0})
    with context.checkpoint_dir(1) as folder:
        (folder / "state").touch()
    context.log_metrics(2, {"loss": 99.0})
    context.log_metrics(3, {"loss": 98.0})
    end(context, "stopped")
    second = attached(again(context))
    second.log_metrics(2, {"loss": 2.0})
    end(second)
    assert scalars(context.directory) == {"train/loss": {1: 1.0, 2: 2.0}}


# --- the others, by what their packages are asked to do ---------------------------------------


class Recorder(types.ModuleType):
    """A package at whose boundary a test listens: `init` gives a run that keeps all it is told."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.given: list[dict[str, Any]] = []
        self.logged: list[tuple[Any, ...]] = []
        self.ended: list[dict[str, Any]] = []
        self.Settings = dict
        self.errors = types.SimpleNamespace(
            UsageError=type("UsageError", (Exception,), {}),
            AuthenticationError=type("AuthenticationError", (Exception,), {}),
        )

    def init(self, **given: Any) -> Recorder:
        self.given.append(given)
        return self

    def define_metric(self, *_: Any, **__: Any) -> None:
        pass

    def log(self, figures: dict[str, float], **more: Any) -> None:
        self.logged.append((figures, more))

    def finish(self, **how: Any) -> None:
        self.ended.append(how)


@pytest.fixture
def recorder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder(request.param)
    monkeypatch.setitem(sys.modules, request.param, made)
    made.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    return made


both = pytest.mark.parametrize("recorder", ["wandb", "trackio"], indirect=True)
wandb = pytest.mark.parametrize("recorder", ["wandb"], indirect=True)


@both
def test_a_service_hears_figures_and_arguments(tmp_path: Path, recorder: Recorder) -> None:
    context = started(tmp_path / "r", recorder.__name__)
    context.log_metrics(7, FIGURES)
    end(context)
    (given,) = recorder.given
    assert given["project"] == "rlhf-tui"
    assert given["config"]["learning_rate"] == 0.1 and given["config"]["versions"] == {"trl": "1"}
    ((figures, more),) = recorder.logged
    assert {**figures, **more} == {**NAMES, "step": 7}
    assert len(recorder.ended) == 1


@both
def test_a_resumed_run_is_the_same_one_there(tmp_path: Path, recorder: Recorder) -> None:
    context = started(tmp_path / "r", recorder.__name__)
    end(context, "stopped")
    end(attached(again(context)))
    other = msgspec.structs.replace(context.arguments, workspace="/elsewhere")
    attached(RunContext(context.directory, other))
    key = "id" if recorder.__name__ == "wandb" else "name"
    first, second, third = (given[key] for given in recorder.given)
    assert first == second != third
    assert {given["resume"] for given in recorder.given} == {"allow"}


@wandb
def test_wandb_hears_how_a_run_ended(tmp_path: Path, recorder: Recorder) -> None:
    for phase in ("finished", "failed"):
        end(started(tmp_path / phase, "wandb"), phase)
    assert recorder.ended == [{"exit_code": 0}, {"exit_code": 1}]


@wandb
@pytest.mark.parametrize("kind", ["UsageError", "AuthenticationError"])
def test_wandb_without_a_key_names_the_variable(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def refuse(**_: Any) -> None:
        raise getattr(recorder.errors, kind)("No API key configured.")

    monkeypatch.setattr(recorder, "init", refuse)
    with pytest.raises(UsageError, match=r"'wandb': No API key configured\. Set WANDB_API_KEY"):
        started(tmp_path / "a", "wandb")


@both
def test_a_service_that_fails_is_told_of_once_and_stops_nothing(
    tmp_path: Path,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route to host")

    for name in ("init", "log", "finish"):
        with monkeypatch.context() as patch:
            patch.setattr(recorder, name, fail, raising=False)
            context = started(tmp_path / name, recorder.__name__, "tensorboard")
            context.log_metrics(1, FIGURES)
            context.log_metrics(2, FIGURES)
            end(context)
        assert capsys.readouterr().out.count("failed (no route to host)") == 1
        assert len(lines(context.directory / "metrics.jsonl")) == 2
        assert scalars(context.directory)["train/loss"] == {1: 2.5, 2: 2.5}


@wandb
def test_a_service_that_fails_at_the_end_on_a_full_disk_leaves_the_runs_word(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = started(tmp_path / "run", "wandb")

    def fail(**_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(recorder, "finish", fail)
    context.start()
    # A log on a full disk takes no line.
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(full, write_through=True))
        context.finish("failed", "The disk is full.")
    status = read(context.directory / STATUS, RunStatus)
    assert status is not None
    assert (status.phase, status.message) == ("failed", "The disk is full.")


@wandb
def test_a_service_that_hangs_holds_up_no_end(
    tmp_path: Path,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(reporting, "CLOSE_S", 0.05)
    release = threading.Event()
    monkeypatch.setattr(recorder, "finish", lambda **_: release.wait(30), raising=False)
    end(started(tmp_path / "r", "wandb"))
    release.set()
    assert "did not finish within 0.05 s" in capsys.readouterr().out


def test_other_processes_of_a_run_report_nothing(tmp_path: Path) -> None:
    from rlhf_tui.runs.ranks import Rank

    (tmp_path / "r").mkdir()
    record = RunArguments("sft-0001", "sft", {"report_to": ["tensorboard"]})
    context = RunContext(tmp_path / "r", record, Rank(rank=1, world=2, local=1, launched=True))
    reporting.attach(context)
    assert context.listeners == []


@pytest.mark.parametrize("kind", ["sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo"])
def test_a_missing_package_is_told_before_the_launch(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "PACKAGES", {"trackio": "no_such_package"})
    with pytest.raises(UsageError, match="pip install no_such_package"):
        resolve_options(
            kind, Settings(), config_file=None, environ={}, given={"report_to": ["trackio"]}
        )


def test_every_service_that_an_option_names_can_be_opened() -> None:
    from rlhf_tui.config.options import TrainOptions

    (names,) = [f for f in msgspec.structs.fields(TrainOptions) if f.name == "report_to"]
    for name in known.PACKAGES:
        assert name in str(names.type)
    assert reporters.OPEN.keys() == known.PACKAGES.keys()
