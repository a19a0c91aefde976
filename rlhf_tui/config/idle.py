"""Options that were set and that the others leave without effect: told at the launch, not refused.

A recipe or rlhf.toml may set an adapter's rank for all runs, and one run be trained in full.
"""

from __future__ import annotations

import msgspec

from rlhf_tui.config.online_options import PPOOptions
from rlhf_tui.config.option_types import Options
from rlhf_tui.config.preference_options import DPOOptions
from rlhf_tui.config.training_options import TrainOptions

OF_LORA = ("lora_rank", "lora_alpha", "lora_dropout", "lora_target", "merge_adapter")
OF_ADAPTIVE_KL = ("target_kl", "kl_horizon")
OF_ALPHA_DIVERGENCE = ("f_alpha",)


def notes_on_idle(options: Options) -> list[str]:
    """A sentence for each cause that leaves options other than their defaults without effect."""
    found = []
    if isinstance(options, TrainOptions) and options.tune != "lora":
        found.append(_note(options, OF_LORA, f"tune = {options.tune!r}"))
    if isinstance(options, PPOOptions) and not options.adaptive_kl:
        found.append(_note(options, OF_ADAPTIVE_KL, "adaptive_kl switched off"))
    if isinstance(options, DPOOptions) and options.f_divergence != "alpha_divergence":
        found.append(
            _note(options, OF_ALPHA_DIVERGENCE, f"f_divergence = {options.f_divergence!r}")
        )
    return [note for note in found if note]


def _note(options: Options, names: tuple[str, ...], cause: str) -> str:
    defaults = {
        field.name: (
            field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        )
        for field in msgspec.structs.fields(options)
    }
    idle = [name for name in names if getattr(options, name) != defaults[name]]
    if not idle:
        return ""
    return f"{', '.join(idle)}: without effect with {cause}."
