"""Generate runs at a server: what is written, stopped and gone on with, partly failed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.scripted_server import Reply, Script, completion, serving
from helpers.tiny import again, lines, make_run, stop_after

from rlhf_tui.errors import InputError, RunFailed
from rlhf_tui.generation import requests
from rlhf_tui.generation import run as generation
from rlhf_tui.records import generated_completion_id
from rlhf_tui.runs.context import RunContext

PROMPTS = ["a", "b", "c", "d"]


@pytest.fixture
def script() -> Iterator[Script]:
    with serving(Script()) as made:
        yield made


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_WAIT_S", 0.001)


def prepared(directory: Path, script: Script, texts: list[Any], **more: Any) -> RunContext:
    arguments = {"endpoint": script.url, "k": 2, "max_new_tokens": 6, "retries": 1, "model": ""}
    rows = [{"prompt": text, "prompt_id": f"p{i}"} for i, text in enumerate(texts)]
    return make_run(directory, "generate", arguments | more, train=rows)


def written(context: RunContext) -> dict[str, Any]:
    found = lines(context.directory / "completions.jsonl")
    assert len({row["completion_id"] for row in found}) == len(found)
    return {row["completion_id"]: row for row in found}


def test_completions_with_all_that_is_known(tmp_path: Path, script: Script) -> None:
    context = prepared(tmp_path / "g1", script, PROMPTS, temperature=0.7, seed=3)
    generation.run(context)
    found = written(context)
    assert found.keys() == {
        generated_completion_id("g1", f"p{i}", k) for i in range(4) for k in range(2)
    }
    row = found[generated_completion_id("g1", "p2", 1)]
    seed = row["parameters"].pop("seed")
    assert row["completion"] == f" [c/{seed}]"
    assert row["parameters"] == {
        "temperature": 0.7,
        "top_p": 1.0,
        "max_new_tokens": 6,
        "endpoint": script.url,
    }
    assert (row["model"], row["run_id"], row["prompt_id"]) == ("tiny", "g1", "p2")
    assert (row["tokens"], row["finish_reason"]) == (5, "eos")
    figures = lines(context.directory / "metrics.jsonl")[-1]
    assert (figures["step"], figures["response_length"], figures["eos_share"]) == (8, 5, 1)
    assert figures["requests_retried"] == 0


def test_a_conversation_gets_an_assistants_message(tmp_path: Path, script: Script) -> None:
    context = prepared(tmp_path / "g1", script, [[{"role": "user", "content": "Hi"}]])
    generation.run(context)
    for row in written(context).values():
        (turn,) = row["completion"]
        assert turn["role"] == "assistant" and turn["content"].startswith(" [Hi/")


def test_a_prompts_completions_come_together(tmp_path: Path, script: Script) -> None:
    context = prepared(tmp_path / "g1", script, PROMPTS, concurrency=1)
    generation.run(context)
    order = [row["prompt_id"] for row in lines(context.directory / "completions.jsonl")]
    assert order == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"]


def test_a_stopped_run_asks_only_for_what_is_left(tmp_path: Path, script: Script) -> None:
    straight = prepared(tmp_path / "a" / "g", script, PROMPTS)
    generation.run(straight)
    script.requests.clear()
    first = prepared(tmp_path / "b" / "g", script, PROMPTS, concurrency=1)
    stop_after(first, 3)
    generation.run(first)
    assert first.stopped and len(written(first)) == 3
    second = again(first)
    script.requests.clear()
    generation.run(second)
    assert len(script.requests) == 5
    assert written(second) == written(straight)


def test_what_came_is_kept_when_the_server_goes_away(tmp_path: Path, script: Script) -> None:
    good = 3

    def reply(body: dict[str, Any]) -> Reply:
        nonlocal good
        good -= 1
        return completion(body) if good >= 0 else (500, {"error": "out of memory"})

    script.answer = reply
    context = prepared(tmp_path / "generate-0007", script, PROMPTS, concurrency=1, retries=0)
    said = r"out of memory\. 3 of 8 completions were made and are kept; 5 are missing\."
    with pytest.raises(RunFailed, match=said) as failed:
        generation.run(context)
    assert "rlhf-tui runs resume generate-0007" in failed.value.hint
    assert len(written(context)) == 3
    script.answer = completion
    generation.run(again(context))
    assert len(written(context)) == 8


def test_one_bad_prompt_costs_only_its_own(tmp_path: Path, script: Script) -> None:
    script.answer = lambda body: (
        (400, {"error": "too long"}) if body["prompt"] == "b" else completion(body)
    )
    context = prepared(tmp_path / "g1", script, PROMPTS)
    with pytest.raises(RunFailed, match=r"^6 of 8 completions .*; 2 are missing\. .*too long"):
        generation.run(context)
    assert {row["prompt_id"] for row in written(context).values()} == {"p0", "p2", "p3"}
    assert lines(context.directory / "metrics.jsonl")[-1]["requests_failed"] == 2


def test_a_server_that_is_away_at_the_start_is_told_plainly(tmp_path: Path) -> None:
    with serving(Script()) as script:
        pass
    with pytest.raises(InputError, match="cannot be used: It cannot be reached"):
        generation.run(prepared(tmp_path / "g1", script, PROMPTS))


@pytest.mark.parametrize("varied", [True, False])
def test_a_server_that_does_not_sample_is_told(
    tmp_path: Path, script: Script, capsys: pytest.CaptureFixture[str], varied: bool
) -> None:
    if not varied:
        script.answer = lambda body: completion(body, text="the same")
    generation.run(prepared(tmp_path / "g1", script, [str(i) for i in range(9)]))
    assert ("does not sample" in capsys.readouterr().out) is not varied


LIGHT = """
import sys
from pathlib import Path
from rlhf_tui.runs.layout import RunArguments, read
from rlhf_tui.runs.context import RunContext
from rlhf_tui.generation import run
directory = Path(sys.argv[1])
run.run(RunContext(directory, read(directory / "args.json", RunArguments)))
print({"torch", "transformers", "numpy"} & set(sys.modules))
"""


def test_no_torch_is_loaded(tmp_path: Path, script: Script) -> None:
    context = prepared(tmp_path / "g1", script, PROMPTS)
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(context.directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[-1]
    assert "torch" not in loaded and "transformers" not in loaded
    assert len(written(context)) == 8
