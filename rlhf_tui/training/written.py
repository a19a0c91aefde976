"""What a model in training writes: a few held-out prompts, answered at every evaluation.

For the trainers that pass over rows and never write anything otherwise. Answers are greedy, so
that nothing but the weights changes them, and no random number of the training's is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from rlhf_tui.errors import InputError
from rlhf_tui.generation.sampler import Response, Sampling, sample
from rlhf_tui.records import Text
from rlhf_tui.runs.layout import SampleRow
from rlhf_tui.training import held_out, models
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.rendering import Renderer

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

UNABLE = (InputError, TypeError, ValueError, torch.OutOfMemoryError)
"""What an answer may fail of although the model can be trained: one without a cache of keys and
values, one that knows no positions, memory that the cache does not fit into."""
LONGEST = 64
"""Tokens of an answer: enough to see how a model speaks, and short beside an evaluation."""


class Written(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Has prompts answered before the first step and after every evaluation."""

    def __init__(
        self,
        context: RunContext,
        trainer: Any,
        loaded: Loaded,
        renderer: Renderer,
        prompts: Sequence[Text],
    ) -> None:
        """
        Args:
            loaded: the model as it was before an adapter was put on.
            prompts: those that are answered.
        """
        self._context = context
        self._trainer = trainer
        # One of its own: what is cut here is no finding about the rows.
        self._renderer = Renderer(renderer.tokenizer, renderer.rendering)
        self._prompts = list(prompts)
        # At least half of the room is the prompt's.
        room = max(1, min(LONGEST, renderer.rendering.max_length // 2))
        self._tokens = self._renderer.prompts(self._prompts, room=room)
        self._sampling = Sampling(
            max_new_tokens=room,
            stop=models.stop_tokens(loaded),
            fill=models.fill_token(loaded.tokenizer),
            temperature=0.0,
        )

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 0:
            held_out.show_reference(self._context, self._show(0))

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._show(state.global_step)

    def _show(self, step: int) -> list[SampleRow]:
        try:
            answers = self._answers()
        except UNABLE as error:
            if self._sharded and isinstance(error, torch.OutOfMemoryError):
                # The other processes are still at it, and would wait for ever.
                raise
            told = str(error).partition("\n")[0]
            print(f"No more samples are written: {told}", flush=True)
            self._prompts, self._tokens, answers = [], [], []
        rows = [
            SampleRow(step=step, prompt=text, completion=completion)
            for text, completion in zip(self._prompts, answers, strict=True)
        ]
        for row in rows:
            self._context.sample(row)
        return rows

    @property
    def _sharded(self) -> bool:
        return bool(self._trainer.is_fsdp_enabled or self._trainer.is_deepspeed_enabled)

    def _answers(self) -> list[Text]:
        trainer = self._trainer
        if not self._prompts or not (self._context.is_main or self._sharded):
            # The others wait for the main process at the next exchange.
            return [""] * len(self._prompts)
        model, training = trainer.model, trainer.model.training
        model.eval()
        try:
            with trainer.accelerator.autocast():
                responses = _greedy(model, self._tokens, self._sampling, in_step=self._sharded)
        finally:
            model.train(training)
        return [
            self._renderer.decode(text, ids, response.written)
            for text, ids, response in zip(self._prompts, self._tokens, responses, strict=True)
        ]


def _greedy(
    model: Any, prompts: Sequence[Sequence[int]], sampling: Sampling, *, in_step: bool
) -> list[Response]:
    """Answers of the likeliest tokens.

    Args:
        in_step: the model lies in pieces in several processes, which pass through it together:
            none may end before the others, whatever their last digits say.
    """
    stop = list(sampling.stop)
    if in_step:
        sampling = Sampling(sampling.max_new_tokens, [], sampling.fill, sampling.temperature)
    numbers = torch.zeros(len(prompts), sampling.max_new_tokens, dtype=torch.float64)
    found = sample(model, prompts, numbers, sampling)
    return [_ended(one.tokens, stop) for one in found] if in_step else found


def _ended(tokens: list[int], stop: Sequence[int]) -> Response:
    """A response up to its first stop token."""
    for place, token in enumerate(tokens):
        if token in stop:
            return Response(tokens[: place + 1], ended=True)
    return Response(tokens, ended=False)


def first_prompts(rows: Sequence[dict[str, Any]], count: int) -> list[Text]:
    """The first prompts of some rows, each once."""
    found: list[Text] = []
    for row in rows:
        if len(found) >= count:
            break
        if row["prompt"] not in found:
            found.append(row["prompt"])
    return found
