"""The size of a model from its files' headers and its config: no torch, no weights read."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

CONFIG = "config.json"
ADAPTER = "adapter_config.json"
INDEX = "model.safetensors.index.json"
LONGEST_CHAIN = 16
LARGEST_HEADER = 100_000_000
"""Bytes; safetensors' own bound."""
BLOCK = re.compile(r"(?:^|\.)(?:layers|h|blocks|block)\.(\d+)\.")
EMBEDS = ("embed", "wte", "wpe", "lm_head", "score", "word_embeddings")
"""Parts of the names of tensors that are no layer of the trunk."""


class Shape(msgspec.Struct, frozen=True):
    """What of a model decides how much memory and time it takes."""

    parameters: int
    layers: int
    hidden: int
    vocabulary: int
    intermediate: int
    """Width of the feed-forward layers."""
    attention: int
    """Width of all queries together."""
    keys: int
    """Width of all keys together, which is less under grouped queries."""
    adapted: int
    """Inputs and outputs of all linear layers of the trunk: LoRA has rank times as many weights."""
    last_block: int
    """Parameters of the last block."""
    exact: bool = True
    """Counted in the files; else worked out from the config."""


def shape_of(ref: str, environ: Mapping[str, str]) -> Shape | None:
    """The shape of a model of this machine; None for what is not here, or cannot be told.

    Args:
        ref: path or hub id; of a hub id what lies in the Hub's cache.
        environ: says where that cache is.
    """
    found = _folder(ref, environ)
    for _ in range(LONGEST_CHAIN):
        if found is None or not (found / ADAPTER).is_file():
            break
        base = str(_json(found / ADAPTER).get("base_model_name_or_path") or "")
        found = _folder(base, environ) if base else None
    if found is None:
        return None
    config = _json(found / CONFIG)
    config = config.get("text_config") or config
    if not isinstance(config, dict):
        return None
    return _shape(config, _tensors(found))


def _folder(ref: str, environ: Mapping[str, str]) -> Path | None:
    try:
        if Path(ref).is_dir():
            return Path(ref)
        home = Path(environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
        cache = Path(environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
        kept = cache / f"models--{ref.replace('/', '--')}"
        found = kept / "snapshots" / (kept / "refs" / "main").read_text().strip()
        return found if found.is_dir() else None
    except (OSError, ValueError, RuntimeError):
        # Not there, closed to us, or no name that a file can have; a home of nobody's.
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tensors(folder: Path) -> dict[str, list[int]]:
    """Name → shape of each weight, from the headers of the folder's files."""
    names = {*_json(folder / INDEX).get("weight_map", {}).values()} or {
        path.name for path in folder.glob("*.safetensors")
    }
    found: dict[str, list[int]] = {}
    for name in sorted(names):
        found |= _header(folder / str(name))
    return found


def _header(path: Path) -> dict[str, list[int]]:
    """A file of safetensors begins with the length of its JSON header, 8 bytes, little endian."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > LARGEST_HEADER:
                return {}
            header = json.loads(file.read(length))
        return {
            name: [int(size) for size in entry["shape"]]
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return {}


def _shape(config: Mapping[str, Any], tensors: Mapping[str, list[int]]) -> Shape | None:
    hidden = _number(config, "hidden_size", "n_embd", "d_model")
    layers = _number(config, "num_hidden_layers", "n_layer", "num_layers")
    vocabulary = _number(config, "vocab_size")
    if not hidden or not layers:
        return None
    heads = _number(config, "num_attention_heads", "n_head") or 1
    size = _number(config, "head_dim") or hidden // heads
    attention = heads * size
    keys = (_number(config, "num_key_value_heads") or heads) * size
    intermediate = _number(config, "intermediate_size", "n_inner", "ffn_dim") or 4 * hidden
    counts = {name: math.prod(shape) for name, shape in tensors.items()}
    if not counts:
        # As in Llama: three feed-forward matrices, input and output embeddings perhaps one.
        block = 2 * hidden * (attention + keys) + 3 * hidden * intermediate
        tied = 1 if config.get("tie_word_embeddings", True) else 2
        return Shape(
            parameters=layers * block + tied * vocabulary * hidden,
            layers=layers,
            hidden=hidden,
            vocabulary=vocabulary,
            intermediate=intermediate,
            attention=attention,
            keys=keys,
            adapted=layers * (4 * hidden + 2 * (attention + keys) + 3 * (hidden + intermediate)),
            last_block=block,
            exact=False,
        )
    matrices = [
        shape
        for name, shape in tensors.items()
        if len(shape) == 2 and not any(part in name for part in EMBEDS)
    ]
    blocks: dict[int, int] = {}
    for name, count in counts.items():
        if (match := BLOCK.search(name)) is not None:
            blocks[int(match[1])] = blocks.get(int(match[1]), 0) + count
    return Shape(
        parameters=sum(counts.values()),
        layers=layers,
        hidden=hidden,
        vocabulary=vocabulary,
        intermediate=intermediate,
        attention=attention,
        keys=keys,
        adapted=sum(sum(shape) for shape in matrices),
        last_block=blocks.get(max(blocks, default=0), 0),
    )


def _number(config: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return 0
