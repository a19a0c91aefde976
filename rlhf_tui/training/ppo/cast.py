"""Who takes part in a PPO run, made from its options: policy, critic, reference, rewards."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.generation.sampler import Sampling
from rlhf_tui.training import models, tuning
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.ppo.critic_start import adapter_critic, separate_critic
from rlhf_tui.training.ppo.distributed import Team
from rlhf_tui.training.ppo.policy import Policy, Reference, recompute
from rlhf_tui.training.ppo.rollout import Actors
from rlhf_tui.training.precision import precision_of
from rlhf_tui.training.rendering import Renderer
from rlhf_tui.training.rewards.weighted import make_rewards


def make_actors(
    options: PPOOptions, loaded: Loaded, renderer: Renderer, cwd: Path, team: Team
) -> Actors:
    """Everyone, on one device, the policy and its critic ready to be trained.

    Args:
        loaded: the starting policy; it becomes the one that is trained.
        cwd: where the launch was given; reward functions are imported from there.

    Raises:
        UsageError: options that cannot hold together with these models.
        InputError: a model or function cannot be used.
    """
    device = models.device_of(options)
    precision = precision_of(options.precision, device)
    # Before anything else: a reward that cannot be has nothing to wait for.
    rewards = make_rewards(options, device, cwd)
    # Copies come first: of weights as they were loaded, without an adapter around them.
    critic = separate_critic(options, loaded) if options.critic == "separate" else None
    model = tuning.prepare(loaded, options, "CAUSAL_LM").eval()
    frozen = None if options.tune == "lora" else _frozen_copy(model)
    if options.critic == "adapter":
        critic = adapter_critic(options, loaded, model)
    if critic is None:
        print("Critic: a fresh value head on the policy's trunk.", flush=True)
    print(f"Reference: {_reference_in_words(options)}.", flush=True)
    if options.gradient_checkpointing:
        recompute(model)
    policy = Policy(model, with_value=critic is None, precision=precision)
    sampling = Sampling(
        max_new_tokens=options.response_length,
        stop=models.stop_tokens(loaded),
        fill=models.fill_token(loaded.tokenizer),
        temperature=options.temperature,
    )
    return Actors(
        policy,
        Reference(policy, frozen, precision=precision),
        rewards,
        renderer,
        sampling,
        options,
        critic=critic,
        team=team,
    )


def _frozen_copy(model: Any) -> Any:
    """The model as it is; weights that are not trained stay shared with it."""
    shared = {id(p): p for p in model.parameters() if not p.requires_grad}
    return copy.deepcopy(model, shared).requires_grad_(False)


def _reference_in_words(options: PPOOptions) -> str:
    if options.tune == "lora":
        return "the policy with its adapter off"
    return "a frozen copy" if options.tune == "full" else "a frozen copy of what is trained"
