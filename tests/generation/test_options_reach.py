"""Every option of generating changes what is written, or how a server is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.scripted_server import Script, completion, serving
from helpers.tiny import lines, make_run, save_policy

from rlhf_tui.config.options import GenerateOptions
from rlhf_tui.generation import requests, served
from rlhf_tui.generation import run as generation
from rlhf_tui.generation.asking import Endpoint

PROMPTS = [{"prompt": f"Review {i}:", "prompt_id": f"p{i}"} for i in range(3)]
Write = Callable[..., list[Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    model = save_policy(tmp_path / "m")

    def written(**options: Any) -> list[Any]:
        arguments = {"model": str(model), "k": 2, "max_new_tokens": 8} | options
        directory = tmp_path / str(len(list(tmp_path.iterdir()))) / "g"
        generation.run(make_run(directory, "generate", arguments, train=PROMPTS))
        found = lines(directory / "completions.jsonl")
        return sorted((row["completion_id"], row["completion"]) for row in found)

    return written


def test_what_is_written_follows_the_options(write: Write) -> None:
    plain = write()
    assert write() == plain
    changed: list[dict[str, Any]] = [
        {"k": 3}, {"temperature": 0.3}, {"top_p": 0.2}, {"max_new_tokens": 4}, {"limit": 1},
        {"seed": 1},
    ]  # fmt: skip
    for options in changed:
        assert write(**options) != plain, options


def test_a_server_is_asked_as_the_options_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT_S", 0.001)
    asked: list[Endpoint] = []
    made = served.Server

    def seen(endpoint: Endpoint) -> Any:
        asked.append(endpoint)
        return made(endpoint)

    monkeypatch.setattr(served, "Server", seen)
    with serving(Script(answer=completion)) as script:
        arguments = {
            "endpoint": script.url, "endpoint_model": "", "concurrency": 3, "retries": 4,
            "request_timeout": 7.5, "k": 1, "temperature": 0.6, "top_p": 0.7, "max_new_tokens": 9,
        }  # fmt: skip
        generation.run(make_run(tmp_path / "g", "generate", arguments, train=PROMPTS))
    assert asked == [Endpoint(script.url, "", 3, 4, 7.5)]
    bodies = [body for route, body in script.requests if body]
    assert len(bodies) == 3
    assert {(b["temperature"], b["top_p"], b["max_tokens"]) for b in bodies} == {(0.6, 0.7, 9)}


def test_defaults_of_a_connection_are_those_of_the_options() -> None:
    options, plain = GenerateOptions(), Endpoint("")
    assert (options.concurrency, options.retries) == (plain.concurrency, plain.retries)
    assert options.request_timeout == plain.timeout
