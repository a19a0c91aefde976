"""How many steps a run takes, and how many tokens each: counted as the trainers count."""

from __future__ import annotations

import math

import msgspec

from rlhf_tui.config.group_sizes import sizes
from rlhf_tui.config.options import (
    EpochOptions,
    EvaluateOptions,
    GenerateOptions,
    GroupOptions,
    OnlineOptions,
    Options,
    SFTOptions,
    TrainOptions,
)
from rlhf_tui.runs.rendered import Lengths

CHARACTERS = 4.0
"""A token's, where nobody counted: of English text in most vocabularies."""


class Data(msgspec.Struct, frozen=True):
    """What of a data set decides about steps, time and memory."""

    rows: int
    """To train on, or to work on."""
    prompts: int
    """Distinct ones of these."""
    texts: int
    """Distinct texts of pairs, each with its prompt; 0 for other data."""
    lengths: Lengths
    """In tokens."""
    counted: bool
    """Whether the tokens were counted; else they are characters / 4."""
    packed_rows: int = 0
    """Rows after packing, where they were packed to see."""
    crowded: bool = False
    """Whether prompts of pairs have more texts than a row of the reward model's trainer takes."""


class Steps(msgspec.Struct, frozen=True):
    """The length of a run."""

    steps: int
    tokens: float
    """Read or written in a step, padding not counted."""
    exact: bool = True
    unit: str = "steps"


def tokens_of(characters: Lengths, per_token: float = CHARACTERS) -> Lengths:
    """Lengths in tokens of lengths in characters, by a token's usual characters."""
    return Lengths(
        texts=characters.texts,
        mean=characters.mean / per_token,
        longest=characters.longest / per_token,
        prompt=characters.prompt / per_token,
    )


def steps_of(kind: str, options: Options, data: Data) -> Steps | None:
    """The steps of a run; None for a kind that has none.

    Raises:
        UsageError: a rollout's responses cannot be shared out evenly.
    """
    mean = _read(options, data.lengths.mean)
    if isinstance(options, OnlineOptions):
        answers = _answers(options)
        prompt = min(data.lengths.prompt, max(1, options.max_length - options.response_length))
        return Steps(options.total_steps, answers * (prompt + options.response_length), True)
    if isinstance(options, GenerateOptions):
        prompts = min(data.rows, options.limit) if options.limit else data.rows
        return Steps(
            prompts * options.k, data.lengths.prompt + options.max_new_tokens, unit="completions"
        )
    if isinstance(options, EvaluateOptions):
        return Steps(data.rows, mean, unit="rows")
    if not isinstance(options, EpochOptions):
        return None
    rows, exact = _rows(kind, options, data)
    batches = math.ceil(math.ceil(rows / options.batch_size) / processes_of(options))
    per_epoch = max(1, math.ceil(batches / options.gradient_accumulation))
    steps = options.max_steps or math.ceil(options.epochs * per_epoch)
    per_pass = (
        options.batch_size * processes_of(options) * options.gradient_accumulation
        if batches > options.gradient_accumulation
        else rows
    )
    tokens = min(per_pass, rows) * mean * sequences_of(kind, data)
    if isinstance(options, SFTOptions) and options.packing:
        tokens = min(per_pass, rows) * mean * data.rows / max(1, rows)
    return Steps(steps, tokens, exact or bool(options.max_steps))


def processes_of(options: Options) -> int:
    return max(1, options.processes) if isinstance(options, TrainOptions) else 1


def sequences_of(kind: str, data: Data) -> float:
    """Sequences that a row of a batch is read as."""
    if kind == "dpo":
        return 2.0
    if kind == "rm":
        # A prompt with all of its texts, each read once.
        return data.texts / max(1, data.prompts)
    return 1.0


def _rows(kind: str, options: EpochOptions, data: Data) -> tuple[int, bool]:
    """Rows as the trainer passes over them, and whether their number is sure."""
    if kind == "rm":
        return data.prompts, not data.crowded
    if isinstance(options, SFTOptions) and options.packing:
        if data.packed_rows:
            return data.packed_rows, True
        tokens = data.rows * _read(options, data.lengths.mean)
        return max(1, math.ceil(tokens / options.max_length)), False
    return data.rows, True


def _answers(options: OnlineOptions) -> int:
    """Responses of a rollout."""
    if isinstance(options, GroupOptions):
        return sizes(options, processes_of(options)).rollout
    return options.rollout_batch_size


def _read(options: Options, mean: float) -> float:
    """A mean length under the option that cuts."""
    return min(mean, float(getattr(options, "max_length", mean)))
