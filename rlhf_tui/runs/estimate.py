"""What a run would take before it is started: steps, memory, time, and what that stands on.

Pure functions of the options, the sizes of the models and of the data set; the figures are as
sure as their `basis` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rlhf_tui.config.options import EvaluateOptions, Options, RewardOptions, TrainOptions
from rlhf_tui.config.rates import RATES, learning_rate
from rlhf_tui.runs.batching import advice
from rlhf_tui.runs.estimate_memory import Memory, memory_of, trained_parameters
from rlhf_tui.runs.estimate_model import Shape
from rlhf_tui.runs.estimate_steps import Data, Steps, steps_of
from rlhf_tui.runs.estimate_time import (
    Earlier,
    Speed,
    corrected,
    starting_seconds,
    step_seconds,
)
from rlhf_tui.runs.rendered import Estimate

ROUGH = "within a factor of two or three"


class Place(msgspec.Struct, frozen=True):
    """Where a run would work."""

    device: str
    """cpu, cuda:0, or several as cuda:0,1."""
    memory: float = 0.0
    """Bytes that each device has; 0: not known."""
    speed: Speed | None = None

    @property
    def sort(self) -> str:
        return "cuda" if self.device.startswith("cuda") else "cpu"


def estimate(
    kind: str,
    options: Options,
    shape: Shape | None,
    data: Data,
    place: Place,
    *,
    rewards: Sequence[Shape] = (),
    earlier: Sequence[Earlier] = (),
) -> Estimate:
    """What a run would take.

    Args:
        shape: of the model that it starts from; None: it is not known.
        rewards: the models that score.
        earlier: finished runs of the same kind on the same sort of device.

    Raises:
        UsageError: a rollout's responses cannot be shared out evenly.
    """
    steps = steps_of(kind, options, data)
    if steps is None:
        return Estimate()
    found = Estimate(steps=steps.steps, unit=steps.unit, tokens_per_step=steps.tokens)
    found.basis = [_words(data)]
    if not steps.exact:
        found.basis.append(
            "The number of steps is not sure: how rows are filled is found out late."
        )
    if isinstance(options, RewardOptions) and options.learning_curve:
        found.basis.append("The models of the learning curve come on top of it.")
    if shape is None:
        found.basis.append(
            "Memory and time are not known: the model is not chosen yet, or not on this machine."
        )
        return found
    found.parameters = shape.parameters
    found.trained = trained_parameters(options, shape)
    if not shape.exact:
        found.basis.append("The model's size is worked out from its config.")
    if isinstance(options, TrainOptions) and not options.learning_rate and kind in RATES:
        rate = learning_rate(options, kind, shape.parameters)
        found.basis.append(f"The learning rate is {rate:g} at its peak, by the model's size.")
    memory = memory_of(
        kind,
        options,
        shape,
        data,
        device=place.sort,
        bf16=uses_bf16(options, place),
        rewards=rewards,
    )
    found.memory, found.memory_there = memory.total, place.memory
    found.basis.append(_memory_words(memory))
    if place.memory and memory.total > place.memory:
        found.warning = _too_much(options, memory, place)
    _add_time(found, kind, options, shape, data, place, steps, rewards, earlier)
    return found


def uses_bf16(options: Options, place: Place) -> bool:
    """Whether matrix work is in 16 bits there, as far as that is known without the device."""
    named = getattr(options, "precision", "auto")
    return named in ("bf16", "fp16") or (named == "auto" and place.sort == "cuda")


def modelled_seconds(
    kind: str,
    options: Options,
    shape: Shape,
    data: Data,
    place: Place,
    rewards: Sequence[Shape] = (),
) -> float:
    """Seconds a step by arithmetic alone, with which an earlier run is compared; 0: none."""
    steps = steps_of(kind, options, data)
    if steps is None or place.speed is None:
        return 0.0
    return step_seconds(
        options, shape, data, steps, device=place.sort, speed=place.speed, rewards=rewards
    )


def _add_time(
    found: Estimate,
    kind: str,
    options: Options,
    shape: Shape,
    data: Data,
    place: Place,
    steps: Steps,
    rewards: Sequence[Shape],
    earlier: Sequence[Earlier],
) -> None:
    modelled = modelled_seconds(kind, options, shape, data, place, rewards)
    if not modelled or place.speed is None:
        found.basis.append("How fast the device is, is not known.")
        return
    usable = [run for run in earlier if run.modelled > 0 and run.seconds_per_step > 0]
    if usable:
        starting = sorted(run.starting for run in usable)[len(usable) // 2]
        names = ", ".join(run.run_id for run in usable)
        found.basis.append(f"The time is scaled from what steps took in {names}.")
    else:
        starting = starting_seconds(shape, place.sort)
        found.basis.append(
            f"The time is rough, {ROUGH}: no such run has finished here, so that it stands on"
            f" arithmetic and {place.speed.told}."
        )
    found.seconds = starting + steps.steps * corrected(modelled, usable)
    if isinstance(options, EvaluateOptions):
        return
    if isinstance(options, TrainOptions) and options.report_to:
        found.basis.append("What reporting costs is not in it.")


def _words(data: Data) -> str:
    mean, longest = data.lengths.mean, data.lengths.longest
    if data.counted:
        return f"Texts have {mean:.0f} tokens on average and {longest:.0f} at most, as counted."
    return f"Texts have some {mean:.0f} tokens on average: their characters divided by 4."


def _memory_words(memory: Memory) -> str:
    parts = {
        "libraries": memory.libraries,
        "the model": memory.weights,
        "gradients and optimizer": memory.training,
        "other models": memory.others,
        "activations": memory.activations,
    }
    told = ", ".join(f"{size(part)} {name}" for name, part in parts.items() if part)
    return f"Memory: {told}."


def _too_much(options: Options, memory: Memory, place: Place) -> str:
    arguments: dict[str, Any] = msgspec.to_builtins(options)
    return (
        f"It will not fit: some {size(memory.total)} are needed and {place.device} has"
        f" {size(place.memory)}. {advice(arguments)}"
    )


def size(count: float) -> str:
    """Bytes in three digits: `640 MB`, `1.4 GB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            value = count / factor
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
