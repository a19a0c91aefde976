"""DPO by TRL's DPOTrainer, on pairs that our own renderer tokenised and rankings weigh.

Source: Rafailov 2023. The reference is the starting policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import DPOOptions
from rlhf_tui.errors import NothingToDo
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.records import Split
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.data import Row
    from rlhf_tui.training.offline import Start
    from rlhf_tui.training.rendering import Renderer

NEEDED = ("prompt", "chosen", "rejected", "weight", "ranking_id", "prompt_id")


def run(context: RunContext) -> None:
    """Train a policy on the run's preference snapshot.

    Raises:
        NothingToDo: the snapshot has no pairs.
        InputError: the model or a row cannot be used.
    """
    options = context.options(DPOOptions)
    prepare(options)
    from rlhf_tui.training import offline, written

    start = offline.begin(context, options)
    rows = read(context, options, "train")
    if not rows:
        raise NothingToDo(
            "There are no preferences to learn from yet.",
            hint="Rank completions with `rlhf-tui label`, or import preferences.",
        )
    train = tokens(rows, start.renderer)
    held_out = read(context, options, "validation")
    validation = tokens(held_out, start.renderer)
    prompts = [row["prompt"] for row in rows]
    shown = written.first_prompts(held_out, options.samples)
    offline.learn(context, options, start, prompts, shown, train, validation, trainer_of)


def trainer_of(
    context: RunContext,
    options: DPOOptions,
    start: Start,
    train: list[Row],
    validation: list[Row],
) -> Any:
    """The trainer of a model that is ready, writing into the run's directory."""
    from trl import DPOConfig

    from rlhf_tui.training import hf_trainer, offline
    from rlhf_tui.training.pair_trainer import PairCollator, PairTrainer

    loaded = start.loaded
    return PairTrainer(
        **offline.compared(loaded, options),
        args=DPOConfig(
            **hf_trainer.arguments(options, context, loaded, "dpo", validation),
            **trl_options(options),
        ),
        data_collator=PairCollator(pad_token_id=loaded.tokenizer.pad_token_id),
        **offline.data(start, train, validation),
    )


def trl_options(options: DPOOptions) -> dict[str, Any]:
    """What of our options are fields of DPOConfig under other names or values."""
    return {
        "beta": options.beta,
        "loss_type": [*options.loss_type],
        "loss_weights": [*options.loss_weights] or None,
        "label_smoothing": options.label_smoothing,
        "f_divergence_type": options.f_divergence,
        "f_alpha_divergence_coef": options.f_alpha,
        # At 1 every token counts, as without it.
        "ld_alpha": options.ld_alpha if options.ld_alpha < 1 else None,
        "precompute_ref_log_probs": options.precompute_reference,
        # Done by us before the adapter is put on, whose dropout is an option.
        "disable_dropout": False,
    }


def read(context: RunContext, options: DPOOptions, split: Split) -> list[Row]:
    """A split's pairs, one a ranking where that is asked for; weights are 1 on average."""
    from rlhf_tui.training.data import read_snapshot
    from rlhf_tui.training.reward_model import one_per_ranking

    rows = read_snapshot(context, split, NEEDED)
    if options.pairs == "one-per-ranking":
        rows = one_per_ranking(rows, options.seed)
    mean = sum(row["weight"] for row in rows) / max(1, len(rows))
    return [{**row, "weight": row["weight"] / mean} for row in rows]


def tokens(rows: Sequence[Row], renderer: Renderer) -> list[Row]:
    """What the trainer takes: the prompt's tokens, those of both completions, and the weight.

    Both sides of a pair have one prompt: an over-long one is cut for the longer completion.
    """
    prompts = [row["prompt"] for row in rows]
    chosen = renderer.rows(prompts, [row["chosen"] for row in rows])
    rejected = renderer.rows(prompts, [row["rejected"] for row in rows])
    return [
        {
            "prompt_ids": min(better.prompt, worse.prompt, key=len),
            "chosen_ids": better.completion,
            "rejected_ids": worse.completion,
            "weight": row["weight"],
        }
        for row, better, worse in zip(rows, chosen, rejected, strict=True)
    ]
