"""Options of the trainers that let the policy write and score what it wrote: PPO, RLOO, GRPO."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from rlhf_tui.config.option_types import PositiveInt, Samples, StartingPolicy
from rlhf_tui.config.training_options import TrainOptions


class OnlineOptions(TrainOptions):
    """Rollouts, where their rewards come from, and how they are looked at."""

    model: StartingPolicy = ""
    reward_model: Annotated[
        str,
        Meta(
            description="Reward-model run, path or hub id, counted with weight 1 beside `rewards`;"
            " empty: the newest finished one, unless `rewards` names sources"
        ),
    ] = ""
    reward_label: Annotated[
        str, Meta(description="Which label of a classifier with several is the reward")
    ] = ""
    rewards: Annotated[
        list[str],
        Meta(
            description="Sources that are summed, each WEIGHT*SOURCE or SOURCE: a run, path or hub"
            " id, with #LABEL where it has several, or a function package.module:name;"
            " weight 0 only measures"
        ),
    ] = []
    total_steps: Annotated[PositiveInt, Meta(description="Rollouts in all")] = 50
    rollout_batch_size: Annotated[PositiveInt, Meta(description="Prompts a rollout")] = 64
    num_mini_batches: Annotated[
        PositiveInt, Meta(description="Optimizer steps a pass over the rollout")
    ] = 2
    response_length: Annotated[PositiveInt, Meta(description="Longest response, tokens")] = 64
    temperature: Annotated[float, Meta(gt=0, description="Of rollouts and training logits")] = 1.0
    reward_clip: Annotated[float, Meta(ge=0, description="Clip scores to ±this; 0: off")] = 0.0
    missing_eos_penalty: Annotated[
        float, Meta(ge=0, description="Taken off the score of a response without EOS")
    ] = 1.0
    eval_steps: Annotated[
        int, Meta(ge=0, description="Rollouts between evaluations; 0: once, at the end")
    ] = 10
    eval_prompts: Annotated[PositiveInt, Meta(description="Held-out prompts a round")] = 32
    samples: Samples = 8
    eval_endpoint: Annotated[
        str,
        Meta(
            description="Let the model of an OpenAI-compatible server (URL) answer the held-out"
            " prompts once, as a line to compare with"
        ),
    ] = ""
    eval_endpoint_model: Annotated[
        str, Meta(description="The model's name at that server; empty: the only one it has")
    ] = ""


class PPOOptions(OnlineOptions):
    total_steps: Annotated[PositiveInt, Meta(description="Rollouts (PPO updates) in all")] = 50
    num_ppo_epochs: Annotated[PositiveInt, Meta(description="Passes over each rollout")] = 2
    critic: Annotated[
        Literal["head", "adapter", "separate"],
        Meta(
            description="Value head on the policy's trunk, an adapter and head of its own on the"
            " same base (with lora), or a model of its own"
        ),
    ] = "head"
    critic_init: Annotated[
        Literal["auto", "fresh", "reward-model"],
        Meta(description="Where an adapter or separate critic starts; auto: the reward model"),
    ] = "auto"
    critic_warmup: Annotated[
        int, Meta(ge=0, description="Rollouts at the start in which the critic alone learns")
    ] = 0
    critic_learning_rate: Annotated[
        float,
        Meta(ge=0, description="Of the critic; 0: the policy's, of a head 0.4 over its width"),
    ] = 0.0
    kl_coef: Annotated[float, Meta(ge=0, description="β, reward units a nat of KL")] = 0.35
    kl_estimator: Annotated[
        Literal["k1", "k3"], Meta(description="Of the penalty: log-ratio, or the positive one")
    ] = "k1"
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
    cliprange_value: Annotated[float, Meta(gt=0, description="Of the clipped value loss")] = 0.2
    vf_coef: Annotated[float, Meta(ge=0, description="Weight of the value loss")] = 0.1
    gamma: Annotated[float, Meta(gt=0, le=1, description="γ, the discount a token")] = 1.0
    lam: Annotated[float, Meta(ge=0, le=1, description="λ of GAE")] = 0.95
    whiten_rewards: Annotated[bool, Meta(description="Scale rewards to variance 1")] = False
    normalize_rewards: Annotated[
        bool, Meta(description="Divide scores by their running standard deviation")
    ] = False


class GroupOptions(OnlineOptions):
    """Of RLOO and GRPO: several responses a prompt are compared with each other."""

    batch_size: Annotated[
        PositiveInt, Meta(description="Responses a forward pass at most, per process")
    ] = 32
    rollout_batch_size: Annotated[PositiveInt, Meta(description="Prompts a rollout")] = 16
    num_generations: Annotated[int, Meta(ge=2, description="Responses a prompt")] = 4
    num_iterations: Annotated[PositiveInt, Meta(description="Passes over each rollout")] = 1
    epsilon: Annotated[float, Meta(gt=0, description="ε of the clipped ratio")] = 0.2


class RLOOOptions(GroupOptions):
    beta: Annotated[float, Meta(ge=0, description="β of the KL penalty in the reward")] = 0.05
    normalize_advantages: Annotated[
        bool, Meta(description="Scale advantages to mean 0 and variance 1 over the rollout")
    ] = False


class GRPOOptions(GroupOptions):
    beta: Annotated[
        float, Meta(ge=0, description="β of the KL term in the loss; 0: none, also no reference")
    ] = 0.04
    loss_type: Annotated[
        Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"],
        Meta(description="TRL's losses of GRPO"),
    ] = "dapo"
    scale_rewards: Annotated[
        Literal["group", "batch", "none"],
        Meta(description="Divide advantages by the standard deviation of a group, or of all"),
    ] = "group"
    importance_sampling: Annotated[
        Literal["token", "sequence"], Meta(description="Ratios of tokens, or of whole responses")
    ] = "token"
    epsilon_high: Annotated[
        float, Meta(ge=0, description="Upper ε of the clipped ratio; 0: the same")
    ] = 0.0
    mask_truncated: Annotated[
        bool, Meta(description="Leave responses without EOS out of the loss")
    ] = False
