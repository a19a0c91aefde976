"""A generate run whose completions a server makes: written as they come, stopped at any moment.

The same files, ids and figures as those of a run with a model of this machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlhf_tui.counting import count
from rlhf_tui.errors import RlhfError, RunFailed
from rlhf_tui.generation.asking import Answer, Endpoint, How, Wanted
from rlhf_tui.generation.endpoint import Server, seed_of
from rlhf_tui.records import Completion, Message, Text, generated_completion_id

if TYPE_CHECKING:
    from rlhf_tui.config.options import GenerateOptions
    from rlhf_tui.runs.context import RunContext

ALIKE_PROMPTS = 8
"""So many prompts, each of whose completions are all the same, mean that nothing is drawn."""


class Served:
    """Asks for the completions that are not there yet."""

    def __init__(
        self, context: RunContext, options: GenerateOptions, prompts: Sequence[dict[str, Any]]
    ) -> None:
        self._context = context
        self._options = options
        self._prompts = prompts
        self._server = Server(
            Endpoint(
                options.endpoint,
                options.endpoint_model,
                options.concurrency,
                options.retries,
                options.request_timeout,
            )
        )
        self._how = How(options.max_new_tokens, options.temperature, options.top_p)
        self._total = len(prompts) * options.k
        self._finished = 0
        self._recent: list[Answer] = []
        self._since = time.monotonic()
        self._texts: dict[int, list[str]] = {}
        self._told = False

    def write(self, done: set[str]) -> None:
        """Write all that are left; returns early when the run is asked to stop.

        Args:
            done: ids of completions that an earlier worker wrote.

        Raises:
            UsageError, InputError: the server cannot be used.
            RunFailed: some could not be had; what came is kept.
        """
        wanted = [
            Wanted((place, index), row["prompt"], self._seed(row["prompt_id"], index))
            for place, row in enumerate(self._prompts)
            for index in range(self._options.k)
            if self._id(place, index) not in done
        ]
        self._finished = self._total - len(wanted)
        self._context.progress(self._finished, self._total, f"asking {self._server.url}")
        if wanted:
            asyncio.run(self._ask(wanted))

    async def _ask(self, wanted: Sequence[Wanted]) -> None:
        before = self._finished
        try:
            async with self._server as server:
                prompts = count(len(self._prompts), "prompt")
                print(f"{prompts}; {server.model} at {server.url}", flush=True)
                await self._take(server, wanted)
        except RlhfError as error:
            # At the very start the server's own words say all there is to say.
            if self._finished == before and not self._server.failures.count:
                raise
            raise RunFailed(f"{error.message} {self._left()}", hint=self._resume()) from error
        finally:
            self._report()
        if self._server.failures.count and not self._context.stopped:
            reason = f"The server at {self._server.url}: {self._server.failures.first}"
            raise RunFailed(f"{self._left()} {reason}", hint=self._resume())

    async def _take(self, server: Server, wanted: Sequence[Wanted]) -> None:
        coming = server.complete_all(wanted, self._how)
        try:
            while not self._context.should_stop():
                try:
                    item = await anext(coming)
                except StopAsyncIteration:
                    return
                if item is not None:
                    self._keep(*item)
        finally:
            await coming.aclose()

    def _keep(self, wanted: Wanted, answer: Answer) -> None:
        place, index = wanted.name
        self._context.append_completions([self._completion(place, index, wanted, answer)])
        self._finished += 1
        self._recent.append(answer)
        self._context.progress(
            self._finished, self._total, f"{self._finished:,} of {self._total:,} completions"
        )
        if len(self._recent) >= self._options.batch_size:
            self._report()
        self._watch(place, answer.text)

    def _completion(self, place: int, index: int, wanted: Wanted, answer: Answer) -> Completion:
        options, server = self._options, self._server
        parameters: dict[str, Any] = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_new_tokens": options.max_new_tokens,
            "endpoint": server.url,
        }
        if server.seeded:
            parameters["seed"] = wanted.seed
        return Completion(
            completion_id=self._id(place, index),
            prompt_id=self._prompts[place]["prompt_id"],
            completion=_as_asked(wanted.prompt, answer.text),
            model=server.model,
            run_id=self._context.arguments.run_id,
            parameters=parameters,
            tokens=answer.tokens,
            finish_reason=answer.finish_reason,
        )

    def _report(self) -> None:
        """A line of figures over what came since the last one."""
        if not self._recent:
            return
        now = time.monotonic()
        figures: dict[str, float] = {
            "completions_per_second": len(self._recent) / max(now - self._since, 1e-9),
            "requests_retried": self._server.retried,
            "requests_failed": self._server.failures.count,
        }
        lengths = [answer.tokens for answer in self._recent if answer.tokens is not None]
        if lengths:
            figures["response_length"] = sum(lengths) / len(lengths)
        ends = [answer.finish_reason for answer in self._recent if answer.finish_reason]
        if ends:
            figures["eos_share"] = ends.count("eos") / len(ends)
        self._context.log_metrics(self._finished, figures)
        self._recent.clear()
        self._since = now

    def _watch(self, place: int, text: str) -> None:
        """Say once that a server gives the same completion every time: nobody can rank those."""
        texts = self._texts.setdefault(place, [])
        texts.append(text)
        whole = [known for known in self._texts.values() if len(known) == self._options.k]
        if self._told or self._options.k < 2 or len(whole) < ALIKE_PROMPTS:
            return
        self._told = True
        self._texts.clear()
        if all(len(set(known)) == 1 for known in whole):
            print(
                f"Each of the first {ALIKE_PROMPTS} prompts got the same completion"
                f" {self._options.k} times: the server does not sample. Some servers decode"
                " greedily unless the model's generation_config.json has do_sample = true.",
                flush=True,
            )

    def _left(self) -> str:
        return (
            f"{self._finished:,} of {self._total:,} completions were made and are kept;"
            f" {self._total - self._finished:,} are missing."
        )

    def _resume(self) -> str:
        return f"Ask for the missing ones with: rlhf-tui runs resume {self._run_id}"

    @property
    def _run_id(self) -> str:
        return self._context.arguments.run_id

    def _seed(self, prompt_id: str, index: int) -> int:
        return seed_of(self._options.seed, f"{prompt_id}:{index}")

    def _id(self, place: int, index: int) -> str:
        return generated_completion_id(self._run_id, self._prompts[place]["prompt_id"], index)


def _as_asked(prompt: Text, text: str) -> Text:
    return text if isinstance(prompt, str) else [Message(role="assistant", content=text)]
