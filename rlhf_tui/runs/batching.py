"""When memory runs out: what to change, and the same run again with smaller forward passes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import Adjusted


def smaller(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options of a run whose forward passes hold at most half as many rows.

    The rows of an optimizer step stay as many: where a trainer accumulates gradients, the batch
    becomes the largest divisor of them that is at most half of it. Online trainers fill their
    steps from a rollout; theirs becomes such a divisor of the batch, which then divides what the
    batch did.

    Returns:
        What changes; None where a pass holds a single row already.
    """
    batch = int(arguments.get("batch_size", 1))
    if batch < 2:
        return None
    accumulated = "gradient_accumulation" in arguments
    rows = batch * int(arguments["gradient_accumulation"]) if accumulated else batch
    half = next(size for size in range(batch // 2, 0, -1) if rows % size == 0)
    changed = {"batch_size": half}
    return changed | {"gradient_accumulation": rows // half} if accumulated else changed


def in_words(changed: Mapping[str, Any]) -> str:
    """`batch_size 16 and gradient_accumulation 2`."""
    return " and ".join(f"{name} {value}" for name, value in changed.items())


def advice(arguments: Mapping[str, Any]) -> str:
    """What to change in a run that memory was too small for, in its own options."""
    less = []
    changed = smaller(arguments)
    if changed is not None:
        less.append(f"{in_words(changed)} instead of batch_size {arguments['batch_size']}")
    if int(arguments.get("response_length", 0)) > 1:
        less.append(f"a response_length below {arguments['response_length']}")
    elif int(arguments.get("max_length", 0)) > 1:
        less.append(f"a max_length below {arguments['max_length']}")
    if arguments.get("tune") == "full":
        less.append("tune = 'lora'")
    if arguments.get("gradient_checkpointing") is False:
        less.append("gradient_checkpointing")
    if not less:
        return "Use a smaller model."
    told = f"Try {', or '.join(less)}."
    if changed is not None and arguments.get("auto_batch") is False:
        told += " With auto_batch a run goes on by itself with smaller batches."
    return told


def adjust(directory: Path, arguments: Mapping[str, Any]) -> Adjusted | None:
    """Note smaller batches for the run's next worker.

    Args:
        arguments: the run's, earlier adjustments included.

    Returns:
        What holds from now on; None where nothing is left to halve.
    """
    changed = smaller(arguments)
    if changed is None:
        return None
    reason = (
        f"Memory ran out with batch_size {arguments['batch_size']}: it went on with "
        f"{in_words(changed)}."
    )
    earlier = layout.read(directory / layout.ADJUSTED, Adjusted)
    if earlier is not None:
        changed = earlier.arguments | changed
        reason = f"{earlier.reason} {reason}"
    adjusted = Adjusted(changed, reason)
    layout.write_atomic(directory / layout.ADJUSTED, adjusted)
    return adjusted


def adjusted_arguments(directory: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The run's arguments as its next worker takes them."""
    adjusted = layout.read(directory / layout.ADJUSTED, Adjusted)
    return dict(arguments) | (adjusted.arguments if adjusted is not None else {})
