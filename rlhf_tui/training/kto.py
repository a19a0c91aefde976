"""KTO by TRL's KTOTrainer, on thumbs: rows that our own renderer tokenised, both kinds mixed.

Source: Ethayarajh 2024. The reference is the starting policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlhf_tui.config.offline_checks import check_kto_batch, one_sided
from rlhf_tui.config.options import KTOOptions
from rlhf_tui.errors import NothingToDo
from rlhf_tui.training.process import prepare

if TYPE_CHECKING:
    from rlhf_tui.records import Split
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.data import Row
    from rlhf_tui.training.offline import Start
    from rlhf_tui.training.rendering import Renderer

NEEDED = ("prompt", "completion", "label")


def run(context: RunContext) -> None:
    """Train a policy on the run's snapshot of thumbs.

    Raises:
        NothingToDo: the snapshot has no thumbs, or thumbs of one kind alone.
        InputError: the model or a row cannot be used.
        UsageError: the batch is a single row.
    """
    options = context.options(KTOOptions)
    # Also here: a batch that did not fit into memory may have been halved since the launch.
    check_kto_batch(options)
    prepare(options)
    from rlhf_tui.training import offline, written
    from rlhf_tui.training.data import read_snapshot

    rows = read(context, options, "train")
    check(rows)
    start = offline.begin(context, options)
    train = tokens(rows, start.renderer, options)
    validation = tokens(read(context, options, "validation"), start.renderer, options)
    prompts = [row["prompt"] for row in rows]
    # In the snapshot's order, so that they are those of other trainers.
    shown = written.first_prompts(read_snapshot(context, "validation", NEEDED), options.samples)
    offline.learn(context, options, start, prompts, shown, train, validation, trainer_of)


def check(rows: Sequence[Row]) -> None:
    """Refuse what KTO learns nothing from.

    Raises:
        NothingToDo: there are no rows, or all are of one kind.
    """
    if not rows:
        raise NothingToDo(
            "There are no thumbs to learn from yet.",
            hint="Rate completions with `rlhf-tui label --mode thumbs`.",
        )
    kinds = {bool(row["label"]) for row in rows}
    if len(kinds) == 1:
        raise one_sided(kinds.pop(), len(rows))


def trainer_of(
    context: RunContext,
    options: KTOOptions,
    start: Start,
    train: list[Row],
    validation: list[Row],
) -> Any:
    """The trainer of a model that is ready, writing into the run's directory."""
    from trl import KTOConfig

    from rlhf_tui.training import hf_trainer, offline
    from rlhf_tui.training.thumb_trainer import ThumbCollator, ThumbTrainer

    loaded = start.loaded
    return ThumbTrainer(
        **offline.compared(loaded, options),
        args=KTOConfig(
            **hf_trainer.arguments(options, context, loaded, "kto", validation),
            **trl_options(options, *weights(context, options, train)),
        ),
        data_collator=ThumbCollator(
            pad_token_id=loaded.tokenizer.pad_token_id,
            # A prompt was cut for its own completion: the one for the KL may be longer.
            max_length=start.renderer.rendering.max_length,
        ),
        **offline.data(start, train, validation),
    )


def weights(context: RunContext, options: KTOOptions, train: Sequence[Row]) -> tuple[float, float]:
    """λ_D and λ_U, said in the log."""
    from rlhf_tui.training.offline import say
    from rlhf_tui.training.thumb_trainer import balanced

    ups = [row["weight"] for row in train if row["label"]]
    downs = [row["weight"] for row in train if not row["label"]]
    up, down = balanced(sum(ups), sum(downs), options.desirable_weight, options.undesirable_weight)
    say(
        context,
        f"{len(ups):,} thumbs up of weight λ_D = {up:.4g}, {len(downs):,} down of weight"
        f" λ_U = {down:.4g}: λ_D·n_D / λ_U·n_U = {up * sum(ups) / (down * sum(downs)):.3g}.",
    )
    return up, down


def trl_options(options: KTOOptions, up: float, down: float) -> dict[str, Any]:
    """What of our options are fields of KTOConfig under other names or values.

    Args:
        up, down: λ_D and λ_U.
    """
    return {
        "beta": options.beta,
        "loss_type": options.loss_type,
        "desirable_weight": up,
        "undesirable_weight": down,
        "precompute_ref_log_probs": options.precompute_reference,
        # The KL's rows are made of a batch's own, which must stay together.
        "train_sampling_strategy": "sequential",
        # Done by us before the adapter is put on, whose dropout is an option.
        "disable_dropout": False,
    }


def read(context: RunContext, options: KTOOptions, split: Split) -> list[Row]:
    """A split's thumbs in the order in which they are learnt from; weights are 1 on average."""
    from rlhf_tui.training.data import read_snapshot
    from rlhf_tui.training.thumb_trainer import mixed

    rows = read_snapshot(context, split, NEEDED)
    mean = sum(row.get("weight", 1.0) for row in rows) / max(1, len(rows))
    return [
        {**rows[i], "weight": rows[i].get("weight", 1.0) / mean}
        for i in mixed([row["label"] for row in rows], options.seed)
    ]


def tokens(rows: Sequence[Row], renderer: Renderer, options: KTOOptions) -> list[Row]:
    """What the trainer takes: the tokens of prompt and completion, those for the KL, the label."""
    from rlhf_tui.training.thumb_trainer import with_neighbours

    prompts = [row["prompt"] for row in rows]
    rendered = renderer.rows(prompts, [row["completion"] for row in rows])
    found: list[Row] = [
        {
            "prompt_ids": tokens.prompt,
            "completion_ids": tokens.completion,
            "label": bool(row["label"]),
            "weight": row["weight"],
        }
        for row, tokens in zip(rows, rendered, strict=True)
    ]
    if options.loss_type == "apo_zero_unpaired":
        return found
    return with_neighbours(found, prompts, options.batch_size)
