"""Options of SFT, DPO and KTO that exclude each other, told before anything heavy is imported."""

from __future__ import annotations

from rlhf_tui.config.preference_options import DPOOptions, KTOOptions
from rlhf_tui.config.training_options import SFTOptions
from rlhf_tui.errors import NothingToDo, UsageError

SMOOTHED = ("robust", "exo_pair", "aot", "aot_unpaired")
"""Losses of TRL's DPO that look at label_smoothing."""
SORTED = ("aot", "aot_unpaired")
"""Losses that sort a batch, so that no pair is left that could have a weight."""
ANY_DIVERGENCE = (
    "sigmoid",
    "sigmoid_norm",
    "hinge",
    "ipo",
    "exo_pair",
    "robust",
    "discopop",
    "sft",
)
"""Losses in which a β·log Z(x) cancels that other divergences than reverse KL leave behind."""
MODELS = ("dawid-skene", "bradley-terry")
"""What makes weights of how reliable people are."""


def check_offline(options: SFTOptions | DPOOptions | KTOOptions) -> None:
    """Refuse options that cannot hold together.

    Raises:
        UsageError: names the options and says what to change.
    """
    if options.tune == "lora" and any(t.split(".")[-1] == "lm_head" for t in options.lora_target):
        raise UsageError(
            "lora_target names lm_head, whose adapter would never be trained: the log-probabilities"
            " are computed from the head's own weights.",
            hint="Leave it out, or use tune = 'full'.",
        )
    if isinstance(options, DPOOptions):
        _check_dpo(options)
    if isinstance(options, KTOOptions):
        check_kto_batch(options)


def check_kto_batch(options: KTOOptions) -> None:
    """Refuse a batch of one where the loss needs neighbours.

    Raises:
        UsageError: says what to change.
    """
    if options.batch_size < 2 and options.loss_type == "kto":
        raise UsageError(
            "batch_size = 1 leaves KTO nothing to estimate the KL from: it pairs each prompt with"
            " another row's completion.",
            hint="Use a batch_size of 2 or more, or loss_type = 'apo_zero_unpaired'.",
        )


def one_sided(up: bool, count: int) -> NothingToDo:
    """Why thumbs of one kind alone teach nothing, and what to do.

    Args:
        up: which kind.
        count: how many.
    """
    one, other = ("up", "down") if up else ("down", "up")
    hint = f"Rate some completions with a thumb {other}"
    return NothingToDo(
        f"All {count:,} thumbs to train on are {one}: KTO learns from the difference of both"
        " kinds.",
        hint=f"{hint}, or learn to write like these with 'rlhf-tui train sft --include thumbs-up'."
        if up
        else f"{hint}.",
    )


def _check_dpo(options: DPOOptions) -> None:
    losses = options.loss_type
    if not losses:
        raise UsageError("loss_type is empty.", hint="Name one of TRL's losses, 'sigmoid' say.")
    if options.loss_weights and len(options.loss_weights) != len(losses):
        raise UsageError(
            f"loss_weights has {len(options.loss_weights)} numbers for {len(losses)} losses"
            f" ({', '.join(losses)}).",
            hint="Give one for each, in their order.",
        )
    if "exo_pair" in losses and not options.label_smoothing:
        raise UsageError(
            "exo_pair needs a label_smoothing above 0: it takes the logarithm of it.",
            hint="Its paper recommends 0.001.",
        )
    if options.label_smoothing and not set(losses) & set(SMOOTHED):
        raise UsageError(
            f"label_smoothing does nothing with {', '.join(losses)}.",
            hint="Use loss_type = 'robust', which is sigmoid with it.",
        )
    others = [loss for loss in losses if loss not in ANY_DIVERGENCE]
    if options.f_divergence != "reverse_kl" and others:
        raise UsageError(
            f"f_divergence = {options.f_divergence!r} is not defined for {', '.join(others)}.",
            hint=f"Use reverse_kl, or one of {', '.join(ANY_DIVERGENCE)}.",
        )
    ordered = [loss for loss in losses if loss in SORTED]
    if ordered and options.pairs == "all":
        raise UsageError(
            f"{ordered[0]} sorts whole batches, in which a ranking's pairs cannot weigh 1/pairs.",
            hint="Use pairs = 'one-per-ranking' with it.",
        )
    if ordered and options.aggregate in MODELS:
        raise UsageError(
            f"{ordered[0]} sorts whole batches, in which pairs cannot weigh what"
            f" aggregate = {options.aggregate!r} makes of them.",
            hint="Use aggregate = 'majority' or 'unanimous' with it.",
        )
