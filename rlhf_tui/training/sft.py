"""Supervised fine-tuning by TRL's SFTTrainer, on rows that our own renderer tokenised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import SFTOptions
from rlhf_tui.errors import NothingToDo
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.rendering import Renderer

IGNORED = -100
"""The label of a token that the loss leaves out, in torch's cross entropy."""


def run(context: RunContext) -> None:
    """Fine-tune a language model on the run's prompt-completion snapshot.

    Raises:
        NothingToDo: the snapshot has no rows.
        InputError: the model or a row cannot be used.
    """
    options = context.options(SFTOptions)
    prepare(options)
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from rlhf_tui.training import hf_trainer, models, tuning
    from rlhf_tui.training.rendering import Renderer, rendering_for

    context.progress(0, 0, "loading the model", phase="loading")
    loaded = tuning.load_policy(options)
    if loaded.tokenizer.pad_token is None:
        # Only masked places are filled with it; labels say what the loss counts.
        loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    renderer = Renderer(
        loaded.tokenizer,
        rendering_for(loaded.tokenizer, options.max_length, models.context_length(loaded)),
    )
    train = _rows(context, options, renderer, "train")
    if not train:
        raise NothingToDo(
            "There is nothing to fine-tune on yet.",
            hint="Import demonstrations, or use --include thumbs-up or best-ranked.",
        )
    validation = _rows(context, options, renderer, "validation")
    print(renderer.overlong.report() or f"{len(train):,} rows, none over-long.", flush=True)
    config = SFTConfig(
        **hf_trainer.arguments(options, context, loaded, "sft", validation),
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    hf_trainer.train(
        context,
        lambda: SFTTrainer(
            model=tuning.prepare(loaded, options, "CAUSAL_LM"),
            args=config,
            train_dataset=Dataset.from_list(train),
            eval_dataset=Dataset.from_list(validation) if validation else None,
            processing_class=loaded.tokenizer,
        ),
        loaded.tokenizer,
    )


def _rows(
    context: RunContext, options: SFTOptions, renderer: Renderer, split: Any
) -> list[dict[str, list[int]]]:
    """Tokens and labels; the loss counts the response and its EOS, or all of it."""
    from rlhf_tui.training.data import read_snapshot

    read = read_snapshot(context, split, ["prompt", "completion"])
    rendered = renderer.rows([r["prompt"] for r in read], [r["completion"] for r in read])
    return [
        {
            "input_ids": row.prompt + row.completion,
            "labels": ([IGNORED] * len(row.prompt) if options.loss_on == "response" else row.prompt)
            + row.completion,
        }
        for row in rendered
    ]
