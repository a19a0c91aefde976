"""Where runs are placed: GPUs together, Accelerate's configs decided and refused at launch."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.errors import UsageError
from rlhf_tui.hub import placing
from rlhf_tui.hub.devices import choose_several, overlap
from rlhf_tui.hub.models import Resolved


def place(cwd: Path, kind: str = "sft", busy: Any = (), **options: Any) -> tuple[str, Any]:
    chosen = Resolved(OPTIONS[kind](**options), {}, [])
    device, made = placing.place(chosen, {}, busy, cwd)
    return device, made


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    def present(count: int) -> None:
        monkeypatch.setattr(placing, "gpu_count", lambda environment: count)

    present(0)
    return present


def test_auto_is_a_process_a_gpu_and_one_without(tmp_path: Path, gpus: Any) -> None:
    device, alone = place(tmp_path, accelerate="auto")
    assert (device, alone.options.accelerate, alone.options.processes) == ("cpu", "", 0)
    assert alone.notes == ["There is no GPU for it: one process, without Accelerate."]
    gpus(1)
    device, alone = place(tmp_path, accelerate="auto")
    assert (device, alone.options.accelerate) == ("cuda:0", "")
    gpus(4)
    device, several = place(tmp_path, accelerate="auto")
    assert (device, several.options.accelerate) == ("cuda:0,1,2,3", "ddp")
    assert (several.options.processes, several.options.device) == (4, "cuda")
    assert several.notes == ["4 processes. A step takes 4 times the rows of one."]
    device, _ = place(tmp_path, accelerate="auto", processes=2, busy=["cuda:0", "cuda:2,3"])
    assert device == "cuda:0,1", "one of those with a run, and the free one"
    device, cpu = place(tmp_path, accelerate="auto", processes=2, device="cpu")
    assert (device, cpu.options.accelerate, cpu.options.processes) == ("cpu", "cpu", 2)


def test_a_gpu_that_is_not_seen_is_told_of_at_the_launch(tmp_path: Path, gpus: Any) -> None:
    device, made = place(tmp_path, device="cuda")
    assert device == "cuda:0"
    assert [note for note in made.notes if "No GPU is seen" in note]
    gpus(1)
    assert place(tmp_path, device="cuda")[1].notes == []


def test_a_path_is_found_where_the_command_was_given(tmp_path: Path, gpus: Any) -> None:
    (tmp_path / "mine.yaml").write_text(
        "{distributed_type: MULTI_GPU, use_cpu: true, num_processes: 3}"
    )
    device, made = place(tmp_path, accelerate="mine.yaml")
    assert made.options.accelerate == str(tmp_path / "mine.yaml")
    assert (device, made.options.processes, made.options.device) == ("cpu", 3, "cpu")


@pytest.mark.parametrize(
    ("options", "present", "sentence"),
    [
        ({"accelerate": "dpp"}, 2, "no Accelerate config 'dpp'.*Did you mean 'ddp'"),
        ({"accelerate": "ddp"}, 0, "takes a GPU a process, and this machine has none"),
        ({"accelerate": "fsdp2", "processes": 4}, 2, "a GPU for each of 4 processes"),
        ({"accelerate": "deepspeed-zero3"}, 2, "needs DeepSpeed, which is not installed"),
        ({"accelerate": "cpu", "device": "cuda"}, 2, "works on the CPU, and device is 'cuda'"),
        ({"accelerate": "ddp", "device": "cuda:1"}, 2, "takes a GPU a process"),
    ],
)
def test_what_cannot_be_is_said(
    tmp_path: Path, gpus: Any, options: dict[str, Any], present: int, sentence: str
) -> None:
    gpus(present)
    with pytest.raises(UsageError, match=sentence):
        place(tmp_path, **options)


def test_deepspeed_is_taken_where_it_is_installed(
    tmp_path: Path, gpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(2)
    found = ModuleType("deepspeed")
    found.__spec__ = __import__("importlib.machinery").machinery.ModuleSpec("deepspeed", None)
    monkeypatch.setitem(sys.modules, "deepspeed", found)
    assert place(tmp_path, accelerate="deepspeed-zero2")[0] == "cuda:0,1"


@pytest.mark.parametrize("named", ["FSDP", "DEEPSPEED"])
def test_ppo_holds_whole_models(tmp_path: Path, gpus: Any, named: str) -> None:
    gpus(2)
    (tmp_path / "mine.yaml").write_text(f"{{distributed_type: {named}, num_processes: 2}}")
    with pytest.raises(UsageError, match=r"PPO does not run under .*Use accelerate = 'ddp'"):
        place(tmp_path, "ppo", accelerate="mine.yaml")
    device, ppo = place(tmp_path, "ppo", accelerate="auto")
    assert (device, ppo.notes) == ("cuda:0,1", ["2 processes. They share out each rollout."])


def test_a_learning_curve_is_for_one_process(tmp_path: Path, gpus: Any) -> None:
    with pytest.raises(UsageError, match="in one process"):
        place(tmp_path, "rm", accelerate="cpu", learning_curve=True)


def test_runs_meet_on_a_device() -> None:
    assert overlap("cuda:0,1", "cuda:1") and overlap("cpu", "cpu")
    assert not overlap("cuda:0,1", "cuda:2") and not overlap("cpu", "endpoint")
    assert choose_several(2, 4, ["cuda:0,1", "cuda:2"]) == "cuda:0,3"
