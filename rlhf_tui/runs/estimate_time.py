"""How long a run takes: by the arithmetic that it does, and by earlier runs where there are any.

A step's arithmetic is 2 operations a weight and token for a forward pass and 4 for a backward
one; to that comes what a device needs to begin each block of a pass. An earlier run of the same
kind on the same sort of device says how far off that is there, which is then put right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from rlhf_tui.config.group_sizes import sizes
from rlhf_tui.config.options import (
    DPOOptions,
    EpochOptions,
    EvaluateOptions,
    GenerateOptions,
    GroupOptions,
    GRPOOptions,
    KTOOptions,
    OnlineOptions,
    Options,
    PPOOptions,
    RLOOOptions,
    TrainOptions,
)
from rlhf_tui.runs.estimate_model import Shape
from rlhf_tui.runs.estimate_steps import Data, Steps, processes_of

BEGIN_S = {"cpu": 4e-4, "cuda": 1.2e-4}
"""Of a block's forward pass, whatever its size: some twenty operations to be started."""
STARTING_S = {"cpu": 8.0, "cuda": 15.0}
"""Imports and the loading of a small model."""
LOADING = 1.5e9
"""Bytes a second that weights are read with."""


class Speed(msgspec.Struct, frozen=True):
    """Of a device: operations a second in matrix products as models have them."""

    flops: float
    told: str
    """What it is called, in a sentence."""


class Earlier(msgspec.Struct, frozen=True):
    """A run that has finished, and what its steps took."""

    run_id: str
    seconds_per_step: float
    starting: float
    """Seconds from its start to the beginning of its first step."""
    modelled: float
    """Seconds a step that the arithmetic gives for it."""


def step_seconds(
    options: Options,
    shape: Shape,
    data: Data,
    steps: Steps,
    *,
    device: str,
    speed: Speed,
    rewards: Sequence[Shape] = (),
) -> float:
    """Seconds a step by arithmetic alone.

    Args:
        device: cpu or cuda.
        rewards: the models that score.
    """
    share = steps.tokens / processes_of(options)
    size = float(shape.parameters)
    begin = BEGIN_S[device] * shape.layers
    if isinstance(options, GenerateOptions):
        rows = max(1, options.batch_size // options.k) * options.k
        return 2 * size * share / speed.flops + begin * options.max_new_tokens / rows
    if isinstance(options, OnlineOptions):
        return _rollout(options, size, share, begin, speed, rewards)
    if isinstance(options, EvaluateOptions):
        return 2 * size * share / speed.flops + begin / options.batch_size
    if not isinstance(options, EpochOptions):
        return 0.0
    work = _learning(options) + (2.0 if isinstance(options, DPOOptions | KTOOptions) else 0.0)
    if isinstance(options, KTOOptions) and options.loss_type == "kto":
        # Policy and reference read the completions for the KL, too.
        work += 4.0
    # A batch is as wide as its longest row.
    longest = min(data.lengths.longest, float(options.max_length))
    padded = share * (0.5 + 0.5 * longest / max(1.0, data.lengths.mean))
    return work * size * padded / speed.flops + 3 * begin * options.gradient_accumulation


def _learning(options: TrainOptions) -> float:
    """Operations a weight and token, forward and backward."""
    again = 2.0 if options.gradient_checkpointing else 0.0
    if options.tune == "full":
        return 6.0 + again
    return (4.0 if options.tune == "lora" else 2.2) + again


def _rollout(
    options: OnlineOptions,
    size: float,
    tokens: float,
    begin: float,
    speed: Speed,
    rewards: Sequence[Shape],
) -> float:
    reference = 2.0
    if isinstance(options, PPOOptions):
        epochs = options.num_ppo_epochs
        passes = math.ceil(options.rollout_batch_size / options.batch_size)
        answers = options.rollout_batch_size
        rounds = math.ceil(answers / max(1, options.batch_size))
    else:
        assert isinstance(options, GroupOptions)
        found = sizes(options, processes_of(options))
        epochs = options.num_iterations
        passes = found.accumulation * options.num_mini_batches
        rounds = math.ceil(found.rollout / (8 * found.forward * processes_of(options)))
        if isinstance(options, RLOOOptions | GRPOOptions) and not options.beta:
            reference = 0.0
    work = 2.0 + reference + 2.0 + epochs * _learning(options)
    scoring = sum(2.0 * model.parameters for model in rewards)
    begins = begin * (
        options.response_length * rounds + passes * (2 + 3 * epochs) + 2 * len(rewards)
    )
    return (work * size + scoring) * tokens / speed.flops + begins


def starting_seconds(shape: Shape, device: str) -> float:
    """Until the first step, without an earlier run to look at."""
    return STARTING_S[device] + 4 * shape.parameters / LOADING


def corrected(modelled: float, earlier: Sequence[Earlier]) -> float:
    """A step's seconds, put right by earlier runs: the median of what they took over what the
    arithmetic gave for them."""
    ratios = sorted(
        run.seconds_per_step / run.modelled
        for run in earlier
        if run.modelled > 0 and run.seconds_per_step > 0
    )
    return modelled * ratios[len(ratios) // 2] if ratios else modelled
