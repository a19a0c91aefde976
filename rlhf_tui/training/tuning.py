"""Which weights a run trains: all, a LoRA adapter, or the last block with the head alone.

`load_policy` or `load_reward_model` gives a model in the number format that fits, `prepare` marks
what is trained, and `save` writes the run's model at its end. Every trainer goes through these.
Sources: Hu 2021 (LoRA); all linear layers and the rate as Schulman 2025, 'LoRA Without Regret'.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from rlhf_tui.config.options import TrainOptions
from rlhf_tui.errors import InputError, UsageError, nearest
from rlhf_tui.runs.checkpoints import PARTIAL
from rlhf_tui.training import models
from rlhf_tui.training.models import Loaded

Task = Literal["CAUSAL_LM", "SEQ_CLS"]


def load_policy(options: TrainOptions) -> Loaded:
    """The language model that a run starts from, in evaluation mode.

    Raises:
        InputError: it is not one.
        UsageError: device, precision and quantization do not go together.
    """
    return models.load_policy(
        options.model,
        models.device_of(options),
        trained=options.tune != "lora",
        precision=options.precision,
        quantization=options.quantization,
    )


def load_reward_model(options: TrainOptions) -> Loaded:
    """The body that a reward model starts from, with a fresh head of one output.

    Raises:
        InputError, UsageError: as `load_policy`.
    """
    return models.start_reward_model(
        options.model,
        models.device_of(options),
        full=options.tune != "lora",
        precision=options.precision,
        quantization=options.quantization,
    )


def prepare(loaded: Loaded, options: TrainOptions, task: Task) -> Any:
    """The model to train: exactly the weights that `tune` names require gradients.

    With lora it is a PeftModel around the loaded one, its adapter fresh from the run's seed;
    else the loaded model itself.

    Raises:
        UsageError: no module is called as lora_target has it.
        InputError: the last block cannot be told, or there is no head.
    """
    torch.manual_seed(options.seed)
    model = loaded.model
    if options.tune == "full":
        return model.requires_grad_(True)
    if options.tune == "last-layer":
        return _last_layer(loaded)
    from peft import get_peft_model

    adapted = get_peft_model(model, lora_config(model, options, task))
    # A reward model's head is loaded with the frozen body, in its number format.
    in_float32(adapted)
    return adapted


def in_float32(model: Any) -> None:
    """Hold all trained weights in float32; TRL's trainers round those over a quantized base."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def save(model: Any, tokenizer: Any, directory: Path, *, merge: bool = True) -> None:
    """Write a run's model with its tokenizer.

    Args:
        merge: make a whole model of an adapter and its base; else the adapter is written alone,
            and names its base. A model without an adapter is whole in any case.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if not hasattr(model, "merge_and_unload"):
        model.save_pretrained(directory)
    elif not merge:
        model.save_pretrained(directory)
        # PEFT's model card is a form that nobody has filled in.
        (directory / "README.md").unlink(missing_ok=True)
    elif getattr(model.get_base_model(), "is_quantized", False):
        _merge_into_whole(model, tokenizer, directory)
    else:
        model.merge_and_unload().save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def _merge_into_whole(model: Any, tokenizer: Any, directory: Path) -> None:
    """Merge an adapter into its base as it was before it was quantized.

    Merged into the rounded weights it would be rounded itself.
    """
    import tempfile

    # Called so that the run's next worker removes what a killed one left.
    with tempfile.TemporaryDirectory(PARTIAL, ".merge-", directory.parent) as name:
        aside = Path(name)
        model.save_pretrained(aside)
        tokenizer.save_pretrained(aside)
        models.merged(aside).model.save_pretrained(directory)


# --- adapters -------------------------------------------------------------------------------


def lora_config(model: Any, options: TrainOptions, task: Task) -> Any:
    """The adapter's shape: all linear layers or those named; a classifier's head is trained whole.

    Raises:
        UsageError: no module that can take an adapter is called so.
    """
    from peft import LoraConfig

    head = [name for name, _ in _heads(model)] if task == "SEQ_CLS" else []
    check_targets(model, options.lora_target, without=head)
    return LoraConfig(
        task_type=task,
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=options.lora_target or "all-linear",
        modules_to_save=head or None,
    )


def check_targets(model: Any, targets: Sequence[str], without: Sequence[str] = ()) -> None:
    """Refuse names that no module which can take an adapter has, or ends with.

    Args:
        without: top-level modules that are trained whole.

    Raises:
        UsageError: names the nearest module.
    """
    from transformers.pytorch_utils import Conv1D

    kinds = (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv1d, Conv1D)
    known = [
        name
        for name, module in model.named_modules()
        if isinstance(module, kinds) and name.partition(".")[0] not in without
    ]
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in known):
            raise UsageError(
                f"lora_target names {target!r}, but the model has no such module that can take"
                " an adapter.",
                hint=nearest(target, {name.rpartition(".")[2] for name in known}),
            )


# --- the last block alone -------------------------------------------------------------------


def _last_layer(loaded: Loaded) -> Any:
    """Train the last block, the norm behind it and the head; freeze everything else.

    A head whose weights are also the input embeddings stays frozen with them: training it would
    change the first layer as well.
    """
    model = loaded.model
    blocks, norms = last_block(model, loaded.source)
    inside = {id(p) for p in model.base_model.parameters()}
    heads = [p for _, head in _heads(model) for p in head.parameters() if id(p) not in inside]
    model.requires_grad_(False)
    for module in [blocks[-1], *norms]:
        module.requires_grad_(True)
    for parameter in heads:
        parameter.requires_grad_(True)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    head = "the head" if heads else "not the head, whose weights are the embeddings'"
    print(
        f"Trained: the last of {len(blocks)} blocks, the norm behind it, {head}:"
        f" {trained:,} of {loaded.parameters:,} parameters.",
        flush=True,
    )
    return model


def last_block(model: Any, ref: str) -> tuple[Any, list[Any]]:
    """The list of a model's blocks, and the norms that stand beside it.

    The blocks are the one outermost list as long as the config says that the model is deep; its
    neighbours that are norms, other than of embeddings, are applied behind the last block.

    Raises:
        InputError: there is no such list, or several.
    """
    depth = getattr(model.config.get_text_config(), "num_hidden_layers", 0)
    lists: dict[str, Any] = {}
    for name, module in model.named_modules():
        nested = any(name.startswith(f"{outer}.") for outer in lists)
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth and not nested:
            lists[name] = module
    if len(lists) != 1:
        raise InputError(
            f"Which is the last block of {ref!r} cannot be told from its architecture"
            f" ({type(model).__name__}).",
            hint="Use tune = 'lora' or 'full'.",
        )
    ((name, blocks),) = lists.items()
    parent = model.get_submodule(name.rpartition(".")[0])
    norms = [
        child
        for beside, child in parent.named_children()
        if "norm" in type(child).__name__.lower() and "embed" not in beside
    ]
    return blocks, norms


def _heads(model: Any) -> list[tuple[str, Any]]:
    """The top-level modules with weights that are not the model's body."""
    return [
        (name, child)
        for name, child in model.named_children()
        if child is not model.base_model and any(True for _ in child.parameters())
    ]
