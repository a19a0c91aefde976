"""How a rollout of RLOO or GRPO divides into optimizer steps and forward passes.

With P prompts, k responses each, m minibatches and w processes, every optimizer step takes
P·k/m responses, and each process P·k/(m·w) of them in forward passes of `batch_size` at most.
"""

from __future__ import annotations

import msgspec

from rlhf_tui.config.online_options import GroupOptions
from rlhf_tui.errors import UsageError


class Sizes(msgspec.Struct, frozen=True):
    """The numbers that TRL's trainers are told, for one process unless said."""

    forward: int
    """Responses a forward pass."""
    accumulation: int
    """Forward passes an optimizer step."""
    rollout: int
    """Responses a rollout, of all processes."""
    optimizer_steps: int
    """A rollout's, all passes over it counted."""


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def sizes(options: GroupOptions, processes: int) -> Sizes:
    """What the options come to; a forward pass takes the most that divides a step evenly.

    Raises:
        UsageError: a rollout's responses cannot be shared out evenly.
    """
    responses = options.rollout_batch_size * options.num_generations
    parts = options.num_mini_batches * processes
    if responses % parts:
        among = f"{options.num_mini_batches} minibatches"
        if processes > 1:
            among += f" of {processes} processes each"
        fitting = [m for m in divisors(responses) if responses % (m * processes) == 0]
        hint = (
            f"num_mini_batches can be {_listed(fitting)}."
            if fitting
            else f"Make rollout_batch_size × num_generations a multiple of {processes}."
        )
        raise UsageError(
            f"A rollout of {options.rollout_batch_size} prompts with {options.num_generations} "
            f"responses each makes {responses} responses, which {among} cannot share evenly.",
            hint=hint,
        )
    step = responses // parts
    forward = max(d for d in divisors(step) if d <= options.batch_size)
    return Sizes(
        forward=forward,
        accumulation=step // forward,
        rollout=responses,
        optimizer_steps=options.num_mini_batches * options.num_iterations,
    )


def check_sizes(options: GroupOptions) -> None:
    """Refuse at launch what `sizes` could only take with smaller forward passes than asked for.

    Raises:
        UsageError: as `sizes`, or a batch size that does not divide an optimizer step.
    """
    processes = max(1, options.processes)
    found = sizes(options, processes)
    step = found.forward * found.accumulation
    if options.batch_size < step and found.forward != options.batch_size:
        whose = " of each process" if processes > 1 else ""
        raise UsageError(
            f"batch_size = {options.batch_size} does not divide the {step} responses that an "
            f"optimizer step takes{whose} (rollout_batch_size × num_generations / "
            "num_mini_batches).",
            hint=f"It can be {_listed(divisors(step))}.",
        )


def _listed(numbers: list[int]) -> str:
    words = [str(n) for n in numbers]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
