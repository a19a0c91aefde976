"""Where a run waits and works: a device, several GPUs, a server; and what Accelerate starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from rlhf_tui.config.options import (
    EpochOptions,
    GenerateOptions,
    Options,
    PPOOptions,
    RewardOptions,
    TrainOptions,
)
from rlhf_tui.errors import UsageError
from rlhf_tui.hub.devices import choose_device, choose_several, gpu_count
from rlhf_tui.hub.models import Resolved
from rlhf_tui.runs import accelerating
from rlhf_tui.runs.accelerating import AUTO, ON_CPU

ENDPOINT = "endpoint"
"""The queue of runs that let a server work: one at a time, beside those of the devices."""
DDP = "ddp"
SHARDED = {"FSDP": "FSDP", "DEEPSPEED": "DeepSpeed"}
"""Accelerate's kinds under which no process holds the whole model, as people call them."""


def place(
    chosen: Resolved, environment: Mapping[str, str], busy: Collection[str], cwd: Path
) -> tuple[str, Resolved]:
    """The queue for a run, and its options with what was left open decided.

    Args:
        environment: what the launch carries; it may hide GPUs.
        busy: the device of each run that waits or runs.
        cwd: where a relative path to a config of Accelerate's starts.

    Raises:
        UsageError: the config is none, or does not fit this machine or the other options.
    """
    options = chosen.options
    if isinstance(options, GenerateOptions) and options.endpoint:
        # It computes nothing here, so it need not wait for what does.
        return ENDPOINT, chosen
    gpus = gpu_count(environment)
    if isinstance(options, TrainOptions):
        options, note = _accelerated(options, gpus, cwd)
        chosen = _with(chosen, options, note)
        if options.accelerate:
            return _several(chosen, options, gpus, busy)
    device = choose_device(options.device, gpus, busy)
    if device.startswith("cuda") and not gpus:
        # A note, since torch may find GPUs where we look for none: other makers', or WSL's.
        chosen = _with(chosen, options, "No GPU is seen on this machine: device = cuda may fail.")
    if gpus > 1 and device != options.device:
        chosen = _with(chosen, msgspec.structs.replace(options, device=device), "")
    return device, chosen


def _with(chosen: Resolved, options: Options, note: str) -> Resolved:
    notes = [*chosen.notes, note] if note else chosen.notes
    return msgspec.structs.replace(chosen, options=options, notes=notes)


def _accelerated(options: TrainOptions, gpus: int, cwd: Path) -> tuple[TrainOptions, str]:
    """`auto` decided, a path made whole; and a note for the person."""
    named = options.accelerate
    if not named:
        return options, ""
    if named == AUTO:
        on_gpus = gpus > 1 and options.device in ("auto", "cuda")
        if not on_gpus and options.processes < 2:
            seen = "one GPU" if gpus == 1 and options.device != "cpu" else "no GPU for it"
            alone = msgspec.structs.replace(options, accelerate="", processes=0)
            return alone, f"There is {seen}: one process, without Accelerate."
        named = ON_CPU if options.device == "cpu" or not gpus else DDP
    elif named not in accelerating.shipped():
        named = str((cwd / Path(named).expanduser()).absolute())
        if not Path(named).exists():
            # With its nearest name, as it was given.
            accelerating.read_config(options.accelerate)
    return msgspec.structs.replace(options, accelerate=named), ""


def _several(
    chosen: Resolved, options: TrainOptions, gpus: int, busy: Collection[str]
) -> tuple[str, Resolved]:
    config = accelerating.read_config(options.accelerate)
    on_cpu = accelerating.on_cpu(config)
    if on_cpu and options.device not in ("auto", "cpu"):
        raise UsageError(
            f"accelerate = {options.accelerate!r} works on the CPU, and device is "
            f"{options.device!r}.",
            hint="Leave --device out, or name another config.",
        )
    if not on_cpu and options.device not in ("auto", "cuda"):
        raise UsageError(
            f"accelerate = {options.accelerate!r} takes a GPU a process, and device is "
            f"{options.device!r}.",
            hint="Use CUDA_VISIBLE_DEVICES to choose among GPUs, or accelerate = 'cpu'.",
        )
    if isinstance(options, RewardOptions) and options.learning_curve:
        raise UsageError(
            "learning_curve trains small models one after the other, in one process.",
            hint="Leave --accelerate out.",
        )
    kind = str(config["distributed_type"])
    if isinstance(options, PPOOptions) and kind in SHARDED:
        raise UsageError(
            f"PPO does not run under {SHARDED[kind]}: each of its processes holds the whole model, "
            "since the same weights write and learn.",
            hint="Use accelerate = 'ddp', and tune = 'lora' to save memory.",
        )
    processes = options.processes or int(config.get("num_processes") or gpus)
    accelerating.check_config(options.accelerate, config, processes, gpus)
    machines = int(config.get("num_machines") or 1)
    device = "cpu" if on_cpu else choose_several(processes // machines, gpus, busy)
    options = msgspec.structs.replace(
        options, processes=processes, device="cpu" if on_cpu else "cuda"
    )
    where = f" on {machines} machines" if machines > 1 else ""
    rows = (
        f"A step takes {processes} times the rows of one."
        if isinstance(options, EpochOptions)
        else "They share out each rollout."
    )
    return device, _with(chosen, options, f"{processes} processes{where}. {rows}")
