"""Adapter folders: what they stand on, and how they become whole models again.

An adapter folder holds the adapter alone (LoRA, and a reward model's head); its weights are added
to those of a base model that it names. The base may be a run's model that was moved along with
its workspace, and may be an adapter folder itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rlhf_tui.errors import InputError
from rlhf_tui.training import model_files

WEIGHTS = "adapter_model.safetensors"
NEEDED = ("*.json", "adapter_model.*", "*.jinja", "*.model", "vocab.*", "merges.txt")
"""Of an adapter on the Hub: itself, its tokenizer, and how a reward model reads."""
LONGEST_CHAIN = 16
"""Adapters on adapters; more is a folder that names itself."""


def fetched(ref: str) -> str:
    """An adapter of the Hub as a folder in the cache, so that it becomes whole like any other.

    Left to transformers, a reward model's head would not fit, and a policy would not be merged.

    Returns:
        `ref` itself for anything else, and for what cannot be reached: its loader says why.
    """
    if Path(ref).exists():
        return ref
    from huggingface_hub import hf_hub_download, snapshot_download

    try:
        hf_hub_download(ref, model_files.ADAPTER)
        return snapshot_download(ref, allow_patterns=[*NEEDED])
    except (OSError, ValueError):
        return ref


def base_of(directory: Path) -> str:
    """The model that an adapter folder stands on: a path or a hub id.

    A path that is not there is looked for beside the adapter's own run, since workspaces move.

    Raises:
        InputError: it names none, or one that is not there.
    """
    named = str(model_files.read_adapter(directory).get("base_model_name_or_path") or "")
    if not named:
        raise InputError(f"The adapter in {str(directory)!r} does not say which model it is for.")
    path = Path(named)
    if not path.is_absolute() or path.exists():
        return named
    for above in directory.resolve().parents[:3]:
        moved = above / path.parent.name / path.name
        if moved.is_dir():
            return str(moved)
    raise InputError(
        f"The adapter in {str(directory)!r} was made for the model {named!r}, which is not there.",
        hint="Put that model back, or correct base_model_name_or_path in adapter_config.json.",
    )


def chain(directory: Path) -> tuple[str, list[Path]]:
    """The whole model at the bottom, and the adapter folders on it, the lowest first.

    Raises:
        InputError: as `base_of`, or the adapters stand on each other in a circle.
    """
    ref, adapters = str(directory), []
    while (Path(ref) / model_files.ADAPTER).exists():
        adapters.append(Path(ref))
        if len(adapters) > LONGEST_CHAIN:
            raise InputError(f"The adapters under {str(directory)!r} stand on each other.")
        ref = base_of(Path(ref))
    return ref, adapters[::-1]


def has_head(directory: Path) -> bool:
    """Whether the head of a reward model is saved with its adapter."""
    return _head_outputs(directory) > 0


def outputs_of(directory: Path) -> int:
    """How many outputs the head in a reward model's adapter has; 1 where none is saved."""
    return _head_outputs(directory) or 1


def _head_outputs(directory: Path) -> int:
    from safetensors import safe_open

    with safe_open(directory / WEIGHTS, "pt") as weights:
        for name in weights.keys():  # noqa: SIM118  # no mapping
            head = name.endswith(("score.weight", "classifier.weight", "out_proj.weight"))
            if head and "lora_" not in name:
                return int(weights.get_slice(name).get_shape()[0])
    return 0


def put_on(model: Any, directory: Path, tokenizer_length: int, dtype: torch.dtype) -> Any:
    """A base model with the adapter merged into it, in one dtype.

    Args:
        tokenizer_length: of the tokenizer saved with the adapter; a base of fewer embeddings
            gets as many, as the trained model had.
    """
    from peft import PeftModel

    if tokenizer_length > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(tokenizer_length)
    merged = PeftModel.from_pretrained(model, str(directory)).merge_and_unload()
    return merged.to(dtype)
