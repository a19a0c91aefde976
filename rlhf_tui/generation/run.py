"""A generate run: k completions for each prompt of the snapshot, handed over as they are made.

By a model of this machine, or with `endpoint` by a server; then torch is not even imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf_tui.config.options import GenerateOptions
from rlhf_tui.counting import count
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.records import Completion, generated_completion_id
from rlhf_tui.runs.layout import COMPLETIONS
from rlhf_tui.runs.tail import JsonlTail
from rlhf_tui.training.data import read_snapshot
from rlhf_tui.training.process import choose_threads, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rlhf_tui.generation.sampler import Sampling
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.training.models import Loaded
    from rlhf_tui.training.rendering import Renderer


def run(context: RunContext) -> None:
    """Write completions; a run that was stopped goes on where it was.

    Raises:
        NothingToDo: the snapshot has no prompts.
        UsageError: no room is left for a prompt.
        InputError: the model or the server cannot be used.
        RunFailed: a server left some prompts unanswered; what came is kept.
    """
    options = context.options(GenerateOptions)
    if options.endpoint:
        from rlhf_tui.generation.served import Served

        Served(context, options, _prompts(context, options)).write(written_ids(context))
        return
    prepare(options)
    from rlhf_tui.training import models
    from rlhf_tui.training.rendering import Renderer, rendering_for

    context.progress(0, 0, "loading the model", phase="loading")
    prompts = _prompts(context, options)
    loaded = models.load_policy(options.model, models.device_of(options), trained=False)
    choose_threads(options, loaded.parameters)
    room = models.context_length(loaded)
    if options.max_new_tokens >= room:
        raise UsageError(
            f"max_new_tokens ({options.max_new_tokens}) leaves no room for a prompt: "
            f"the model takes {room} tokens in all."
        )
    renderer = Renderer(loaded.tokenizer, rendering_for(loaded.tokenizer, room))
    tokens = renderer.prompts([p["prompt"] for p in prompts], room=options.max_new_tokens)
    print(renderer.overlong.report() or f"{count(len(prompts), 'prompt')}.", flush=True)
    Writer(context, options, loaded, renderer).write(prompts, tokens)


def _prompts(context: RunContext, options: GenerateOptions) -> list[dict[str, Any]]:
    prompts = [row for split in SPLIT_FILES for row in read_snapshot(context, split, NEEDED)]
    if options.limit:
        prompts = prompts[: options.limit]
    if not prompts:
        raise NothingToDo("There are no prompts to continue.", hint="Import some prompts.")
    return prompts


def written_ids(context: RunContext) -> set[str]:
    """Ids of the completions that an earlier worker of this run left."""
    return {row["completion_id"] for row in JsonlTail(context.directory / COMPLETIONS).read()}


NEEDED = ("prompt", "prompt_id")
SPLIT_FILES: tuple[Any, ...] = ("train", "validation", "test")
"""The hub puts only the prompts that were asked for into the snapshot, whatever their split."""


class Writer:
    """Writes the completions that are not there yet."""

    def __init__(
        self, context: RunContext, options: GenerateOptions, loaded: Loaded, renderer: Renderer
    ) -> None:
        from rlhf_tui.generation.sampler import Sampling
        from rlhf_tui.training import models

        self._context = context
        self._options = options
        self._model = loaded.model
        self._renderer = renderer
        self._sampling: Sampling = Sampling(
            max_new_tokens=options.max_new_tokens,
            stop=models.stop_tokens(loaded),
            fill=models.fill_token(loaded.tokenizer),
            temperature=options.temperature,
            top_p=options.top_p,
        )
        self._parameters = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_new_tokens": options.max_new_tokens,
            "seed": options.seed,
        }

    def write(self, prompts: list[dict[str, Any]], tokens: list[list[int]]) -> None:
        """All completions, a prompt's k together, prompts of like length beside each other."""
        total = len(prompts) * self._options.k
        done = written_ids(self._context)
        wanted = [
            (place, index)
            for place in sorted(range(len(prompts)), key=lambda i: len(tokens[i]))
            for index in range(self._options.k)
            if self._id(prompts[place], index) not in done
        ]
        finished = total - len(wanted)
        self._context.progress(finished, total)
        for batch in self._batches(wanted):
            if self._context.should_stop():
                return
            written = self._complete(prompts, tokens, batch)
            self._context.append_completions(written)
            finished += len(written)
            self._context.progress(finished, total, f"{finished:,} of {total:,} completions")
            ended = sum(c.finish_reason == "eos" for c in written)
            length = sum(c.tokens or 0 for c in written) / len(written)
            self._context.log_metrics(
                finished, {"response_length": length, "eos_share": ended / len(written)}
            )

    def _batches(self, wanted: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        # A prompt can be ranked once all its completions are there: never split them.
        size = max(1, self._options.batch_size // self._options.k) * self._options.k
        for start in range(0, len(wanted), size):
            yield wanted[start : start + size]

    def _complete(
        self,
        prompts: list[dict[str, Any]],
        tokens: list[list[int]],
        batch: list[tuple[int, int]],
    ) -> list[Completion]:
        from rlhf_tui.generation.sampler import sample, uniforms

        keys = [f"{prompts[place]['prompt_id']}:{index}" for place, index in batch]
        numbers = uniforms(self._options.seed, keys, self._sampling.max_new_tokens)
        responses = sample(
            self._model, [tokens[place] for place, _ in batch], numbers, self._sampling
        )
        return [
            Completion(
                completion_id=self._id(prompts[place], index),
                prompt_id=prompts[place]["prompt_id"],
                completion=self._renderer.decode(
                    prompts[place]["prompt"], tokens[place], response.written
                ),
                model=self._options.model,
                run_id=self._context.arguments.run_id,
                parameters=self._parameters,
                tokens=len(response.tokens),
                finish_reason="eos" if response.ended else "length",
            )
            for (place, index), response in zip(batch, responses, strict=True)
        ]

    def _id(self, prompt: dict[str, Any], index: int) -> str:
        return generated_completion_id(self._context.arguments.run_id, prompt["prompt_id"], index)
