"""Frozen weights in 8 or 4 bits by bitsandbytes, under an adapter that is trained (QLoRA).

Source: Dettmers 2022 (LLM.int8()) and Dettmers 2023 (QLoRA: NF4, double quantisation).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rlhf_tui.config.combinations import check_quantization
from rlhf_tui.errors import InputError
from rlhf_tui.training import model_files


def load(
    kind: Any, ref: str, device: torch.device, quantization: str, dtype: torch.dtype, **more: Any
) -> Any:
    """A whole model with its linear layers quantized, on the device and ready for an adapter.

    Args:
        kind: an Auto class of transformers.
        dtype: of the layers that stay as they are, and of the products of 4-bit weights.

    Raises:
        UsageError: bitsandbytes is not installed.
        InputError: `ref` is an adapter folder.
    """
    check_quantization(quantization)
    if (Path(ref) / model_files.ADAPTER).exists():
        raise InputError(
            f"{ref!r} is an adapter, which cannot be merged into quantized weights.",
            hint="Make a whole model of it with `rlhf-tui merge`, or use quantization = 'none'.",
        )
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    if quantization == "4bit":
        how = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    else:
        how = BitsAndBytesConfig(load_in_8bit=True)
    model = kind.from_pretrained(
        ref, quantization_config=how, device_map={"": device}, dtype=dtype, **more
    )
    # The trainers turn activation checkpointing on themselves.
    return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
