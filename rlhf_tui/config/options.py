"""Typed options of every kind of run: one struct a kind.

The command line's flags, rlhf.toml's tables, the environment's names, the launch screen's form
and args.json all come from these fields. `Meta` carries the description and the bounds; nothing
about an option is written anywhere else.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from rlhf_tui.config.online_options import (
    GroupOptions,
    GRPOOptions,
    OnlineOptions,
    PPOOptions,
    RLOOOptions,
)
from rlhf_tui.config.option_types import Options, PositiveInt, Share
from rlhf_tui.config.preference_options import DPOOptions, KTOOptions
from rlhf_tui.config.training_options import (
    EpochOptions,
    JudgementOptions,
    RewardOptions,
    SFTOptions,
    TrainOptions,
)

__all__ = [
    "OPTIONS",
    "TRAINERS",
    "DPOOptions",
    "EpochOptions",
    "EvaluateOptions",
    "GRPOOptions",
    "GenerateOptions",
    "GroupOptions",
    "JudgementOptions",
    "KTOOptions",
    "OnlineOptions",
    "Options",
    "PPOOptions",
    "RLOOOptions",
    "RewardOptions",
    "SFTOptions",
    "ScoreOptions",
    "TrainOptions",
]


class GenerateOptions(Options):
    model: Annotated[
        str,
        Meta(
            description="Path, Hugging Face hub id, run id, 'current' for the promoted run's, or"
            " 'sample' for the bundled one; empty: the current policy, without one the sample"
        ),
    ] = ""
    k: Annotated[int, Meta(ge=1, le=9, description="Completions a prompt")] = 4
    temperature: Annotated[float, Meta(gt=0, le=10, description="Sampling temperature")] = 1.0
    top_p: Annotated[Share, Meta(description="Nucleus sampling: keep this share of mass")] = 1.0
    max_new_tokens: Annotated[PositiveInt, Meta(description="Longest completion, tokens")] = 64
    batch_size: Annotated[PositiveInt, Meta(description="Sequences generated at a time")] = 64
    limit: Annotated[int, Meta(ge=0, description="At most this many prompts; 0: all")] = 0
    split: Annotated[
        Literal["train", "validation", "test", "all", "labelling"],
        Meta(description="Which prompts; 'labelling' is train and validation"),
    ] = "labelling"
    tasks: Annotated[
        bool, Meta(description="Put the completions up for ranking and for thumbs")
    ] = True
    endpoint: Annotated[
        str,
        Meta(
            description="Generate by an OpenAI-compatible server at this URL instead of a model of"
            " this machine; a key is read from RLHF_TUI_ENDPOINT_KEY or OPENAI_API_KEY"
        ),
    ] = ""
    endpoint_model: Annotated[
        str, Meta(description="The model's name at that server; empty: the only one it has")
    ] = ""
    concurrency: Annotated[PositiveInt, Meta(description="Requests to it at a time")] = 8
    retries: Annotated[
        int, Meta(ge=0, description="Times a failed request is tried again, waiting longer each")
    ] = 5
    request_timeout: Annotated[
        float, Meta(gt=0, description="Seconds that one request may take")
    ] = 120.0


class ScoreOptions(Options):
    completions: Annotated[
        str, Meta(description="Generate run whose completions are scored (run id)")
    ] = ""
    reward_model: Annotated[
        str, Meta(description="Reward-model run or path; empty: no reward scores")
    ] = ""
    policy: Annotated[
        str,
        Meta(description="Policy (path, run or 'current') whose KL to the reference is estimated"),
    ] = ""
    reference: Annotated[str, Meta(description="Reference model of the KL estimate")] = ""
    reward_label: Annotated[
        str, Meta(description="Which label of a classifier with several is the reward")
    ] = ""
    max_length: Annotated[PositiveInt, Meta(description="Longest row of the KL, tokens")] = 512
    batch_size: Annotated[PositiveInt, Meta(description="Completions a forward pass")] = 64


class EvaluateOptions(Options):
    model: Annotated[
        str,
        Meta(
            description="Run whose model is measured, 'current', or a path; empty: the newest"
            " finished training"
        ),
    ] = ""
    split: Annotated[
        Literal["validation", "test"],
        Meta(description="Held-out prompts; test is read by nothing else"),
    ] = "test"
    dataset: Annotated[
        str,
        Meta(
            description="Measure on all rows of a file that import knows instead of the workspace;"
            " of the file that the model was trained on, on the split"
        ),
    ] = ""
    dataset_format: Annotated[
        str, Meta(description="The file's format, as for import; auto: by its columns")
    ] = "auto"
    batch_size: Annotated[PositiveInt, Meta(description="Rows a forward pass")] = 32
    max_length: Annotated[
        PositiveInt,
        Meta(
            description="Longest row of a language model, tokens; a reward model reads as it was"
            " trained"
        ),
    ] = 512


OPTIONS: dict[str, type[Options]] = {
    "generate": GenerateOptions,
    "score": ScoreOptions,
    "evaluate": EvaluateOptions,
    "sft": SFTOptions,
    "rm": RewardOptions,
    "ppo": PPOOptions,
    "dpo": DPOOptions,
    "kto": KTOOptions,
    "rloo": RLOOOptions,
    "grpo": GRPOOptions,
}
TRAINERS: tuple[str, ...] = ("sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo")
"""The kinds that `train` knows; their tables are [train.KIND]."""
