"""Which critic a run gets, and where it starts; the log says it in one sentence."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlhf_tui.config.options import PPOOptions
from rlhf_tui.errors import UsageError
from rlhf_tui.training import adapters, model_files, models, tuning
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.ppo.critic import ADAPTER, POLICY, Critic
from rlhf_tui.training.ppo.policy import recompute
from rlhf_tui.training.ppo.value_head import zero_head
from rlhf_tui.training.precision import precision_of


@dataclass(frozen=True)
class Start:
    """The reward model as a critic's start, or why it cannot be one."""

    why_not: str = ""
    body: Any = None
    """A trunk, or the weights of an adapter by name."""
    shape: Any = None
    """An adapter's LoraConfig."""
    head: Tensor | None = None
    """[1, h] weights of the score."""
    bias: Tensor | None = None


def separate_critic(options: PPOOptions, loaded: Loaded) -> Critic:
    """A model of its own: a copy of the reward model, else of the policy as it is now.

    Call it before the policy is given an adapter.

    Raises:
        UsageError: critic_init asks for the reward model, which cannot be a critic.
    """
    start = _wanted(options, _from_classifier, loaded)
    device = models.device_of(options)
    trunk = start.body
    if trunk is None:
        trunk = copy.deepcopy(_trunk(loaded.model))
    trunk = _tuned(trunk, options, loaded.source)
    _say(
        "a model of its own, a copy of the reward model, whose score is its value head",
        "a model of its own, a copy of the starting policy with a fresh value head",
        start,
    )
    if options.gradient_checkpointing:
        recompute(trunk)
    trained = {n: p for n, p in trunk.named_parameters() if p.requires_grad}
    precision = precision_of(options.precision, device)
    return Critic(trunk.eval(), _head(start, trunk, device), trained, precision=precision)


def adapter_critic(options: PPOOptions, loaded: Loaded, policy: Any) -> Critic:
    """A second adapter on the policy's base: the reward model's where it is one, else fresh.

    Args:
        policy: the PeftModel with the policy's own adapter.

    Raises:
        UsageError: critic_init asks for the reward model, which is no such adapter.
    """
    from peft import set_peft_model_state_dict

    start = _wanted(options, _from_adapter, loaded)
    device = models.device_of(options)
    shape = start.shape or copy.deepcopy(policy.peft_config[POLICY])
    torch.manual_seed(options.seed + 1)
    policy.add_adapter(ADAPTER, shape)
    if start.body is not None:
        set_peft_model_state_dict(policy, start.body, adapter_name=ADAPTER)
    policy.set_adapter(POLICY)
    _say(
        "an adapter of its own on the policy's base, which starts as the reward model's adapter"
        " with its score as value head",
        "an adapter of its own on the policy's base, fresh, with a fresh value head",
        start,
    )
    trunk = _trunk(policy.get_base_model())
    trained = {n: p for n, p in trunk.named_parameters() if f".{ADAPTER}." in n}
    for parameter in trained.values():
        parameter.data = parameter.data.float()
    precision = precision_of(options.precision, device)
    return Critic(trunk, _head(start, trunk, device), trained, shared=policy, precision=precision)


def _wanted(options: PPOOptions, find: Any, loaded: Loaded) -> Start:
    if options.critic_init == "fresh":
        return Start("as critic_init says")
    start: Start = (
        find(options, loaded)
        if options.reward_model
        else Start("there is no reward model, only other sources of reward")
    )
    if start.why_not and options.critic_init == "reward-model":
        raise UsageError(
            f"critic_init = 'reward-model' cannot be: {start.why_not}.",
            hint="Use critic_init = 'auto' or 'fresh', or another critic.",
        )
    return start


def _from_classifier(options: PPOOptions, loaded: Loaded) -> Start:
    """The reward model's body and score, if it reads from left to right what the policy writes."""
    trained = options.tune != "lora"
    rewarding = models.load_reward_model(
        options.reward_model,
        models.device_of(options),
        precision="fp32" if trained else options.precision,
    )
    model = rewarding.model
    score = getattr(model, "score", None)
    if not isinstance(score, nn.Linear):
        return Start(f"the reward model ({type(model).__name__}) does not read as a policy writes")
    theirs = rewarding.tokenizer.get_vocab()
    if any(theirs.get(token) != place for token, place in loaded.tokenizer.get_vocab().items()):
        return Start("the reward model has another tokenizer")
    wanted = min(options.max_length, models.context_length(loaded))
    if models.context_length(rewarding) < wanted:
        return Start(f"the reward model takes only {models.context_length(rewarding)} tokens")
    row = 0
    if model.config.num_labels > 1:
        row = int(model.config.label2id[options.reward_label])
    bias = None if score.bias is None else score.bias.detach()[row : row + 1]
    return Start(body=_trunk(model), head=score.weight.detach()[row : row + 1], bias=bias)


def _from_adapter(options: PPOOptions, loaded: Loaded) -> Start:
    """The reward model's adapter and score, if it stands on the policy's own base."""
    from peft import LoraConfig
    from safetensors.torch import load_file

    folder = Path(options.reward_model)
    if not (folder / model_files.ADAPTER).exists():
        return Start("the reward model is no adapter")
    if not _same(adapters.base_of(folder), loaded.source):
        return Start(f"the reward model is an adapter on {adapters.base_of(folder)!r}")
    weights = load_file(folder / adapters.WEIGHTS)
    score = weights.pop("base_model.model.score.weight", None)
    shape = LoraConfig.from_pretrained(str(folder))
    if not isinstance(shape, LoraConfig) or score is None or score.size(0) != 1:
        return Start("the reward model's adapter is no LoRA with one score")
    if not all(".lora_" in name for name in weights):
        return Start("the reward model's adapter changes more than an adapter can hold here")
    shape.task_type = shape.modules_to_save = None
    shape.inference_mode = False
    return Start(body=weights, shape=shape, head=score)


def _same(one: str, other: str) -> bool:
    return one == other or (Path(one).exists() and Path(one).resolve() == Path(other).resolve())


def _trunk(model: Any) -> Any:
    """A model without its head."""
    return model.base_model


def _tuned(trunk: Any, options: PPOOptions, source: str) -> Any:
    """The trunk with exactly those weights trainable that `tune` names."""
    trunk.requires_grad_(options.tune == "full")
    if options.tune == "last-layer":
        blocks, norms = tuning.last_block(trunk, source)
        for module in [blocks[-1], *norms]:
            module.requires_grad_(True)
    if options.tune != "lora":
        return trunk
    from peft import get_peft_model

    shape = tuning.lora_config(trunk, options, "CAUSAL_LM")
    # Of a trunk: nothing of a language model's forward pass is wanted around it.
    shape.task_type = None
    torch.manual_seed(options.seed + 1)
    adapted = get_peft_model(trunk, shape)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def _head(start: Start, trunk: Any, device: torch.device) -> nn.Linear:
    """The value head: the reward model's score, or zeros."""
    head = zero_head(trunk.config.get_text_config().hidden_size, device)
    with torch.no_grad():
        if start.head is not None:
            head.weight.copy_(start.head)
        if start.bias is not None:
            head.bias.copy_(start.bias)
    return head


def _say(taken: str, fresh: str, start: Start) -> None:
    told = taken if start.body is not None else f"{fresh} ({start.why_not})"
    print(f"Critic: {told}.", flush=True)
