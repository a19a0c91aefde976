"""The reward model by TRL's RewardTrainer: pairs weighed so that each ranking counts once.

A ranking of k completions gives up to k(k-1)/2 pairs that are far from independent. Each carries
the weight 1/(pairs of that ranking), so that a ranking of nine says no more than one of two.
"""

from __future__ import annotations

import random
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import RewardOptions
from rlhf_tui.counting import count
from rlhf_tui.errors import NothingToDo
from rlhf_tui.training.process import prepare

NEEDED = ("prompt", "chosen", "rejected", "weight", "ranking_id", "prompt_id")
MAX_TEXTS = 16
"""Texts of a prompt in one row at most: a prompt ranked again and again becomes several rows."""

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.models import Loaded
    from rlhf_tui.training.rendering import Renderer, Rendering


@dataclass
class Start:
    """A reward model about to be trained, and what on."""

    loaded: Loaded
    rendering: Rendering
    train: list[dict[str, Any]]
    """Rows of `group_reward`."""
    validation: list[dict[str, Any]]

    def save_rendering(self, directory: Path) -> None:
        """Say in a folder of this model how it reads; a checkpoint can be scored with, too."""
        from rlhf_tui.training.rendering import save_rendering

        save_rendering(directory, self.rendering)


def run(context: RunContext) -> None:
    """Train a reward model on the run's preference snapshot.

    Raises:
        NothingToDo: the snapshot has no pairs.
        InputError: the model or a row cannot be used.
    """
    options = context.options(RewardOptions)
    prepare(options)
    if options.learning_curve:
        from rlhf_tui.training import learning_curve

        learning_curve.run(context, options)
        return
    from rlhf_tui.training import hf_trainer

    start = ready(context, options)
    hf_trainer.train(
        context,
        lambda: trainer_of(context, options, start),
        start.loaded.tokenizer,
        start.save_rendering,
    )


def ready(
    context: RunContext, options: RewardOptions, prompts: Container[str] | None = None
) -> Start:
    """Load the model to start from, and the rows.

    Args:
        prompts: train on the pairs of these prompts alone; None: of all.

    Raises:
        NothingToDo: there are no pairs.
    """
    from rlhf_tui.training import models, tuning
    from rlhf_tui.training.rendering import Renderer, rendering_for

    context.progress(0, 0, "loading the model", phase="loading")
    loaded = tuning.load_reward_model(options)
    rendering = rendering_for(loaded.tokenizer, options.max_length, models.context_length(loaded))
    renderer = Renderer(loaded.tokenizer, rendering)
    train = _groups(context, options, renderer, "train", prompts)
    if not train:
        raise NothingToDo(
            "There are no preferences to learn from yet.",
            hint="Rank completions with `rlhf-tui label`, or import preferences.",
        )
    validation = _groups(context, options, renderer, "validation")
    print(renderer.overlong.report() or f"{count(len(train), 'prompt')} with pairs.", flush=True)
    if options.margin and not any(any(group["strength"]) for group in train):
        print("No preference says how strong it is, so that margin changes nothing.", flush=True)
    return Start(loaded, rendering, train, validation)


def trainer_of(context: RunContext, options: RewardOptions, start: Start) -> Any:
    """The trainer of a model that is ready, writing into the run's directory."""
    from datasets import Dataset
    from trl import RewardConfig

    from rlhf_tui.training import hf_trainer, tuning
    from rlhf_tui.training.group_reward import GroupCollator, GroupRewardTrainer

    loaded, validation = start.loaded, start.validation
    return GroupRewardTrainer(
        model=tuning.prepare(loaded, options, "SEQ_CLS"),
        args=RewardConfig(
            **hf_trainer.arguments(options, context, loaded, "rm", validation),
            center_rewards_coefficient=options.center_rewards or None,
        ),
        data_collator=GroupCollator(pad_token_id=loaded.tokenizer.pad_token_id),
        train_dataset=Dataset.from_list(start.train),
        eval_dataset=Dataset.from_list(validation) if validation else None,
        processing_class=loaded.tokenizer,
        margin=options.margin,
        label_smoothing=options.label_smoothing,
    )


def _groups(
    context: RunContext,
    options: RewardOptions,
    renderer: Renderer,
    split: Any,
    only: Container[str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of `group_reward`: each text of a prompt once, and all pairs with their weights."""
    from rlhf_tui.training.data import read_snapshot

    rows = read_snapshot(context, split, NEEDED)
    if only is not None:
        rows = [row for row in rows if row["prompt_id"] in only]
    if options.pairs == "one-per-ranking":
        rows = one_per_ranking(rows, options.seed)
    prompts = [row["prompt"] for row in rows]
    chosen = renderer.scored(prompts, [row["chosen"] for row in rows])
    rejected = renderer.scored(prompts, [row["rejected"] for row in rows])
    groups: list[dict[str, Any]] = []
    current: dict[str, dict[str, Any]] = {}
    for row, better, worse in zip(rows, chosen, rejected, strict=True):
        group = current.get(row["prompt_id"])
        if group is None or len(group["texts"]) + 2 > MAX_TEXTS:
            group = {"texts": [], "chosen": [], "rejected": [], "weight": [], "strength": []}
            group["prompt_id"] = row["prompt_id"]
            current[row["prompt_id"]] = group
            groups.append(group)
        group["chosen"].append(_place(group["texts"], better))
        group["rejected"].append(_place(group["texts"], worse))
        group["weight"].append(row["weight"])
        group["strength"].append(float(row.get("strength") or 0.0))
    share = sum(row["weight"] for row in rows) / max(1, len(groups))
    for group in groups:
        group["weight"] = [weight / share for weight in group["weight"]]
    return groups


def _place(texts: list[list[int]], ids: list[int]) -> int:
    """Where a text stands in its group, put there if it is new."""
    if ids not in texts:
        texts.append(ids)
    return texts.index(ids)


def one_per_ranking(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """One pair drawn from each ranking, of weight 1; a snapshot drawn already stays as it is."""
    rankings: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        rankings.setdefault(row["ranking_id"], []).append(row)
    draw = random.Random(seed)
    return [{**draw.choice(pairs), "weight": 1.0} for pairs in rankings.values()]
