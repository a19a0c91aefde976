"""Options about machines, processes and files that exclude each other."""

from __future__ import annotations

import re

from rlhf_tui.config.option_types import Options
from rlhf_tui.config.training_options import TrainOptions
from rlhf_tui.errors import UsageError

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
ON_CPU = "cpu"
"""The shipped Accelerate config whose processes stay on the CPU."""
ON_GPUS = ("ddp", "fsdp2", "deepspeed-zero2", "deepspeed-zero3")
"""Those that take a GPU a process; a file of one's own may do either."""
SPLIT_WEIGHTS = ("fsdp2", "deepspeed-zero3")
"""Those that cut every weight in pieces."""


def check_device(options: Options) -> None:
    """
    Raises:
        UsageError: the device's name is none.
    """
    if not DEVICE.fullmatch(options.device):
        raise UsageError(
            f"device = {options.device!r} is not a device.", hint="Use auto, cpu, cuda or cuda:N."
        )


def check_processes(options: TrainOptions) -> None:
    """Refuse several processes that could not share devices or weights as was asked.

    Raises:
        UsageError: names the options and says what to change.
    """
    if options.processes and not options.accelerate:
        raise UsageError(
            f"processes = {options.processes} does nothing without accelerate.",
            hint="Say how they share the work: accelerate = 'auto', 'cpu', 'ddp' or 'fsdp2'.",
        )
    if not options.accelerate:
        return
    if options.device.startswith("cuda:"):
        raise UsageError(
            f"device = {options.device!r} is one GPU, and accelerate gives each process its own.",
            hint="Leave device at 'auto'; CUDA_VISIBLE_DEVICES chooses among several GPUs.",
        )
    other = {"cuda": (ON_CPU,), "cpu": ON_GPUS}.get(options.device, ())
    if options.accelerate in other:
        raise UsageError(
            f"device = {options.device!r} and accelerate = {options.accelerate!r} say different"
            " things about where the processes run.",
            hint="Leave device at 'auto'; accelerate = 'cpu' is the one without a GPU.",
        )
    if options.quantization != "none" and options.accelerate in SPLIT_WEIGHTS:
        raise UsageError(
            f"accelerate = {options.accelerate!r} splits the weights, which quantized ones do not"
            " allow here.",
            hint="Use accelerate = 'ddp' with quantization, or quantization = 'none'.",
        )


def check_file(dataset: str, dataset_format: str) -> None:
    """
    Raises:
        UsageError: a format is named, but no file.
    """
    if dataset_format != "auto" and not dataset:
        raise UsageError(
            f"dataset_format = {dataset_format!r} is of a file, and none is named.",
            hint="Name it as dataset: --dataset FILE.",
        )
