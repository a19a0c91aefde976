"""Background runs by the shell: launch, follow, stop following, list, show, logs, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import Cli, refused, wait_until

GENERATE = ("generate", "-k", "2", "--max-new-tokens", "8", "--threads", "1")


@pytest.fixture
def prompts(cli: Cli) -> Cli:
    """A workspace with a few prompts for the sample model."""
    (cli.cwd / "prompts.txt").write_text("This film\nThe story\nA quiet thief\nMy wife\n")
    cli("import", "prompts.txt", "--split", "train").ok()
    return cli


def state(cli: Cli, run: str) -> str:
    told = cli("runs", "show", run, "--json").ok().json["state"]
    assert isinstance(told, str)
    return told


def test_a_run_is_followed_to_its_end_and_can_be_looked_at(prompts: Cli) -> None:
    followed = prompts(*GENERATE, "--title", "first").ok()
    assert "generate-0001" in followed.out
    assert "finished" in followed.out
    assert "4 prompts" in followed.err
    [run] = prompts("runs", "list", "--json").ok().json
    assert (run["run_id"], run["state"], run["title"]) == ("generate-0001", "finished", "first")
    listed = prompts("runs", "list").ok().out.splitlines()
    assert listed[0].split()[:2] == ["RUN", "STATE"]
    assert listed[1].split()[:2] == ["generate-0001", "finished"]
    shown = prompts("runs", "show", "latest").ok().out
    assert "max_new_tokens = 8" in shown
    assert "exit       code 0" in shown
    log = (Path(run["directory"]) / "log.txt").read_text()
    assert prompts("runs", "logs", "generate-0001").ok().out.splitlines() == log.splitlines()
    assert prompts("runs", "logs", "latest", "--follow").ok().out.splitlines() == log.splitlines()
    refused(prompts("runs", "show", "generate-9"), 2, "generate-9", "generate-0001")


def test_a_setting_by_set_counts_below_the_commands_own_options(prompts: Cli) -> None:
    """--set is the environment's word: over rlhf.toml, under an option."""
    given = ("--set", "generate.k=3", "--set", "generate.top_p=0.9")
    run = prompts(*given, "generate", "-k", "2", "--detach", "--json").ok().json
    arguments = json.loads((Path(run["directory"]) / "args.json").read_text())["arguments"]
    assert (arguments["k"], arguments["top_p"]) == (2, 0.9)
    prompts("runs", "stop", run["run_id"], "--force").ok()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children hear SIGINT, also where these tests run in the background of a shell.

    Such a shell ignores SIGINT, and what is ignored stays so over fork and exec.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_interrupting_stops_following_and_not_the_run(prompts: Cli) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "rlhf_tui.cli", *GENERATE],
        cwd=prompts.cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Ctrl-C stops following" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert "goes on in the background" in rest
    assert "rlhf-tui dashboard generate-0001" in rest
    assert "Traceback" not in rest
    wait_until(lambda: state(prompts, "generate-0001") == "finished", 120, "the run to finish")


def test_a_failing_run_ends_with_its_sentence_and_code(prompts: Cli) -> None:
    model = prompts.cwd / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"model_type": "llama"}))
    result = prompts("generate", "--model", model)
    assert result.code in (2, 3, 5)
    assert "error: " in result.err
    assert "Traceback" not in result.err
    assert str(model) in result.err or "runs logs" in result.err


def test_a_detached_queue_is_seen_and_stopped(prompts: Cli) -> None:
    told = prompts("generate", "--detach", "--json", "--max-new-tokens", "64").ok().json
    assert (told["run_id"], told["state"]) == ("generate-0001", "running")
    assert prompts("generate", "--detach").ok().out == "generate-0002\n"
    assert "generate-0002" in prompts("runs", "stop", "generate-0002").ok().out
    prompts("runs", "stop", "generate-0001", "--force").ok()
    over = {"stopped", "failed", "finished"}
    for run in ("generate-0001", "generate-0002"):
        wait_until(lambda run=run: state(prompts, run) in over, 60, f"{run} to end")  # type: ignore[misc]
    refused(prompts("runs", "logs", "generate-0002"), 6, "generate-0002 has no log")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["train", "rm"], ["ranked", "rlhf-tui label"]),
        (["train", "sft"], ["demonstrations"]),
        (["train", "ppo"], ["reward model", "rlhf-tui train rm"]),
        (["runs", "logs", "latest"], ["no run"]),
        (["generate", "--model", "no/such/model"], ["no/such/model"]),
    ],
)
def test_what_is_missing_is_named(prompts: Cli, command: list[str], words: list[str]) -> None:
    result = prompts(*command)
    assert result.code in (2, 6)
    refused(result, result.code, *words)
