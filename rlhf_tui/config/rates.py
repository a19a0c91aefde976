"""Learning rates for those who name none: by trainer, size of the model, and what is trained."""

from __future__ import annotations

import math
from typing import Literal

from rlhf_tui.config.options import TrainOptions

Stage = Literal["sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo"]
RATES: dict[Stage, list[tuple[float, float]]] = {
    "sft": [(2e7, 3e-4), (1e9, 5e-5), (math.inf, 2e-5)],
    "rm": [(2e7, 1e-3), (1e9, 3e-5), (math.inf, 1e-5)],
    "ppo": [(2e7, 5e-4), (1e9, 1e-5), (math.inf, 3e-6)],
    "dpo": [(2e7, 3e-4), (1e9, 5e-6), (math.inf, 1e-6)],
    "kto": [(2e7, 3e-4), (1e9, 5e-6), (math.inf, 1e-6)],
    "rloo": [(2e7, 5e-4), (1e9, 1e-5), (math.inf, 3e-6)],
    "grpo": [(2e7, 5e-4), (1e9, 1e-5), (math.inf, 3e-6)],
}
"""Learning rates by stage: (models of fewer parameters than this, rate)."""
LORA_FACTOR = 10.0
"""Adapters want about ten times the rate of full fine-tuning (Schulman 2025, 'LoRA Without
Regret')."""
SMALL_ADAPTER: dict[Stage, float] = {"dpo": 1e-3, "kto": 1e-3}
"""Rates of adapters on models below the first limit, where those of full fine-tuning hardly move
them. Measured on the sample model, with full and adapter at 3e-5 to 3e-3: above 3e-4 (adapter:
1e-3) the held-out accuracy of DPO falls again, and the chosen texts lose 5 nats and more."""


def learning_rate(options: TrainOptions, stage: Stage, parameters: int) -> float:
    """The rate asked for, or by the model's size when it is 0."""
    if options.learning_rate:
        return options.learning_rate
    rate = next(rate for limit, rate in RATES[stage] if parameters < limit)
    if options.tune != "lora":
        return rate
    small = parameters < RATES[stage][0][0]
    return SMALL_ADAPTER.get(stage, rate) if small else rate * LORA_FACTOR
