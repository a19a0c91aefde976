"""How much memory a run takes at its peak: weights, gradients, optimizer, activations, libraries.

Weights that are trained are held in 4 bytes, with a gradient (4) and AdamW's two moments (8).
What a block keeps for its backward pass is counted as the inputs of its matrices and norms.
Chunked heads never hold the logits of a whole batch; PPO holds those of its responses.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rlhf_tui.config.options import (
    DPOOptions,
    GenerateOptions,
    GRPOOptions,
    KTOOptions,
    OnlineOptions,
    Options,
    PPOOptions,
    RLOOOptions,
    TrainOptions,
)
from rlhf_tui.runs.estimate_model import Shape
from rlhf_tui.runs.estimate_steps import Data, processes_of, sequences_of

FULL = 4
HALF = 2
QUANTIZED = {"none": 0.0, "8bit": 1.0, "4bit": 0.55}
"""Bytes a frozen weight, its scales included."""
LIBRARIES = {"cpu": 450e6, "cuda": 600e6}
"""Of the process before its model: torch and transformers (measured); on a GPU CUDA's own share,
as it is commonly seen."""
TRL = 130e6
"""What TRL's trainers and datasets add to it, in the machine's own memory."""
BY_TRL = ("sft", "rm", "dpo", "kto", "rloo", "grpo")
SPARE = {"cpu": 1.4, "cuda": 1.15}
"""What an allocator holds beyond what was asked of it; on the CPU as measured."""
WRITTEN_AT_ONCE = 8
"""Times the forward pass's responses that RLOO and GRPO write at once."""


class Memory(msgspec.Struct, frozen=True):
    """Bytes at the peak, by what takes them."""

    libraries: float
    weights: float
    others: float
    """Of models that are not trained: reference, reward model, critic."""
    training: float
    """Gradients and the optimizer's state."""
    activations: float

    @property
    def total(self) -> float:
        return self.libraries + self.weights + self.others + self.training + self.activations


def trained_parameters(options: Options, shape: Shape) -> int:
    """How many weights the run changes."""
    if not isinstance(options, TrainOptions):
        return 0
    if options.tune == "full":
        return shape.parameters
    if options.tune == "last-layer":
        return shape.last_block
    # Named targets are some of all linear layers; how many, the names do not tell.
    return options.lora_rank * shape.adapted


def memory_of(
    kind: str,
    options: Options,
    shape: Shape,
    data: Data,
    *,
    device: str,
    bf16: bool = False,
    rewards: Sequence[Shape] = (),
) -> Memory:
    """What a run takes.

    Args:
        device: cpu or cuda.
        bf16: whether matrix work, and frozen weights, are in 16 bits.
        rewards: the models that score.
    """
    width = HALF if bf16 else FULL
    trained = trained_parameters(options, shape)
    frozen = shape.parameters if not trained else 0
    held = float(trained * FULL)
    if isinstance(options, TrainOptions) and options.tune != "full":
        frozen = shape.parameters - (trained if options.tune == "last-layer" else 0)
        each = QUANTIZED[options.quantization] if options.quantization != "none" else width
        # Trained in part, the rest was loaded in float32 beside it.
        held += frozen * (FULL if options.tune == "last-layer" else each)
    else:
        held += frozen * width
    if bf16 and trained == shape.parameters:
        # Autocast keeps a copy of the matrices in 16 bits for a pass.
        held += HALF * trained
    others = float(sum(model.parameters for model in rewards) * width)
    others += _beside(options, shape, trained)
    training = float(trained * 12)
    if isinstance(options, PPOOptions) and options.critic == "separate":
        training += 12.0 * shape.parameters
    shards = processes_of(options) if _sharded(options) else 1
    spare = SPARE[device]
    return Memory(
        libraries=LIBRARIES[device] + (TRL if device == "cpu" and kind in BY_TRL else 0.0),
        weights=held / shards,
        others=others / shards,
        training=training / shards,
        activations=spare * _activations(kind, options, shape, data, width),
    )


def _sharded(options: Options) -> bool:
    return isinstance(options, TrainOptions) and (
        "fsdp" in options.accelerate or "zero3" in options.accelerate
    )


def _beside(options: Options, shape: Shape, trained: int) -> float:
    """Bytes of the reference, and of a critic of its own."""
    if not isinstance(options, TrainOptions):
        return 0.0
    found = 0.0
    if options.tune != "lora":
        free = isinstance(options, RLOOOptions | GRPOOptions) and not options.beta
        if isinstance(options, DPOOptions | KTOOptions | RLOOOptions | GRPOOptions) and not free:
            found += FULL * shape.parameters
        elif isinstance(options, PPOOptions):
            # What is not trained is shared with it.
            found += FULL * trained
    if isinstance(options, PPOOptions) and options.critic == "separate":
        found += FULL * shape.parameters
    return found


def _activations(kind: str, options: Options, shape: Shape, data: Data, width: int) -> float:
    """Bytes that a pass keeps, of training and of writing whichever is more."""
    rows = int(getattr(options, "batch_size", 1)) * sequences_of(kind, data)
    limit = float(getattr(options, "max_length", 0) or 10**9)
    if isinstance(options, OnlineOptions):
        length = min(limit, data.lengths.longest + options.response_length)
        rows = min(rows, options.rollout_batch_size * getattr(options, "num_generations", 1))
        written = WRITTEN_AT_ONCE if not isinstance(options, PPOOptions) else 1
        cache = _cache(shape, rows * written * length, width)
        keeping = _kept(options, shape, rows * length, width)
        logits = 3.0 * FULL * rows * options.response_length * shape.vocabulary
        return max(cache, keeping + (logits if isinstance(options, PPOOptions) else 0.0))
    if isinstance(options, GenerateOptions):
        length = data.lengths.longest + options.max_new_tokens
        return _cache(shape, rows * length, width) + FULL * 4.0 * rows * shape.vocabulary
    if not isinstance(options, TrainOptions):
        return 4.0 * width * rows * min(limit, data.lengths.longest) * shape.intermediate
    length = min(limit, data.lengths.longest)
    if getattr(options, "packing", False):
        length = limit
    return _kept(options, shape, min(rows, data.rows * sequences_of(kind, data)) * length, width)


def _kept(options: TrainOptions, shape: Shape, tokens: float, width: int) -> float:
    """Bytes kept for the backward pass."""
    block = 8 * shape.hidden + 3 * shape.attention + 2 * shape.keys + 5 * shape.intermediate
    blocks = 1 if options.tune == "last-layer" else shape.layers
    elements = float(blocks * block)
    if options.gradient_checkpointing:
        elements = float(blocks * shape.hidden + block)
    # Norms and residuals stay in 32 bits: a third of it, whatever the matrices are in.
    mean_width = width if width == FULL else (2 * HALF + FULL) / 3
    # The head works in tiles: of each the logits, their exponents and their gradient.
    head = 3.0 * FULL * min(tokens, 1024.0) * shape.vocabulary
    return tokens * elements * mean_width + head


def _cache(shape: Shape, tokens: float, width: int) -> float:
    """Keys and values of what is being written, twice while they are copied to grow."""
    return 2.0 * tokens * shape.layers * 2 * shape.keys * width
