"""Against a server that we did not write: `transformers serve` on the sample model."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from helpers import wait_until
from helpers.tiny import CHAT_TEMPLATE, SAMPLE_MODEL, lines, make_run, tokenizer

from rlhf_tui.generation import run as generation

DEADLINE_S = 150
"""For a start that imports torch on a busy machine."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def sampling_model(tmp_path: Path) -> Path:
    """The sample model, told to sample, as the server decodes greedily otherwise, and to talk."""
    shutil.copytree(SAMPLE_MODEL, tmp_path / "model")
    path = tmp_path / "model" / "generation_config.json"
    chosen = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(chosen | {"do_sample": True, "top_k": 0}))
    (tmp_path / "model" / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    return tmp_path / "model"


@pytest.fixture
def server(sampling_model: Path, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(sampling_model)]
    log = tmp_path / "server.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
            stdout=written,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    try:
        wait_until(is_up, deadline=DEADLINE_S, what="transformers serve", poll=0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_a_run_at_transformers_serve(tmp_path: Path, server: str, sampling_model: Path) -> None:
    talk = [{"role": "user", "content": "Is it good ?"}]
    texts = ["In this film", "The actors", "I saw it"]
    context = make_run(
        tmp_path / "g1",
        "generate",
        {
            "endpoint": server,
            "endpoint_model": str(sampling_model),
            "k": 2,
            "max_new_tokens": 8,
            "concurrency": 2,
        },
        train=[{"prompt": text, "prompt_id": f"p{i}"} for i, text in enumerate(texts)],
        validation=[{"prompt": talk, "prompt_id": "talk"}],
    )
    generation.run(context)
    found = lines(context.directory / "completions.jsonl")
    assert len(found) == 8
    words = tokenizer()
    for row in found:
        text = row["completion"]
        if row["prompt_id"] == "talk":
            (turn,) = text
            assert turn["role"] == "assistant"
            text = turn["content"]
        assert row["model"] == str(sampling_model)
        assert 1 <= row["tokens"] <= 8
        # Fewer tokens than it may have only after an EOS, which the server counts.
        assert row["finish_reason"] == ("length" if row["tokens"] == 8 else "eos")
        own = words(text)["input_ids"]
        assert abs(len(own) - row["tokens"]) <= 2
    drawn: dict[str, list[object]] = {}
    for row in found:
        drawn.setdefault(row["prompt_id"], []).append(row["completion"])
    assert any(one != other for one, other in drawn.values())
