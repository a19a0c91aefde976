"""Supervised fine-tuning by TRL's SFTTrainer, on rows that our own renderer tokenised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import SFTOptions
from rlhf_tui.errors import NothingToDo
from rlhf_tui.training.data import IGNORED, Row, read_snapshot
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.offline import Start
    from rlhf_tui.training.rendering import Renderer

NEEDED = ("prompt", "completion")


def run(context: RunContext) -> None:
    """Fine-tune a language model on the run's prompt-completion snapshot.

    Raises:
        NothingToDo: the snapshot has no rows.
        InputError: the model or a row cannot be used.
    """
    options = context.options(SFTOptions)
    prepare(options)
    from rlhf_tui.training import offline, packing, written

    rows = read_snapshot(context, "train", NEEDED)
    if not rows:
        raise NothingToDo(
            "There is nothing to fine-tune on yet.",
            hint="Import demonstrations, or use --include thumbs-up or best-ranked.",
        )
    start = offline.begin(context, options)
    train = tokens(rows, start.renderer, options)
    held_out = read_snapshot(context, "validation", NEEDED)
    validation = tokens(held_out, start.renderer, options)
    if options.packing:
        packing.check_apart(start.loaded.model, start.loaded.source)
        train = packing.pack(train, start.renderer.rendering.max_length)
        offline.say(context, f"{len(rows):,} examples packed into {len(train):,} rows.")
    prompts = [row["prompt"] for row in rows]
    shown = written.first_prompts(held_out, options.samples)
    offline.learn(context, options, start, prompts, shown, train, validation, trainer_of)


def trainer_of(
    context: RunContext,
    options: SFTOptions,
    start: Start,
    train: list[Row],
    validation: list[Row],
) -> Any:
    """The trainer of a model that is ready, writing into the run's directory."""
    from trl import SFTConfig

    from rlhf_tui.training import hf_trainer, offline, tuning
    from rlhf_tui.training.packing import PackedCollator
    from rlhf_tui.training.token_trainer import TokenTrainer

    loaded = start.loaded
    pad = loaded.tokenizer.pad_token_id
    return TokenTrainer(
        model=tuning.prepare(loaded, options, "CAUSAL_LM"),
        args=SFTConfig(
            **hf_trainer.arguments(options, context, loaded, "sft", validation),
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        data_collator=PackedCollator(pad) if options.packing else None,
        **offline.data(start, train, validation),
    )


def tokens(rows: list[Row], renderer: Renderer, options: SFTOptions) -> list[Row]:
    """Tokens and labels; the loss counts the response and its EOS, or all of it."""
    rendered = renderer.rows([r["prompt"] for r in rows], [r["completion"] for r in rows])
    return [
        {
            "input_ids": row.prompt + row.completion,
            "labels": ([IGNORED] * len(row.prompt) if options.loss_on == "response" else row.prompt)
            + row.completion,
        }
        for row in rendered
    ]
