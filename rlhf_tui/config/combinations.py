"""Options that exclude each other, told before anything heavy is imported."""

from __future__ import annotations

import importlib.util

from rlhf_tui.config.endpoints import check_endpoint
from rlhf_tui.config.machine_checks import check_device, check_file, check_processes
from rlhf_tui.config.offline_checks import check_offline
from rlhf_tui.config.online_checks import check_online
from rlhf_tui.config.options import (
    DPOOptions,
    EvaluateOptions,
    GenerateOptions,
    KTOOptions,
    OnlineOptions,
    Options,
    PPOOptions,
    SFTOptions,
    TrainOptions,
)
from rlhf_tui.config.ppo_checks import check_ppo
from rlhf_tui.config.reporters import check_installed
from rlhf_tui.errors import UsageError

QUANTIZER = "bitsandbytes"
"""Not among our dependencies: it is large, and few machines without a GPU want it."""


def check(kind: str, options: Options) -> None:
    """Refuse options that cannot hold together, whatever the data and the model are.

    Raises:
        UsageError: names both options and says what to change.
    """
    check_device(options)
    if isinstance(options, TrainOptions | EvaluateOptions):
        check_file(options.dataset, options.dataset_format)
    if isinstance(options, TrainOptions):
        check_processes(options)
        _check_training(options)
    if isinstance(options, GenerateOptions):
        check_endpoint(options.endpoint, options.endpoint_model, "")
    if isinstance(options, OnlineOptions):
        check_endpoint(options.eval_endpoint, options.eval_endpoint_model, "eval_")
    if isinstance(options, OnlineOptions):
        check_online(options)
    if isinstance(options, PPOOptions):
        check_ppo(options)
    if isinstance(options, SFTOptions | DPOOptions | KTOOptions):
        check_offline(options)


def _check_training(options: TrainOptions) -> None:
    check_installed(options.report_to)
    if options.quantization != "none" and options.tune != "lora":
        raise UsageError(
            f"quantization = {options.quantization!r} freezes the weights, so "
            f"tune = {options.tune!r} could not change them.",
            hint="Use tune = 'lora', or quantization = 'none'.",
        )
    check_quantization(options.quantization)
    if options.precision == "fp16" and options.device == "cpu":
        raise UsageError(
            "precision = 'fp16' needs a GPU: on a CPU it is slow, and its small range is not"
            " guarded.",
            hint="Use precision = 'fp32' or 'bf16', or a GPU.",
        )


def check_quantization(quantization: str) -> None:
    """Refuse quantized weights where the library that makes them is missing.

    Raises:
        UsageError: it is not installed.
    """
    if quantization != "none" and importlib.util.find_spec(QUANTIZER) is None:
        raise UsageError(
            f"quantization = {quantization!r} needs {QUANTIZER}, which is not installed.",
            hint=f"Install it with `pip install {QUANTIZER}`, or use quantization = 'none'.",
        )
