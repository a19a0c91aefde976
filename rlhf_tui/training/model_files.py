"""What a model folder holds, found out from its JSON alone: no torch, errors before any wait."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec

from rlhf_tui.errors import InputError

Use = Literal["language model", "reward model", "start of a reward model"]
ADAPTER = "adapter_config.json"
HUB_HINT = "Give a folder made by save_pretrained, a run id, 'sample', or a hub id like 'org/name'."


def loading_hint(ref: str) -> str:
    """What to do about a model that could not be loaded: a folder, or one of the Hub."""
    if Path(ref).exists():
        return HUB_HINT
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return f"{HUB_HINT} Nothing is downloaded while HF_HUB_OFFLINE is set."
    if os.environ.get("HF_TOKEN"):
        return f"{HUB_HINT} A private one must be open to the token in HF_TOKEN."
    return f"{HUB_HINT} For a private one set HF_TOKEN in the environment of the command."


def check(ref: str, use: Use) -> None:
    """Refuse what cannot serve as `use`, as far as its config tells; hub ids pass.

    Raises:
        InputError: the path is not there, is no model folder, or holds another kind of model.
    """
    path = Path(ref)
    if not path.exists():
        if path.is_absolute() or ref.startswith((".", "~")) or ref.count("/") != 1:
            raise InputError(f"There is no model at {ref!r}.", hint=HUB_HINT)
        return
    if not path.is_dir():
        raise InputError(f"{ref!r} is a file, not a model folder.", hint=HUB_HINT)
    if (path / ADAPTER).exists():
        _check_adapter(ref, use)
        return
    config = read_config(path)
    if not any(path.glob("*.safetensors")) and not any(path.glob("*.bin")):
        raise InputError(f"{ref!r} is not a whole model: it has a config.json but no weights.")
    architecture = _architecture(config)
    is_classifier = "SequenceClassification" in architecture
    if use == "language model" and is_classifier:
        raise InputError(
            f"{ref!r} is a reward model or classifier ({architecture}), not a language model."
        )
    if use == "reward model" and architecture and not is_classifier:
        raise InputError(
            f"{ref!r} is not a reward model: its architecture is {architecture}.",
            hint="Train one with `rlhf-tui train rm`, or give a text-classification model.",
        )


def read_config(path: Path) -> dict[str, Any]:
    """The folder's config.json.

    Raises:
        InputError: there is none, or it is not JSON.
    """
    return _read(path, "config.json")


def read_adapter(path: Path) -> dict[str, Any]:
    """The folder's adapter_config.json.

    Raises:
        InputError: there is none, or it is not JSON.
    """
    return _read(path, ADAPTER)


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode((path / name).read_bytes(), type=dict[str, Any])
    except FileNotFoundError as error:
        raise InputError(f"{str(path)!r} is not a model: it has no {name}.", hint=HUB_HINT) from (
            error
        )
    except msgspec.MsgspecError as error:
        raise InputError(f"{str(path / name)!r} is not valid JSON: {error}.") from error


def _check_adapter(ref: str, use: Use) -> None:
    task = read_adapter(Path(ref)).get("task_type")
    if use == "language model" and task == "SEQ_CLS":
        raise InputError(f"{ref!r} is the adapter of a reward model, not a language model.")
    if use == "reward model" and task == "CAUSAL_LM":
        raise InputError(
            f"{ref!r} is the adapter of a language model, not a reward model.",
            hint="Train one with `rlhf-tui train rm`, or give a text-classification model.",
        )


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures") or [""]
    return str(names[0])
