"""Options that exclude each other, told before anything heavy is imported."""

from __future__ import annotations

from rlhf_tui.config.options import Options, TrainOptions
from rlhf_tui.errors import UsageError


def check(kind: str, options: Options) -> None:
    """Refuse options that cannot hold together, whatever the data and the model are.

    Raises:
        UsageError: names both options and says what to change.
    """
    if isinstance(options, TrainOptions):
        _check_training(options)


def _check_training(options: TrainOptions) -> None:
    if options.quantization != "none" and options.tune != "lora":
        raise UsageError(
            f"quantization = {options.quantization!r} freezes the weights, so "
            f"tune = {options.tune!r} could not change them.",
            hint="Use tune = 'lora', or quantization = 'none'.",
        )
