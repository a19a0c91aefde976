"""Typed options of every kind of run: one struct a kind.

The command line's flags, rlhf.toml's tables, the environment's names, the launch screen's form
and args.json all come from these fields. `Meta` carries the description and the bounds; nothing
about an option is written anywhere else.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

PositiveInt = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]


class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every run takes."""

    seed: Annotated[int, Meta(ge=0, description="Seed of every random choice of the run")] = 0
    device: Annotated[
        str, Meta(description="auto, cpu, cuda or cuda:N; auto takes a GPU where there is one")
    ] = "auto"
    threads: Annotated[
        int, Meta(ge=0, description="CPU threads for torch; 0: by the model's size")
    ] = 0
    form: Annotated[
        Literal["auto", "text", "messages"],
        Meta(description="Which prompts: text, messages, or auto where all are of one form"),
    ] = "auto"


class GenerateOptions(Options):
    model: Annotated[
        str, Meta(description="Path, Hugging Face hub id, run id, or 'sample' for the bundled one")
    ] = "sample"
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


class ScoreOptions(Options):
    completions: Annotated[
        str, Meta(description="Generate run whose completions are scored (run id)")
    ] = ""
    reward_model: Annotated[
        str, Meta(description="Reward-model run or path; empty: no reward scores")
    ] = ""
    policy: Annotated[
        str, Meta(description="Policy (path or run) whose KL to the reference is estimated")
    ] = ""
    reference: Annotated[str, Meta(description="Reference model of the KL estimate")] = ""
    reward_label: Annotated[
        str, Meta(description="Which label of a classifier with several is the reward")
    ] = ""
    max_length: Annotated[PositiveInt, Meta(description="Longest row of the KL, tokens")] = 512
    batch_size: PositiveInt = 64


class TrainOptions(Options):
    """What SFT, reward model and PPO share."""

    model: Annotated[str, Meta(description="Starting model: path, hub id, run id, or 'sample'")] = (
        "sample"
    )
    tune: Annotated[
        Literal["full", "lora"], Meta(description="Train all weights, or a LoRA adapter")
    ] = "full"
    lora_rank: PositiveInt = 16
    lora_alpha: PositiveInt = 32
    lora_dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    learning_rate: Annotated[
        float, Meta(ge=0, description="Peak learning rate of AdamW; 0: by the model's size")
    ] = 0.0
    schedule: Annotated[
        Literal["linear", "cosine", "constant_with_warmup"],
        Meta(description="How the learning rate goes from its peak to the end"),
    ] = "linear"
    weight_decay: Annotated[float, Meta(ge=0, description="Weight decay of AdamW")] = 0.0
    batch_size: Annotated[PositiveInt, Meta(description="Rows a forward pass")] = 32
    max_length: Annotated[PositiveInt, Meta(description="Longest row, tokens")] = 512
    max_grad_norm: Annotated[float, Meta(gt=0, description="Gradients are clipped to it")] = 1.0
    warmup_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of steps in which the rate rises from 0")
    ] = 0.0
    logging_steps: Annotated[PositiveInt, Meta(description="Steps between metric lines")] = 1
    save_steps: Annotated[
        int, Meta(ge=0, description="Steps between checkpoints; 0: only at a stop and the end")
    ] = 0
    keep_checkpoints: PositiveInt = 2


class EpochOptions(TrainOptions):
    gradient_accumulation: Annotated[
        PositiveInt, Meta(description="Forward passes an optimizer step")
    ] = 1
    gradient_checkpointing: Annotated[
        bool, Meta(description="Save memory by computing activations again in the backward pass")
    ] = False
    epochs: Annotated[float, Meta(gt=0, description="Passes over the data")] = 1.0
    max_steps: Annotated[
        int, Meta(ge=0, description="Stop after so many optimizer steps; 0: by epochs")
    ] = 0
    eval_steps: Annotated[
        int, Meta(ge=0, description="Steps between evaluations; 0: once, at the end")
    ] = 0


class JudgementOptions(EpochOptions):
    """What becomes of several people's judgements of one item; see `dataset.aggregation`."""

    aggregate: Annotated[
        Literal["all", "majority", "unanimous", "dawid-skene", "bradley-terry"],
        Meta(
            description="Judgements of one item by several people: all count, or one decision"
            " is made of them by majority, unanimity, or weighed by reliability"
        ),
    ] = "all"
    min_agreement: Annotated[
        float,
        Meta(ge=0, le=1, description="Leave out what a smaller share of the deciders agrees on"),
    ] = 0.0
    min_judgements: Annotated[
        PositiveInt, Meta(description="Leave out what fewer people have decided")
    ] = 1
    gold: Annotated[
        bool, Meta(description="Learn from gold items too; they are there to measure people")
    ] = False


class SFTOptions(JudgementOptions):
    epochs: Annotated[float, Meta(gt=0, description="Passes over the data")] = 2.0
    include: Annotated[
        list[Literal["thumbs-up", "best-ranked"]],
        Meta(description="Learn from liked completions too, beside the demonstrations"),
    ] = []
    loss_on: Annotated[
        Literal["response", "all"], Meta(description="Which tokens the loss counts")
    ] = "response"


class RewardOptions(JudgementOptions):
    batch_size: Annotated[
        PositiveInt, Meta(description="Prompts a forward pass; each of their texts is read once")
    ] = 8
    epochs: Annotated[float, Meta(gt=0, description="Passes over the data")] = 3.0
    pairs: Annotated[
        Literal["all", "one-per-ranking"],
        Meta(description="All pairs of a ranking, weighed 1/pairs, or one drawn from each"),
    ] = "all"
    center_rewards: Annotated[
        float, Meta(ge=0, description="Weight of the term that pulls the mean reward to 0")
    ] = 0.01
    learning_curve: Annotated[
        bool,
        Meta(
            description="Train on 1/8, 1/4 and 1/2 of the prompts first, to see whether more"
            " labels still help"
        ),
    ] = False


class PPOOptions(TrainOptions):
    reward_model: Annotated[
        str, Meta(description="Reward-model run or path; empty: the newest finished one")
    ] = ""
    model: Annotated[
        str, Meta(description="Starting policy, also the reference; empty: the newest SFT run")
    ] = ""
    reward_label: Annotated[
        str, Meta(description="Which label of a classifier with several is the reward")
    ] = ""
    total_steps: Annotated[PositiveInt, Meta(description="Rollouts (PPO updates) in all")] = 50
    rollout_batch_size: Annotated[PositiveInt, Meta(description="Prompts a rollout")] = 64
    num_mini_batches: Annotated[
        PositiveInt, Meta(description="Optimizer steps a pass over the rollout")
    ] = 2
    num_ppo_epochs: Annotated[PositiveInt, Meta(description="Passes over each rollout")] = 2
    response_length: Annotated[PositiveInt, Meta(description="Longest response, tokens")] = 64
    temperature: Annotated[float, Meta(gt=0, description="Of rollouts and training logits")] = 1.0
    kl_coef: Annotated[float, Meta(ge=0, description="β, reward units a nat of KL")] = 0.35
    kl_estimator: Literal["k1", "k3"] = "k1"
    adaptive_kl: Annotated[bool, Meta(description="Steer β towards target_kl")] = False
    target_kl: Annotated[
        float, Meta(gt=0, description="Wanted summed k1 KL, nats a response (adaptive β)")
    ] = 6.0
    kl_horizon: Annotated[PositiveInt, Meta(description="Episodes over which β adapts")] = 10000
    stop_kl: Annotated[
        float,
        Meta(ge=0, description="End a rollout's epochs once its approximate KL passes it; 0: off"),
    ] = 0.0
    cliprange: Annotated[float, Meta(gt=0, description="ε of the policy's clipped ratio")] = 0.2
    cliprange_value: Annotated[float, Meta(gt=0)] = 0.2
    vf_coef: Annotated[float, Meta(ge=0, description="Weight of the value loss")] = 0.1
    gamma: Annotated[float, Meta(gt=0, le=1)] = 1.0
    lam: Annotated[float, Meta(ge=0, le=1, description="λ of GAE")] = 0.95
    whiten_rewards: bool = False
    reward_clip: Annotated[float, Meta(ge=0, description="Clip scores to ±this; 0: off")] = 0.0
    normalize_rewards: Annotated[
        bool, Meta(description="Divide scores by their running standard deviation")
    ] = False
    missing_eos_penalty: Annotated[
        float, Meta(ge=0, description="Taken off the score of a response without EOS")
    ] = 1.0
    eval_steps: Annotated[int, Meta(ge=0, description="Rollouts between evaluations")] = 10
    eval_prompts: Annotated[PositiveInt, Meta(description="Held-out prompts a round")] = 32


OPTIONS: dict[str, type[Options]] = {
    "generate": GenerateOptions,
    "score": ScoreOptions,
    "sft": SFTOptions,
    "rm": RewardOptions,
    "ppo": PPOOptions,
}
