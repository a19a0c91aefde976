"""Models and tokenizers: loading with errors in words, devices, pad tokens."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rlhf_tui.config.options import Options
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.training import adapters, model_files, quantizing
from rlhf_tui.training.precision import precision_of, weights_dtype

PAD = "<|pad|>"
"""Added to a reward model whose tokenizer has no pad token apart from EOS."""
DEFAULT_CONTEXT = 1024
"""Tokens, for a model whose config does not say how many it takes."""


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
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        # One of several processes, which torchrun numbers: each has a GPU of its own.
        name = f"cuda:{os.environ['LOCAL_RANK']}"
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


@contextmanager
def sentences(ref: str) -> Iterator[None]:
    """Turn what the loaders raise for a bad or absent model into a sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        if first.endswith(":"):
            # The Hub's own words stand on the next line.
            first = " ".join(str(error).split())[:300]
        first = first.rstrip(".")
        raise InputError(
            f"The model {ref!r} cannot be loaded: {first}.", hint=model_files.loading_hint(ref)
        ) from error


def _located(ref: str, use: model_files.Use) -> str:
    """Where the loaders find a model: an adapter of the Hub is fetched into a folder first.

    Raises:
        InputError: it cannot serve as `use`.
    """
    model_files.check(ref, use)
    where = adapters.fetched(ref)
    if where != ref:
        model_files.check(where, use)
    return where


def load_tokenizer(ref: str) -> Any:
    """The tokenizer of a model, padding on the left (for generation; trainers pad by themselves).

    Raises:
        InputError: there is none that can be loaded.
    """
    from transformers import AutoTokenizer

    with sentences(ref):
        return AutoTokenizer.from_pretrained(ref, padding_side="left")


def load_policy(
    ref: str,
    device: torch.device,
    *,
    trained: bool,
    precision: str = "auto",
    quantization: str = "none",
) -> Loaded:
    """A causal language model in evaluation mode; adapter folders are merged into their base.

    Args:
        trained: whether its own weights will be trained (then float32).
        precision: as the option of that name.
        quantization: of frozen weights: none, 8bit or 4bit.

    Raises:
        InputError: `ref` is not a language model.
        UsageError: the device does not know the precision, or bitsandbytes is missing.
    """
    where = _located(ref, "language model")
    from transformers import AutoModelForCausalLM

    dtype = weights_dtype(precision_of(precision, device), trained=trained)
    tokenizer = load_tokenizer(ref)
    with sentences(ref):
        if quantization != "none":
            model = quantizing.load(AutoModelForCausalLM, where, device, quantization, dtype)
        else:
            model = _whole_policy(where, dtype).to(device)
    return _named(model.eval(), tokenizer, ref)


def _whole_policy(ref: str, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM

    base, stacked = adapters.chain(Path(ref))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
    for directory in stacked:
        model = adapters.put_on(model, directory, len(load_tokenizer(str(directory))), dtype)
    return model


def load_reward_model(ref: str, device: torch.device, *, precision: str = "auto") -> Loaded:
    """A finished scorer: a reward model of ours, or any text-classification model.

    Adapter folders (checkpoints with LoRA) are merged into their base, with the head they hold.

    Raises:
        InputError: `ref` is not one; a body without a trained head, say.
    """
    where = _located(ref, "reward model")
    tokenizer = load_tokenizer(ref)
    dtype = weights_dtype(precision_of(precision, device), trained=False)
    with sentences(ref):
        model = _whole_classifier(where, dtype)
    if (Path(where) / model_files.ADAPTER).exists():
        # As it was trained: the base's own may be its EOS, where the score is read.
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return _named(model.to(device).eval(), tokenizer, ref)


def _whole_classifier(ref: str, dtype: torch.dtype, **head: Any) -> Any:
    """A classifier of whatever `ref` is: one already, a language model's body, or an adapter.

    Args:
        head: num_labels of the head that is wanted; without it the one that is there.

    Raises:
        InputError: the one that is there would be random.
    """
    from transformers import AutoModelForSequenceClassification

    path = Path(ref)
    if not (path / model_files.ADAPTER).exists():
        model, found = AutoModelForSequenceClassification.from_pretrained(
            ref,
            dtype=dtype,
            ignore_mismatched_sizes=bool(head),
            output_loading_info=True,
            **head,
        )
        if not head:
            _refuse_random(ref, found["missing_keys"])
        return model
    if model_files.read_adapter(path).get("task_type") != "SEQ_CLS":
        if not head:
            _refuse_random(ref, ["score.weight"])
        policy = _whole_policy(ref, dtype)
        shape = copy.deepcopy(policy.config)
        shape.num_labels = head.get("num_labels", 1)
        model = AutoModelForSequenceClassification.from_config(shape, dtype=dtype)
        model.base_model.load_state_dict(policy.base_model.state_dict())
        return model
    if adapters.has_head(path) or head:
        head = {"num_labels": adapters.outputs_of(path)}
    # An adapter without a head leaves the scoring to its base's.
    base = _whole_classifier(adapters.base_of(path), dtype, **head)
    return adapters.put_on(base, path, len(load_tokenizer(ref)), dtype)


def _refuse_random(ref: str, missing: Iterable[str]) -> None:
    """Refuse a model of which `missing` weights were not in its files, but drawn at random."""
    names = ", ".join(sorted(missing)[:3])
    if names:
        raise InputError(
            f"{ref!r} is not a reward model: its files hold no {names}, so that its scores would"
            " be random.",
            hint="Train one with `rlhf-tui train rm`, or give a text-classification model.",
        )


def merged(directory: Path) -> Loaded:
    """An adapter folder as a whole model on the CPU, in the number format of its base.

    Raises:
        InputError: it is no adapter folder, or its base cannot be loaded.
    """
    ref = str(directory)
    if not (directory / model_files.ADAPTER).exists():
        model_files.read_config(directory)
        raise InputError(f"{ref!r} is a whole model already: there is no adapter to merge.")
    from transformers import AutoConfig

    tokenizer = load_tokenizer(ref)
    base, _ = adapters.chain(directory)
    with sentences(ref):
        dtype = AutoConfig.from_pretrained(base).dtype or torch.float32
        if model_files.read_adapter(directory).get("task_type") == "SEQ_CLS":
            model = _whole_classifier(ref, dtype)
            model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
        else:
            model = _whole_policy(ref, dtype)
    return Loaded(model.eval(), tokenizer, ref)


def start_reward_model(
    ref: str,
    device: torch.device,
    *,
    full: bool,
    precision: str = "auto",
    quantization: str = "none",
) -> Loaded:
    """A reward model to train: the body of `ref`, and one output with a fresh small head.

    Args:
        full: whether the body's own weights will be trained (then float32).

    Raises:
        InputError: `ref` is not a model that can carry such a head.
        UsageError: the device does not know the precision, or bitsandbytes is missing.
    """
    where = _located(ref, "start of a reward model")
    from transformers import AutoModelForSequenceClassification

    dtype = weights_dtype(precision_of(precision, device), trained=full)
    tokenizer = load_tokenizer(ref)
    with sentences(ref):
        if quantization != "none":
            model = quantizing.load(
                AutoModelForSequenceClassification, where, device, quantization, dtype, num_labels=1
            )
        else:
            model = _whole_classifier(where, dtype, num_labels=1).to(device)
    separate_pad(model, tokenizer)
    return _named(model, tokenizer, ref)


def _named(model: Any, tokenizer: Any, ref: str) -> Loaded:
    # What an adapter trained on it will name as its base: this one, merged, and not its own base.
    model.name_or_path = ref
    return Loaded(model, tokenizer, ref)


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
