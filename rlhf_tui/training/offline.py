"""What SFT, DPO and KTO share before their trainer begins: model, renderer, words on the rows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import EpochOptions
from rlhf_tui.counting import count
from rlhf_tui.records import Text

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.data import Row
    from rlhf_tui.training.models import Loaded
    from rlhf_tui.training.rendering import Renderer


@dataclass
class Start:
    """A language model about to be trained, and how its texts become tokens."""

    loaded: Loaded
    renderer: Renderer


def begin(context: RunContext, options: EpochOptions) -> Start:
    """Load the model to start from; its tokenizer has a pad token afterwards.

    Raises:
        InputError: it is not a language model.
        UsageError: device, precision and quantization do not go together.
    """
    from rlhf_tui.training import models, tuning
    from rlhf_tui.training.rendering import Renderer, rendering_for

    context.progress(0, 0, "loading the model", phase="loading")
    loaded = tuning.load_policy(options)
    if loaded.tokenizer.pad_token is None:
        # Only masked places are filled with it: labels and masks are made from the rows' lengths,
        # never from where a token is the pad token, so that it may be EOS.
        loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    rendering = rendering_for(loaded.tokenizer, options.max_length, models.context_length(loaded))
    return Start(loaded, Renderer(loaded.tokenizer, rendering))


def say(context: RunContext, sentence: str) -> None:
    """Write a line into the run's log, once however many processes there are."""
    if context.is_main:
        print(sentence, flush=True)


def findings(
    start: Start, options: EpochOptions, prompts: Sequence[Text], rows: int, validation: int
) -> list[str]:
    """What the rows are like, and what that means for the run, in sentences for its log.

    Args:
        prompts: of the training rows.
        rows: to train on; packed ones count as one.
        validation: rows to validate on.
    """
    found = [start.renderer.overlong.report() or f"{count(len(prompts), 'row')}, none over-long."]
    dialogues = sum(not isinstance(prompt, str) for prompt in prompts)
    if dialogues and start.renderer.rendering.messages == "plain":
        found.append(
            "The tokenizer has no chat template: conversations are written as plain dialogue,"
            " '\\n\\nHuman: …\\n\\nAssistant: …'."
        )
    wanted = options.batch_size * options.gradient_accumulation
    if rows < wanted:
        found.append(f"{count(rows, 'row')} cannot fill a step of {wanted:,}: each step takes all.")
    if not validation:
        found.append("There is nothing to validate on, so that overfitting will not show.")
    return found


def learn(
    context: RunContext,
    options: EpochOptions,
    start: Start,
    prompts: Sequence[Text],
    shown: Sequence[Text],
    train: list[Row],
    validation: list[Row],
    make: Callable[..., Any],
) -> None:
    """Say what the rows are like, and train on them to the end.

    Args:
        prompts: of the training rows, as many as there are examples.
        shown: held-out prompts whose answers are kept to read.
        train, validation: as the trainer takes them.
        make: makes the trainer of context, options, start and both sorts of rows.
    """
    from rlhf_tui.training import hf_trainer
    from rlhf_tui.training.written import Written

    def made() -> Any:
        trainer = make(context, options, start, train, validation)
        if shown:
            trainer.add_callback(Written(context, trainer, start.loaded, start.renderer, shown))
        return trainer

    for sentence in findings(start, options, prompts, len(train), len(validation)):
        say(context, sentence)
    hf_trainer.train(
        context,
        made,
        start.loaded.tokenizer,
        examples=len(prompts) / len(train),
    )


def data(start: Start, train: list[Row], validation: list[Row]) -> dict[str, Any]:
    """What all of TRL's trainers call alike: both data sets, and the tokenizer."""
    from datasets import Dataset

    return {
        "train_dataset": Dataset.from_list(train),
        "eval_dataset": Dataset.from_list(validation) if validation else None,
        "processing_class": start.loaded.tokenizer,
    }


def compared(loaded: Loaded, options: EpochOptions) -> dict[str, Any]:
    """The model to train and the reference that it is compared with, as TRL calls them."""
    from rlhf_tui.training import tuning

    without_dropout(loaded.model)
    # Copied before anything is trained or resumed; an adapter is turned off instead.
    reference = None if options.tune == "lora" else copy.deepcopy(loaded.model)
    return {"model": tuning.prepare(loaded, options, "CAUSAL_LM"), "ref_model": reference}


def without_dropout(model: Any) -> Any:
    """Turn a model's own dropout off, as log-probabilities are to be compared with a reference's.

    Called before an adapter is put on: the adapter's dropout is an option of its own.
    """
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model
