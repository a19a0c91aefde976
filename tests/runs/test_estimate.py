"""What a run would take, by hand: sizes from headers, steps, memory that grows, time put right."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.config.rates import RATES
from rlhf_tui.errors import UsageError
from rlhf_tui.runs.estimate import Place, estimate, size
from rlhf_tui.runs.estimate_earlier import pace_of
from rlhf_tui.runs.estimate_memory import memory_of, trained_parameters
from rlhf_tui.runs.estimate_model import Shape, shape_of
from rlhf_tui.runs.estimate_steps import Data, Steps, steps_of
from rlhf_tui.runs.estimate_time import Earlier, Speed
from rlhf_tui.runs.rendered import Lengths

SHAPE = Shape(
    parameters=1_000_000_000,
    layers=16,
    hidden=2048,
    vocabulary=32_000,
    intermediate=8192,
    attention=2048,
    keys=512,
    adapted=16 * 60_000,
    last_block=60_000_000,
)
DATA = Data(100, 40, 90, Lengths(100, 50.0, 80.0, 20.0), True)
GPU = Place("cuda:0", 80e9, Speed(1e14, "what it does"))


def options(kind: str, **given: Any) -> Any:
    return msgspec.convert(given, OPTIONS[kind])


def steps(kind: str, data: Data = DATA, **given: Any) -> Steps:
    found = steps_of(kind, options(kind, **given), data)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        # ceil(100 / 8) = 13 passes, ceil(13 / 4) = 4 steps an epoch
        ("sft", {"batch_size": 8, "gradient_accumulation": 4, "epochs": 3}, 12),
        ("sft", {"batch_size": 8, "gradient_accumulation": 4, "epochs": 1.3}, 6),
        ("sft", {"batch_size": 8, "max_steps": 7, "epochs": 3}, 7),
        ("sft", {"batch_size": 200, "epochs": 2}, 2),
        # ceil(13 / 2 processes) = 7
        ("dpo", {"batch_size": 8, "accelerate": "ddp", "processes": 2}, 7),
        ("kto", {"batch_size": 16}, 7),
        # The reward model's rows are prompts.
        ("rm", {"batch_size": 8, "epochs": 3}, 15),
        ("ppo", {"total_steps": 9}, 9),
        ("grpo", {"total_steps": 4, "num_mini_batches": 4}, 4),
        ("generate", {"k": 4}, 400),
        ("generate", {"k": 4, "limit": 10}, 40),
        ("evaluate", {}, 100),
    ],
)
def test_steps(kind: str, given: dict[str, Any], expected: int) -> None:
    assert steps(kind, **given).steps == expected


def test_tokens_of_a_step() -> None:
    assert steps("sft", batch_size=8).tokens == 8 * 50
    assert steps("sft", batch_size=8, max_length=30).tokens == 8 * 30
    assert steps("sft", batch_size=8, gradient_accumulation=2).tokens == 16 * 50
    assert steps("dpo", batch_size=8).tokens == 16 * 50
    assert steps("rm", batch_size=8).tokens == 8 * 50 * 90 / 40
    assert steps("ppo", rollout_batch_size=10, response_length=30).tokens == 10 * (20 + 30)
    answers = {"rollout_batch_size": 8, "num_generations": 4, "response_length": 30}
    assert steps("grpo", **answers).tokens == 32 * (20 + 30)


def test_what_is_not_sure_says_so() -> None:
    assert not steps("sft", packing=True, max_length=100).exact
    assert steps("sft", packing=True, max_length=100, max_steps=3).exact
    packed = msgspec.structs.replace(DATA, packed_rows=64)
    assert steps("sft", packed, packing=True, batch_size=8, epochs=1) == Steps(8, 8 * 50 * 100 / 64)
    crowded = msgspec.structs.replace(DATA, crowded=True)
    assert not steps("rm", crowded).exact
    found = estimate("rm", options("rm"), SHAPE, crowded, GPU)
    assert any("not sure" in sentence for sentence in found.basis)


def test_a_rollout_that_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot share evenly"):
        steps("grpo", rollout_batch_size=3, num_generations=3, num_mini_batches=2)


def save_model(directory: Path, tensors: dict[str, list[int]], **config: Any) -> Path:
    directory.mkdir(parents=True)
    header = json.dumps(
        {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in
         tensors.items()} | {"__metadata__": {"format": "pt"}}
    ).encode()  # fmt: skip
    (directory / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    (directory / "config.json").write_text(json.dumps(config))
    return directory


TENSORS = {
    "model.embed_tokens.weight": [100, 8],
    "model.layers.0.mlp.up_proj.weight": [32, 8],
    "model.layers.1.mlp.up_proj.weight": [32, 8],
    "model.layers.1.input_layernorm.weight": [8],
    "model.norm.weight": [8],
}
CONFIG = {
    "hidden_size": 8, "num_hidden_layers": 2, "vocab_size": 100, "intermediate_size": 32,
    "num_attention_heads": 2, "num_key_value_heads": 1,
}  # fmt: skip


def test_a_model_is_measured_by_its_headers(tmp_path: Path) -> None:
    found = shape_of(str(save_model(tmp_path / "model", TENSORS, **CONFIG)), {})
    assert found == Shape(
        parameters=800 + 256 + 256 + 8 + 8,
        layers=2,
        hidden=8,
        vocabulary=100,
        intermediate=32,
        attention=8,
        keys=4,
        adapted=80,
        last_block=264,
    )


def test_a_model_of_the_hub_is_found_in_the_cache_and_an_adapter_on_its_base(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "hub" / "models--org--name"
    save_model(kept / "snapshots" / "abc", TENSORS, **CONFIG)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "org/name"}')
    environ = {"HF_HOME": str(tmp_path)}
    for reference in ("org/name", str(adapter)):
        found = shape_of(reference, environ)
        assert found is not None
        assert found.parameters == 1328
    assert shape_of("org/other", environ) is None


@pytest.mark.parametrize("broken", [b"", b"\x00" * 8, b"\xff" * 40, b"\x05\0\0\0\0\0\0\0[1,2]"])
def test_broken_weights_leave_what_the_config_says(tmp_path: Path, broken: bytes) -> None:
    directory = save_model(tmp_path / "model", TENSORS, **CONFIG)
    (directory / "model.safetensors").write_bytes(broken)
    found = shape_of(str(directory), {})
    assert found is not None
    assert not found.exact
    assert found.parameters > 800
    (directory / "config.json").write_text("[]")
    assert shape_of(str(directory), {}) is None


def test_what_is_trained() -> None:
    assert trained_parameters(options("sft"), SHAPE) == SHAPE.parameters
    assert trained_parameters(options("sft", tune="last-layer"), SHAPE) == 60_000_000
    assert trained_parameters(options("sft", tune="lora", lora_rank=8), SHAPE) == 8 * 960_000
    assert trained_parameters(options("generate"), SHAPE) == 0


def memory(kind: str, **given: Any) -> float:
    return memory_of(kind, options(kind, **given), SHAPE, DATA, device="cuda", bf16=True).total


def test_memory_follows_the_options() -> None:
    full = memory("sft", batch_size=8)
    # 16 bytes a trained weight, and a copy in 16 bits for the pass.
    assert 18e9 < full < 24e9
    assert memory("sft", batch_size=8, tune="lora") < full / 4
    assert memory("sft", batch_size=64) > full
    cheap = memory("sft", batch_size=64, gradient_checkpointing=True)
    assert cheap < memory("sft", batch_size=64)
    assert memory("dpo", batch_size=8) > full + 4e9, "the reference is a copy"
    assert memory("dpo", batch_size=8, tune="lora") < full
    shared = memory("ppo", critic="separate") - memory("ppo")
    assert shared == pytest.approx(16e9), "a critic of its own"
    quantized = memory("sft", batch_size=8, tune="lora", quantization="4bit")
    assert quantized < memory("sft", batch_size=8, tune="lora")


def test_what_does_not_fit_is_told_with_what_to_change() -> None:
    small = Place("cuda:0", 12e9, GPU.speed)
    found = estimate("sft", options("sft"), SHAPE, DATA, small)
    assert found.warning.startswith("It will not fit: some ")
    assert "cuda:0 has 12 GB" in found.warning
    assert "batch_size 16" in found.warning
    assert "tune = 'lora'" in found.warning
    assert estimate("sft", options("sft"), SHAPE, DATA, GPU).warning == ""


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("sft", {}, f"{RATES['sft'][2][1]:g} at its peak"),
        ("ppo", {"tune": "lora"}, f"{10 * RATES['ppo'][2][1]:g} at its peak"),
        ("sft", {"learning_rate": 1e-4}, ""),
        ("generate", {}, ""),
    ],
)
def test_a_learning_rate_that_nobody_named_is_told(
    kind: str, given: dict[str, Any], told: str
) -> None:
    large = msgspec.structs.replace(SHAPE, parameters=7_000_000_000)
    found = estimate(kind, options(kind, **given), large, DATA, GPU)
    rates = [sentence for sentence in found.basis if "learning rate" in sentence]
    assert len(rates) == bool(told)
    assert all(told in sentence for sentence in rates)


def test_a_model_that_is_not_here_leaves_the_steps() -> None:
    found = estimate("sft", options("sft"), None, DATA, GPU)
    assert found.steps > 0
    assert found.memory == found.seconds == 0
    assert any("not known" in sentence for sentence in found.basis)


def test_time_is_put_right_by_earlier_runs() -> None:
    rough = estimate("sft", options("sft", max_steps=100), SHAPE, DATA, GPU)
    assert any("rough" in sentence for sentence in rough.basis)
    modelled = (rough.seconds - 15 - 4e9 / 1.5e9) / 100
    earlier = Earlier("sft-0001", 3 * modelled, 20.0, modelled)
    found = estimate("sft", options("sft", max_steps=100), SHAPE, DATA, GPU, earlier=[earlier])
    assert found.seconds == pytest.approx(20 + 300 * modelled)
    assert any("sft-0001" in sentence for sentence in found.basis)


def test_the_pace_of_a_run_is_read_from_both_ends_of_its_metrics(tmp_path: Path) -> None:
    lines = [json.dumps({"step": 0, "time": 1004.0, "eval/x": 1})]
    lines += [
        json.dumps({"step": s, "time": 1005.0 + 2 * s, "pad": "x" * 200}) for s in range(1, 1001)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 1001, "ti')
    found = pace_of(tmp_path, 1000.0)
    assert found is not None
    assert found.seconds_per_step == pytest.approx(2.0)
    assert found.starting == pytest.approx(5.0)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "time": 7}\n')
    assert pace_of(tmp_path, 1.0) is None
    assert pace_of(tmp_path / "nowhere", 1.0) is None


def test_sizes_in_words() -> None:
    assert [size(n) for n in (12_345.0, 6.4e8, 1.44e9, 80e9)] == [
        "12 kB", "640 MB", "1.4 GB", "80 GB",
    ]  # fmt: skip
