"""Completions from an OpenAI-compatible server: vLLM, SGLang, TGI, llama.cpp, Ollama and others.

Text prompts go to /completions and are continued; conversations go to /chat/completions, where
the server's own chat template is used. Each completion is a request of its own with a seed of its
own: what a stopped run still lacks can then be asked for by itself, and no server's idea of `n`
matters. Imports no torch.

Source of the fields: https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import msgspec

from rlhf_tui.config.endpoints import KEY_VARIABLES, base_url
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.generation.asking import Answer, Endpoint, Failures, How, Wanted, read_answer
from rlhf_tui.generation.requests import Requests, Unanswered
from rlhf_tui.records import Text

LOOK_S = 0.2
"""A stop is noticed within this time, however long the server takes."""
SEED_BITS = 31
"""Some servers keep a seed in a signed 32-bit number."""


class Server:
    """A connection to an endpoint; use it as an async context manager.

    Raises (on entering):
        InputError: the server is away, refuses the key, or does not have the model.
        UsageError: the address is none, or the model has to be named.
    """

    def __init__(self, endpoint: Endpoint, environ: Mapping[str, str] | None = None) -> None:
        self.url = base_url(endpoint.url)
        self.model = endpoint.model
        self.failures = Failures(max(3, endpoint.concurrency))
        self._endpoint = endpoint
        self._requests = Requests(
            self.url,
            key=_key(os.environ if environ is None else environ),
            concurrency=endpoint.concurrency,
            retries=endpoint.retries,
            timeout=endpoint.timeout,
        )
        self._left_out: set[str] = set()

    @property
    def retried(self) -> int:
        """Requests that were sent again so far."""
        return self._requests.retried

    async def __aenter__(self) -> Server:
        try:
            models = await self._requests.models(needed=not self.model)
            if not self.model:
                self.model = only_model(models, self.url)
        except BaseException:
            await self._requests.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._requests.close()

    async def complete(self, wanted: Wanted, how: How) -> Answer:
        """One completion.

        Raises:
            Unanswered: not this one, after all retries; another may go well.
            RlhfError: none would.
        """
        body: dict[str, Any] = {
            "model": self.model,
            "temperature": how.temperature,
            "top_p": how.top_p,
            "max_tokens": how.max_new_tokens,
            "seed": wanted.seed,
        }
        if isinstance(wanted.prompt, str):
            route, body["prompt"] = "/completions", wanted.prompt
        else:
            route, body["messages"] = "/chat/completions", msgspec.to_builtins(wanted.prompt)
        while True:
            sent = self._adapted(body)
            try:
                return read_answer(await self._requests.post(route, sent, self.model))
            except Unanswered as refusal:
                if not self._adapt(refusal, sent):
                    raise

    def _adapted(self, body: dict[str, Any]) -> dict[str, Any]:
        sent = {name: value for name, value in body.items() if name not in self._left_out}
        if "max_tokens" in self._left_out:
            sent["max_completion_tokens"] = body["max_tokens"]
        return sent

    def _adapt(self, refusal: Unanswered, sent: Mapping[str, Any]) -> bool:
        """Do without a field that this server says it does not know; True where it was sent.

        Only where nothing is lost: newer models have another name for max_tokens, and a seed
        makes no completion better.
        """
        if refusal.status not in (400, 422):
            return False
        for name, sign in (("max_tokens", r"\bmax_completion_tokens\b"), ("seed", r"\bseed\b")):
            if name in sent and re.search(sign, refusal.reason):
                self._left_out.add(name)
                return True
        return False

    @property
    def seeded(self) -> bool:
        """Whether the server takes seeds, as far as is known."""
        return "seed" not in self._left_out

    async def complete_all(
        self, wanted: Sequence[Wanted], how: How
    ) -> AsyncGenerator[tuple[Wanted, Answer] | None]:
        """Completions as they come, `concurrency` requests at a time, begun in the given order.

        Yields None when there was nothing for a moment, so that the caller can look around;
        breaking off cancels what is on its way. One that cannot be had is counted in `failures`
        and left out.

        Raises:
            RlhfError: no completion could be had, or so many in a row failed that the server
                must be taken for gone.
        """
        waiting = iter(wanted)
        tasks: dict[asyncio.Task[Answer], Wanted] = {}
        try:
            while True:
                while len(tasks) < self._endpoint.concurrency and (one := next(waiting, None)):
                    tasks[asyncio.create_task(self.complete(one, how))] = one
                if not tasks:
                    return
                done, _ = await asyncio.wait(
                    tasks, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    yield None
                # In the order of their start, so that a prompt's completions stay together.
                for task in [task for task in tasks if task in done]:
                    one = tasks.pop(task)
                    answer = self._result(task)
                    if answer is not None:
                        yield one, answer
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _result(self, task: asyncio.Task[Answer]) -> Answer | None:
        try:
            answer = task.result()
        except Unanswered as refusal:
            if self.failures.add(refusal):
                print(refusal.reason, flush=True)
            return None
        self.failures.answered()
        return answer


def answer(endpoint: Endpoint, prompts: Sequence[Text], how: How, *, seed: int = 0) -> list[Answer]:
    """One completion for each prompt, in their order; for evaluations.

    Raises:
        UsageError: the address is none, or the model has to be named.
        RlhfError: the server is away or refuses, or a prompt could not be answered.
    """

    async def collect() -> list[Answer]:
        found: dict[int, Answer] = {}
        wanted = [Wanted(i, p, seed_of(seed, f"{i}")) for i, p in enumerate(prompts)]
        async with Server(endpoint) as server:
            async for item in server.complete_all(wanted, how):
                if item is not None:
                    found[item[0].name] = item[1]
            if len(found) < len(prompts):
                raise InputError(
                    f"The server at {server.url} answered {len(found)} of {len(prompts)} prompts."
                    f" {server.failures.first}"
                )
        return [found[place] for place in range(len(prompts))]

    return asyncio.run(collect())


def seed_of(seed: int, key: str) -> int:
    """The seed of one completion: the same for the same run seed and name, and no other's."""
    digest = hashlib.sha256(f"{seed}\0{key}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - SEED_BITS)


def only_model(models: Sequence[str] | None, url: str) -> str:
    """The model of a server that has one.

    Raises:
        UsageError: it has none or several, or does not say (None).
    """
    if models and len(models) == 1:
        return models[0]
    if not models:
        said = "does not say which models it has" if models is None else "has no model"
        raise UsageError(f"The server at {url} {said}.", hint="Name one with --endpoint-model.")
    raise UsageError(
        f"The server at {url} has {len(models)} models.",
        hint=f"Name one with --endpoint-model: {', '.join(sorted(models))}.",
    )


def _key(environ: Mapping[str, str]) -> str:
    return next((environ[name] for name in KEY_VARIABLES if environ.get(name)), "")
