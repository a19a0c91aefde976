"""Options of the trainers that learn from judgements without a reward model: DPO and KTO."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from rlhf_tui.config.option_types import Pairs, PositiveInt, Samples, StartingPolicy
from rlhf_tui.config.training_options import JudgementOptions

DPOLoss = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
]

Precompute = Annotated[
    bool, Meta(description="Compute the reference's log-probabilities once, before training")
]


class DPOOptions(JudgementOptions):
    model: StartingPolicy = ""
    batch_size: Annotated[PositiveInt, Meta(description="Pairs a forward pass, per process")] = 16
    pairs: Pairs = "all"
    beta: Annotated[
        float, Meta(gt=0, description="β: how dear it is to leave the reference; τ for ipo")
    ] = 0.1
    loss_type: Annotated[
        list[DPOLoss], Meta(description="TRL's losses; several are summed by loss_weights")
    ] = field(default_factory=lambda: ["sigmoid"])
    loss_weights: Annotated[
        list[float], Meta(description="A weight for each loss_type; empty: 1 each")
    ] = []
    label_smoothing: Annotated[
        float,
        Meta(
            ge=0,
            lt=0.5,
            description="Probability that a label is wrong (robust, exo_pair, aot, aot_unpaired)",
        ),
    ] = 0.0
    f_divergence: Annotated[
        Literal["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"],
        Meta(description="What is kept small between policy and reference (f-DPO)"),
    ] = "reverse_kl"
    f_alpha: Annotated[float, Meta(description="α of alpha_divergence; at 1 it is reverse_kl")] = (
        0.5
    )
    ld_alpha: Annotated[
        float,
        Meta(ge=0, le=1, description="Weight of tokens beyond the shorter answer (LD-DPO); 1: all"),
    ] = 1.0
    precompute_reference: Precompute = False
    samples: Samples = 4


class KTOOptions(JudgementOptions):
    model: StartingPolicy = ""
    batch_size: Annotated[PositiveInt, Meta(description="Rows a forward pass, per process")] = 16
    beta: Annotated[float, Meta(gt=0, description="β: how dear it is to leave the reference")] = 0.1
    loss_type: Annotated[
        Literal["kto", "apo_zero_unpaired"], Meta(description="TRL's losses of KTO")
    ] = "kto"
    desirable_weight: Annotated[
        float, Meta(ge=0, description="λ_D, weight of thumbs up; 0: by the counts of both")
    ] = 0.0
    undesirable_weight: Annotated[
        float, Meta(ge=0, description="λ_U, weight of thumbs down; 0: by the counts of both")
    ] = 0.0
    precompute_reference: Precompute = False
    samples: Samples = 4
