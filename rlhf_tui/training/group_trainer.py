"""What our subclasses of TRL's RLOO and GRPO trainers do otherwise than TRL.

- Prompts are tokens that our renderer made, so that the policy reads what PPO's and a generate
  run's policy would read. A row names its prompt by number.
- Completions are decoded behind their prompt's own tokens, and scored by our sources of rewards
  as these were trained; what the policy did not end takes the missing-EOS penalty then.
- The order of prompts is a function of the seed: whole shuffled passes over them, one behind the
  other, and each rollout full. TRL's own drops what is left of a pass.
- Positions are counted without padding, in training as in writing.
- The reference is a frozen copy of the starting policy, or the policy with its adapter off. TRL
  loads it again by the name in the model's config, which may be another model's.
"""

from __future__ import annotations

import copy
import inspect
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer, RLOOTrainer

from rlhf_tui.config.options import GroupOptions
from rlhf_tui.generation.sampler import left_pad
from rlhf_tui.training.distributions import Values
from rlhf_tui.training.ppo import schedule
from rlhf_tui.training.ppo.rollout import Prompts
from rlhf_tui.training.rendering import Renderer
from rlhf_tui.training.rewards.weighted import WeightedSum
from rlhf_tui.training.scoring import right_pad

Tokens = list[list[int]]
WRITTEN_AT_ONCE = 8
"""Responses written at once, in forward passes of training: writing keeps no activations, so that
more fit into memory; and when they do not, a smaller batch size helps there too."""


class Rewards:
    """The reward function that TRL calls: scores, less the penalty, clipped."""

    def __init__(
        self,
        prompts: Prompts,
        sources: WeightedSum,
        renderer: Renderer,
        stop: Sequence[int],
        options: GroupOptions,
    ) -> None:
        self._prompts = prompts
        self._sources = sources
        self._renderer = renderer
        self._stop = frozenset(stop)
        self._penalty = options.missing_eos_penalty
        self._clip = options.reward_clip or math.inf

    @property
    def __name__(self) -> str:
        return "reward"

    def __call__(
        self,
        prompts: Sequence[str],
        completion_ids: Tokens,
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        """[n] rewards; None where no source judges a completion.

        Args:
            prompts: numbers of prompts, as text.
            completion_ids: [n][r] tokens.
        """
        given = self._prompts.pick([int(number) for number in prompts])
        ended = [self.ended(response) for response in completion_ids]
        completions = [
            # The stop token need not be a special one, and is no text in any case.
            self._renderer.decode(text, ids, response[:-1] if end else response)
            for text, ids, response, end in zip(
                given.texts, given.tokens, completion_ids, ended, strict=True
            )
        ]
        scores = self._sources.score(given.texts, completions)
        for name, mean in self._sources.means.items():
            log_metric(name, mean)
        return [
            None if math.isnan(score) else self._shaped(score, end)
            for score, end in zip(scores, ended, strict=True)
        ]

    def ended(self, response: Sequence[int]) -> bool:
        """Whether the policy ended it by itself."""
        return bool(response) and response[-1] in self._stop

    def _shaped(self, score: float, ended: bool) -> float:
        score -= 0.0 if ended else self._penalty
        return max(-self._clip, min(self._clip, score))


def order(prompts: int, rollouts: int, size: int, seed: int) -> list[int]:
    """The prompt of each place in each rollout: [rollouts · size], shuffled passes over all."""
    found: list[int] = []
    while len(found) < rollouts * size:
        found += schedule.shuffled(seed, f"pass:{len(found) // prompts}", prompts)
    return found[: rollouts * size]


class GroupTrainer:
    """A mixin in front of TRL's RLOOTrainer or GRPOTrainer."""

    def __init__(self, *, reference: Any | None, prompts: Prompts, **named: Any) -> None:
        """
        Args:
            reference: a frozen copy of the starting policy, or None where the adapter is turned
                off for it or no KL is wanted.
            prompts: those that the rows of `train_dataset` number.
        """
        args = named["args"]
        # With a β it would load a reference of its own.
        beta, args.beta = args.beta, 0.0
        super().__init__(**named)
        me: Any = self
        me.beta = args.beta = beta
        self._prompts = prompts
        self._seconds: defaultdict[str, float] = defaultdict(float)
        """Of the rollouts since the last line of the log, by phase."""
        self._rollouts = 0
        self._measured = 0.0
        """When the rollout going on was ready to be learnt from."""
        self._latest: dict[str, Tensor] = {}
        """Of the last rollout: reward [n], length and advantage [b], token_kl [t]."""
        self._logprobs: list[Tensor] | None = None
        """Those asked for while a rollout is scored."""
        if "ref" in getattr(me.model, "peft_config", {}):
            # TRL copies an adapter that it did not make itself. Ours is fresh and changes nothing
            # yet, so that turned off is the same, without a second adapter in every checkpoint.
            me.model.delete_adapter("ref")
        count_without_padding(me.accelerator.unwrap_model(me.model))
        if reference is not None:
            count_without_padding(reference)
        me.ref_model = None if reference is None else self._prepared(reference)

    def _prepared(self, reference: Any) -> Any:
        """The reference on this process's device, with the head that gives log-probabilities."""
        from trl.models import prepare_deepspeed, prepare_fsdp
        from trl.trainer.utils import add_fused_lm_head, disable_dropout_in_model

        me: Any = self
        disable_dropout_in_model(reference)
        add_fused_lm_head(reference, temperature=me.temperature)
        if me.is_deepspeed_enabled:
            return prepare_deepspeed(reference, me.accelerator)
        if me.is_fsdp_enabled:
            return prepare_fsdp(reference, me.accelerator)
        return me.accelerator.prepare_model(reference, evaluation_mode=True)

    def _tokenize_prompts(self, prompts: Sequence[str]) -> tuple[Tokens, None, dict[str, Any]]:
        """In place of TRL's own, which knows neither our plain dialogue nor our truncation."""
        return self._prompts.pick([int(number) for number in prompts]).tokens, None, {}

    # --- what a rollout took, and what it was like ----------------------------------------

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        began, before = time.perf_counter(), sum(self._seconds.values())
        self._logprobs = []
        own: Any = super()
        found: dict[str, Any] = own._generate_and_score_completions(inputs)
        mask = found["completion_mask"].bool()
        self._latest["response_length"] = mask.sum(-1)
        self._latest["advantage"] = found["advantages"]
        if len(self._logprobs) == 2:
            policy, reference = self._logprobs
            self._latest["token_kl"] = (policy - reference)[mask]
        self._logprobs = None
        self._measured = time.perf_counter()
        known = sum(self._seconds.values()) - before
        self._seconds["measure"] += self._measured - began - known
        self._rollouts += 1
        return found

    def _generate(self, *given: Any) -> Any:
        own: Any = super()
        return self._timed("rollout", own._generate, *given)

    def _calculate_rewards(self, *given: Any) -> Tensor:
        own: Any = super()
        found: Tensor = self._timed("reward", own._calculate_rewards, *given)
        self._latest["reward"] = found[:, 0]
        return found

    def _timed(self, phase: str, work: Callable[..., Any], *given: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*given)
        finally:
            self._seconds[phase] += time.perf_counter() - began

    def _get_per_token_logps_and_entropies(self, *given: Any, **named: Any) -> Any:
        own: Any = super()
        found = own._get_per_token_logps_and_entropies(*given, **named)
        if self._logprobs is not None:
            self._logprobs.append(found[0])
        return found

    def rollout_used(self) -> None:
        """All optimizer steps on the rollout are done."""
        self._seconds["update"] += time.perf_counter() - self._measured

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs and self._rollouts:
            for phase, seconds in self._seconds.items():
                logs[f"time/{phase}"] = seconds / self._rollouts
            self._seconds.clear()
            self._rollouts = 0
        own: Any = super()
        own.log(logs, start_time)

    def distributions(self, logs: dict[str, float]) -> Values:
        """How the last rollout's values lie, beside a line of training.

        Rewards are those of all processes, the others this one's own. Per-token KL is there where
        the trainer asks policy and reference for a rollout's log-probabilities: always in RLOO
        with a β, in GRPO only if it has several steps a rollout besides.
        """
        if "loss" not in logs:
            return {}
        units = {"response_length": "tokens", "token_kl": "nats"}
        return {name: (value, units.get(name, "")) for name, value in self._latest.items()}

    def _parts(self, prompts: Tokens) -> list[Tokens]:
        """Prompts that are answered at once; equally many parts in every process."""
        me: Any = self
        size = WRITTEN_AT_ONCE * me.args.per_device_train_batch_size
        return [prompts[start : start + size] for start in range(0, len(prompts), size)]

    @torch.no_grad()
    def log_ratios(self, prompts: Tokens, responses: Tokens) -> list[float] | None:
        """Summed log-probability of each response, less the reference's; None without one.

        Args:
            prompts: [b][q] tokens.
            responses: [b][r] tokens, none empty.
        """
        me: Any = self
        adapter = hasattr(me.model, "disable_adapter")
        if me.ref_model is None and not adapter:
            return None
        fill = me._tokenizer.pad_token_id
        before, before_mask = left_pad(prompts, fill)
        behind, mask = right_pad(responses, fill)
        ids = torch.cat([before, behind], 1).to(me.accelerator.device)
        attended = torch.cat([before_mask, mask], 1).to(me.accelerator.device)

        def log_probabilities(model: Any) -> Tensor:
            found, _, _ = me._get_per_token_logps_and_entropies(
                model, ids, attended, behind.size(1)
            )
            summed: Tensor = (found * mask.to(found.device)).sum(-1)
            return summed

        policy = log_probabilities(me.model)
        with ExitStack() as stack:
            if me.ref_model is None:
                stack.enter_context(me.accelerator.unwrap_model(me.model).disable_adapter())
            reference = log_probabilities(me.model if me.ref_model is None else me.ref_model)
        differences: list[float] = (policy - reference).tolist()
        return differences


class RLOO(GroupTrainer, RLOOTrainer):  # type: ignore[misc]  # TRL has no types
    """REINFORCE with the mean of a prompt's other responses as the baseline."""

    def respond(self, prompts: Tokens) -> Tokens:
        """The policy's responses, as in a rollout; draws from torch's random numbers."""
        return self._generate_single_turn(prompts, None, {})

    def _generate_single_turn(self, prompt_ids: Tokens, *rest: Any) -> Tokens:
        write = super()._generate_single_turn
        return [response for part in self._parts(prompt_ids) for response in write(part, *rest)]


class GRPO(GroupTrainer, GRPOTrainer):  # type: ignore[misc]  # TRL has no types
    """Responses against their group's mean, in units of its spread."""

    def respond(self, prompts: Tokens) -> Tokens:
        """The policy's responses, as in a rollout; draws from torch's random numbers."""
        return self._generate_single_turn(prompts, None, {}, self.num_generations)[0]

    def _generate_single_turn(self, prompt_ids: Tokens, *rest: Any) -> tuple[Tokens, None]:
        write = super()._generate_single_turn
        parts = [write(part, *rest)[0] for part in self._parts(prompt_ids)]
        # What stands second are vLLM's own log-probabilities.
        return [response for part in parts for response in part], None


def count_without_padding(model: Any) -> None:
    """Number a model's positions from each row's first real token, in every forward pass.

    TRL pads prompts on the left and names no positions; models that learnt theirs would read a
    short prompt elsewhere than `generate` does, which counts like this.
    """
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    if "position_ids" not in inspect.signature(type(bare).forward).parameters:
        return

    def count(_: Any, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
        mask = named.get("attention_mask")
        known = named.get("position_ids") is not None or named.get("past_key_values") is not None
        if mask is not None and mask.dim() == 2 and not known:
            named = named | {"position_ids": (mask.long().cumsum(-1) - 1).clamp(min=0)}
        return args, named

    bare.register_forward_pre_hook(count, with_kwargs=True)


def frozen_copy(model: Any) -> Any:
    """The policy as it is now, for ever."""
    return copy.deepcopy(model).requires_grad_(False).eval()
