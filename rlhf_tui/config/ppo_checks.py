"""Options of PPO that exclude each other, told before anything heavy is imported."""

from __future__ import annotations

from rlhf_tui.config.online_options import PPOOptions
from rlhf_tui.errors import UsageError

SHARDED = ("fsdp", "deepspeed")
"""Beginnings of the shipped Accelerate configs that split a model over the processes."""


def check_ppo(options: PPOOptions) -> None:
    """Refuse what PPO cannot do, whatever the models are.

    Raises:
        UsageError: names the options and says what to change.
    """
    if options.num_mini_batches > options.rollout_batch_size:
        raise UsageError(
            f"num_mini_batches is {options.num_mini_batches}, but a rollout has only "
            f"{options.rollout_batch_size} prompts."
        )
    if options.critic == "adapter" and options.tune != "lora":
        raise UsageError(
            f"critic = 'adapter' is a second adapter on a frozen base, which tune = "
            f"{options.tune!r} would change under it.",
            hint="Use tune = 'lora', or critic = 'head' or 'separate'.",
        )
    if options.critic == "head" and options.critic_init == "reward-model":
        raise UsageError(
            "critic = 'head' stands on the policy's trunk, so it cannot start as a reward model.",
            hint="Use critic = 'adapter' (with lora) or 'separate', or critic_init = 'auto'.",
        )
    if options.critic_init == "reward-model" and options.rewards and not options.reward_model:
        raise UsageError(
            "critic_init = 'reward-model' needs a reward_model; those in rewards may be several.",
            hint="Name the one to start from as reward_model, or use critic_init = 'auto'.",
        )
    if options.adaptive_kl and not options.kl_coef:
        raise UsageError(
            "adaptive_kl multiplies kl_coef, which is 0 and would stay so.",
            hint="Give it a kl_coef above 0 to start from, 0.05 say.",
        )
    if options.critic_warmup >= options.total_steps:
        raise UsageError(
            f"critic_warmup ({options.critic_warmup}) leaves none of the {options.total_steps} "
            "rollouts (total_steps) to the policy."
        )
    if options.accelerate.startswith(SHARDED):
        raise UsageError(
            f"PPO does not run under accelerate = {options.accelerate!r}: each of its processes "
            "holds the whole model, since the same weights write and learn.",
            hint="Use accelerate = 'ddp'; tune = 'lora' and gradient_checkpointing save memory.",
        )
