"""Tiny models on the sample tokenizer, and run directories to work in without a hub."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

# Read by the Hugging Face libraries when they are imported, before any fixture could set it.
os.environ["HF_HUB_OFFLINE"] = "1"

import msgspec
import pyarrow
import pyarrow.parquet
import torch
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import RunArguments, RunKind, write_atomic

# Tests run beside others on few cores: threads that wait for each other make tiny models crawl.
torch.set_num_threads(1)

SAMPLE_MODEL = Path(__file__).parents[2] / "sample_data" / "model"
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def tokenizer(*, chat: bool = False) -> Any:
    """The sample model's tokenizer, with a small chat template if wanted."""
    loaded = AutoTokenizer.from_pretrained(SAMPLE_MODEL)
    if chat:
        loaded.chat_template = CHAT_TEMPLATE
    return loaded


def config(vocabulary: int, **more: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **more},
    )


def language_model(vocabulary: int, seed: int = 0) -> LlamaForCausalLM:
    """A random model whose distributions are far from uniform."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config(vocabulary, initializer_range=0.5))
    return model.eval()


def save_policy(directory: Path, *, chat: bool = False, seed: int = 0) -> Path:
    words = tokenizer(chat=chat)
    language_model(len(words), seed).save_pretrained(directory)
    words.save_pretrained(directory)
    return directory


def save_reward_model(directory: Path, *, seed: int = 0, labels: int = 1) -> Path:
    words = tokenizer()
    torch.manual_seed(seed)
    shape = config(len(words), initializer_range=0.5)
    shape.num_labels = labels
    LlamaForSequenceClassification(shape).save_pretrained(directory)
    words.save_pretrained(directory)
    return directory


def make_run(
    directory: Path, kind: str, arguments: dict[str, Any], **tables: list[dict[str, Any]]
) -> RunContext:
    """A run directory with its snapshot, as the hub makes it, and the context of its worker."""
    (directory / "dataset").mkdir(parents=True)
    options = msgspec.convert(arguments, OPTIONS[kind])
    named = msgspec.convert(kind, RunKind)
    record = RunArguments(directory.name, named, msgspec.to_builtins(options))
    write_atomic(directory / "args.json", record)
    for name, rows in tables.items():
        table = pyarrow.Table.from_pylist(rows)
        pyarrow.parquet.write_table(table, directory / "dataset" / f"{name}.parquet")
    return RunContext(directory, record)


def again(context: RunContext) -> RunContext:
    """The context of a second worker on the same run."""
    return RunContext(context.directory, context.arguments)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def stop_after(context: RunContext, step: int) -> None:
    """Ask the run to stop as soon as it says that it has done `step` steps."""
    progress = context.progress

    def watched(at: int, *rest: Any, **named: Any) -> None:
        progress(at, *rest, **named)
        if at >= step:
            context._on_term(15, None)

    context.progress = watched  # type: ignore[method-assign, assignment]
