"""Held-out prompts of RLOO and GRPO runs: answered as in a rollout, by all processes together."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object

from rlhf_tui.config.options import GroupOptions
from rlhf_tui.training.endpoint_line import endpoint_figures
from rlhf_tui.training.held_out import Answered, report, show_reference_answers
from rlhf_tui.training.ppo.rollout import Prompts
from rlhf_tui.training.rendering import Renderer
from rlhf_tui.training.rewards.weighted import WeightedSum

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext


class HeldOut:
    """The prompts that are answered each time, and how their answers are judged."""

    def __init__(
        self,
        context: RunContext,
        options: GroupOptions,
        prompts: Prompts,
        sources: WeightedSum,
        renderer: Renderer,
        stop: Sequence[int],
    ) -> None:
        self._context = context
        self._options = options
        self._prompts = prompts
        self._sources = sources
        self._renderer = renderer
        self._stop = frozenset(stop)
        self._beside = endpoint_figures(context, options, prompts.texts, sources)

    def evaluate(self, trainer: Any, step: int) -> None:
        """Answer all prompts with the same random numbers each time; log and show.

        The training's own random numbers stay where they are. Every process takes its share, all
        of them equally many batches, since a sharded model is gathered by all together.
        """
        if not self._prompts.texts:
            return
        began = time.perf_counter()
        answers = self._answered(trainer, len(self._prompts.texts))
        spent = {"time/evaluate": time.perf_counter() - began}
        samples = self._options.samples
        report(self._context, step, answers, spent | self._beside, samples=samples)

    def remember_reference(self, trainer: Any) -> None:
        """Show what the policy, which has not moved yet, answers to some of the prompts."""
        total = min(self._options.samples, len(self._prompts.texts))
        if total:
            show_reference_answers(self._context, self._answered(trainer, total))

    def _answered(self, trainer: Any, total: int) -> list[Answered]:
        """Answers to the first prompts, by all processes together."""
        rank, world = self._context.rank, self._context.world
        own = list(range(rank, total, world))
        own += [0] * (math.ceil(total / world) - len(own))
        device = trainer.accelerator.device
        forked = [device] if device.type == "cuda" else []
        found: list[tuple[int, Answered]] = []
        training = trainer.model.training
        trainer.model.eval()
        with torch.random.fork_rng(devices=forked):
            torch.manual_seed(self._options.seed * world + rank)
            for start in range(0, len(own), self._options.batch_size):
                found += self._answers(trainer, own[start : start + self._options.batch_size])
        trainer.model.train(training)
        by_place = dict(gather_object(found))
        return [by_place[place] for place in sorted(by_place)]

    def _answers(self, trainer: Any, places: Sequence[int]) -> list[tuple[int, Answered]]:
        asked = self._prompts.pick(places)
        responses = trainer.respond(asked.tokens)
        ended = [response[-1] in self._stop for response in responses]
        completions = [
            self._renderer.decode(text, ids, response[:-1] if end else response)
            for text, ids, response, end in zip(
                asked.texts, asked.tokens, responses, ended, strict=True
            )
        ]
        rewards = self._sources.score(asked.texts, completions)
        kls = trainer.log_ratios(asked.tokens, responses) or [None] * len(places)
        return [
            (
                place,
                Answered(text, completion, reward, kl, len(response), end),
            )
            for place, text, completion, reward, kl, response, end in zip(
                places, asked.texts, completions, rewards, kls, responses, ended, strict=True
            )
        ]
