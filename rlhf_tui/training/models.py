"""Models and tokenizers: loading with errors in words, devices, LoRA, pad tokens, saving."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from rlhf_tui.config.options import Options, TrainOptions
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.training import model_files

PAD = "<|pad|>"
"""Added to a reward model whose tokenizer has no pad token apart from EOS."""
DEFAULT_CONTEXT = 1024
"""Tokens, for a model whose config does not say how many it takes."""
Stage = Literal["sft", "rm", "ppo"]
RATES: dict[Stage, list[tuple[float, float]]] = {
    "sft": [(2e7, 3e-4), (1e9, 5e-5), (math.inf, 2e-5)],
    "rm": [(2e7, 1e-3), (1e9, 3e-5), (math.inf, 1e-5)],
    "ppo": [(2e7, 5e-4), (1e9, 1e-5), (math.inf, 3e-6)],
}
"""Learning rates by stage: (models of fewer parameters than this, rate)."""
LORA_FACTOR = 10.0
"""Adapters want about ten times the rate of full fine-tuning (Schulman 2025, 'LoRA Without
Regret')."""


@dataclass(frozen=True)
class Loaded:
    """A model with the tokenizer that belongs to it."""

    model: Any
    tokenizer: Any
    source: str
    """Path or hub id."""

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())


def device_of(options: Options) -> torch.device:
    """The device to work on; `auto` takes a GPU where there is one.

    Raises:
        UsageError: the name is no device, or there is no such GPU.
    """
    name = options.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name!r} is not a device.", hint="Use auto, cpu, cuda or cuda:N.") from (
            error
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"The device {name!r} is not there: torch finds {torch.cuda.device_count()} GPUs.",
            hint="Use --device cpu, or check CUDA_VISIBLE_DEVICES.",
        )
    return device


def use_bf16(device: torch.device) -> bool:
    """Whether matrix work there runs in bfloat16; CPUs stay in float32."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def weights_dtype(device: torch.device, *, trained: bool) -> torch.dtype:
    """Weights that an optimizer changes stay in float32: bfloat16 would lose small updates."""
    return torch.bfloat16 if use_bf16(device) and not trained else torch.float32


@contextmanager
def _sentences(ref: str) -> Iterator[None]:
    """Turn what the loaders raise for a bad or absent model into a sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        first = first.rstrip(".")
        raise InputError(
            f"The model {ref!r} cannot be loaded: {first}.", hint=model_files.HUB_HINT
        ) from error


def load_tokenizer(ref: str) -> Any:
    """The tokenizer of a model, padding on the left (for generation; trainers pad by themselves).

    Raises:
        InputError: there is none that can be loaded.
    """
    from transformers import AutoTokenizer

    with _sentences(ref):
        return AutoTokenizer.from_pretrained(ref, padding_side="left")


def load_policy(ref: str, device: torch.device, *, trained: bool) -> Loaded:
    """A causal language model in evaluation mode; adapter folders are merged into their base.

    Args:
        trained: whether its own weights will be trained (then float32).

    Raises:
        InputError: `ref` is not a language model.
    """
    model_files.check(ref, "language model")
    from transformers import AutoModelForCausalLM

    dtype = weights_dtype(device, trained=trained)
    tokenizer = load_tokenizer(ref)
    with _sentences(ref):
        if (Path(ref) / model_files.ADAPTER).exists():
            from peft import AutoPeftModelForCausalLM

            adapted = AutoPeftModelForCausalLM.from_pretrained(ref, dtype=dtype)
            model = adapted.merge_and_unload()
        else:
            model = AutoModelForCausalLM.from_pretrained(ref, dtype=dtype)
    return Loaded(model.to(device).eval(), tokenizer, ref)


def load_reward_model(ref: str, device: torch.device) -> Loaded:
    """A finished scorer: a reward model of ours, or any text-classification model.

    Adapter folders (checkpoints with LoRA) are merged into their base, with the head they hold.

    Raises:
        InputError: `ref` is not one.
    """
    model_files.check(ref, "reward model")
    from transformers import AutoModelForSequenceClassification

    tokenizer = load_tokenizer(ref)
    with _sentences(ref):
        dtype = weights_dtype(device, trained=False)
        if (Path(ref) / model_files.ADAPTER).exists():
            model = _adapted_reward_model(Path(ref), dtype)
            # As it was trained: the base's own may be its EOS, where the score is read.
            model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
        else:
            model = AutoModelForSequenceClassification.from_pretrained(ref, dtype=dtype)
    return Loaded(model.to(device).eval(), tokenizer, ref)


def _adapted_reward_model(directory: Path, dtype: torch.dtype) -> Any:
    """An adapter merged into its base, whose own config says nothing of the head's size."""
    from peft import AutoPeftModelForSequenceClassification
    from safetensors import safe_open

    outputs = {}
    with safe_open(directory / "adapter_model.safetensors", "pt") as weights:
        for name in weights.keys():  # noqa: SIM118  # no mapping
            if name.endswith("score.weight"):
                outputs = {"num_labels": weights.get_slice(name).get_shape()[0]}
    adapted = AutoPeftModelForSequenceClassification.from_pretrained(
        directory, dtype=dtype, **outputs
    )
    return adapted.merge_and_unload()


def start_reward_model(ref: str, device: torch.device, *, full: bool) -> Loaded:
    """A reward model to train: the body of `ref`, and one output with a fresh small head.

    Raises:
        InputError: `ref` is not a model that can carry such a head.
    """
    model_files.check(ref, "start of a reward model")
    from transformers import AutoModelForSequenceClassification

    tokenizer = load_tokenizer(ref)
    with _sentences(ref):
        model = AutoModelForSequenceClassification.from_pretrained(
            ref,
            num_labels=1,
            dtype=weights_dtype(device, trained=full),
            ignore_mismatched_sizes=True,
        )
    separate_pad(model, tokenizer)
    return Loaded(model.to(device), tokenizer, ref)


def separate_pad(model: Any, tokenizer: Any) -> None:
    """Give a reward model a pad token that is not EOS.

    It finds the place of its score as the last token that is not padding. Were padding EOS, the
    EOS at which it is trained to score would count as padding.
    """
    eos = tokenizer.eos_token_id
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == eos:
        others = [tokenizer.unk_token, *getattr(tokenizer, "extra_special_tokens", [])]
        spare = [t for t in others if t and tokenizer.convert_tokens_to_ids(t) != eos]
        if spare:
            tokenizer.pad_token = spare[0]
        else:
            tokenizer.add_special_tokens({"pad_token": PAD})
        if len(tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(tokenizer))
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id


def fill_token(tokenizer: Any) -> int:
    """What fills the masked places of a language model's batches; any token would do there."""
    for token in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    return 0


def context_length(loaded: Loaded) -> int:
    """Tokens of prompt and completion that the model takes at most."""
    shape = loaded.model.config.get_text_config()
    return int(getattr(shape, "max_position_embeddings", 0) or DEFAULT_CONTEXT)


def stop_tokens(loaded: Loaded) -> list[int]:
    """Tokens that end a response: the tokenizer's EOS and those of the generation config."""
    named = getattr(loaded.model.generation_config, "eos_token_id", None)
    listed = named if isinstance(named, list) else [named]
    return sorted({int(t) for t in [loaded.tokenizer.eos_token_id, *listed] if t is not None})


def lora_config(options: TrainOptions, task: Literal["CAUSAL_LM", "SEQ_CLS"]) -> Any:
    """The adapter's shape: all linear layers; a reward model's head is trained whole."""
    from peft import LoraConfig

    return LoraConfig(
        task_type=task,
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules="all-linear",
        modules_to_save=["score"] if task == "SEQ_CLS" else None,
    )


def learning_rate(options: TrainOptions, stage: Stage, parameters: int) -> float:
    """The rate asked for, or by the model's size when it is 0."""
    if options.learning_rate:
        return options.learning_rate
    rate = next(rate for limit, rate in RATES[stage] if parameters < limit)
    return (
        rate * LORA_FACTOR if options.tune == "lora" and parameters >= RATES[stage][0][0] else rate
    )


def save(model: Any, tokenizer: Any, directory: Path) -> None:
    """Write a whole model that loads by itself; an adapter is merged into its base first."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
