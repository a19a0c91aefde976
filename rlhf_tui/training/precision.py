"""In which number format matrix work runs, and weights are held, for a device and `--precision`.

Weights that an optimizer changes stay in float32 whatever the matrix work runs in: a bfloat16
weight has 8 bits of mantissa and would lose most small updates (Micikevicius 2018, section 3.1).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from rlhf_tui.errors import UsageError

Precision = Literal["fp32", "bf16", "fp16"]
DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def use_bf16(device: torch.device) -> bool:
    """Whether `auto` means bfloat16 there: GPUs that have it; CPUs stay in float32."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def precision_of(name: str, device: torch.device) -> Precision:
    """What the option `precision` comes to on a device.

    Args:
        name: auto, fp32, bf16 or fp16.

    Raises:
        UsageError: the device cannot work in it.
    """
    match name:
        case "auto":
            return "bf16" if use_bf16(device) else "fp32"
        case "fp16" if device.type == "cpu":
            raise UsageError(
                "precision = 'fp16' needs a GPU: on a CPU it is slow, and its small range is not"
                " guarded.",
                hint="Use precision = 'fp32' or 'bf16', or a GPU.",
            )
        case "bf16" if device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise UsageError(
                "precision = 'bf16' is not known to this GPU.",
                hint="Use precision = 'fp16' or 'fp32'.",
            )
        case "fp32" | "bf16" | "fp16":
            return name
    raise UsageError(f"{name!r} is no precision.", hint="Use auto, fp32, bf16 or fp16.")


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Run what is inside in that precision; nothing changes for fp32."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, DTYPES[precision])


def as_loaded(model: Any) -> AbstractContextManager[Any]:
    """Run a model whose frozen weights are of a shorter format than those trained over them."""
    named = {dtype: name for name, dtype in DTYPES.items()}
    return autocast(named.get(model.dtype, "fp32"), model.device)


def loss_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Scales losses so that fp16 gradients do not vanish; does nothing for the others."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


def hf_arguments(precision: Precision) -> dict[str, bool]:
    """The flags of transformers' TrainingArguments, whose scaler is its own."""
    return {"bf16": precision == "bf16", "fp16": precision == "fp16"}


def weights_dtype(precision: Precision, *, trained: bool) -> torch.dtype:
    """The format in which a model's weights are loaded."""
    return torch.float32 if trained else DTYPES[precision]
