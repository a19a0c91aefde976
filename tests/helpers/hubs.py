"""Hubs as processes of their own, workspaces with something to judge, and clients."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from helpers.waiting import wait_until
from rlhf_tui.hub import address
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.life import read_hub_file
from rlhf_tui.hub.messages import Ingest, Ingested, Item
from rlhf_tui.records import (
    Completion,
    Event,
    Prompt,
    Task,
    imported_completion_id,
    new_event_id,
    prompt_id,
    task_id,
)
from rlhf_tui.runs.process import alive
from rlhf_tui.workspace import Workspace

PROGRAMS = Path(__file__).parents[1] / "hub" / "programs"
SERVER = (sys.executable, "-m", "rlhf_tui.hub.server")
TEST_SERVER = (sys.executable, str(PROGRAMS / "hub.py"))
"""Its generate runs need no model."""
ROUNDS = 100
"""A process that is killed may have started another since they were listed."""


class HubProcess:
    """A hub in the foreground of a process of its own."""

    def __init__(self, workspace: Workspace, *options: str, program: tuple[str, ...] = SERVER):
        self.workspace = workspace
        self.log = workspace.root / "test-hub.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*program, str(workspace.root), *options], stdin=subprocess.DEVNULL, stderr=log
            )

    def ready(self) -> HubProcess:
        def listens() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                address.connect(self.workspace.socket, 5).close()
            except OSError:
                return False
            return True

        wait_until(listens, what="the hub listens")
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


def end_hub(workspace: Workspace) -> None:
    """Kill a hub that clients started by themselves."""
    found = read_hub_file(workspace)
    if found is not None and alive(found.process):
        os.kill(found.process.pid, signal.SIGKILL)
        wait_until(lambda: not alive(found.process), what="the hub is gone")


@contextmanager
def no_hub(workspace: Workspace) -> Iterator[None]:
    """Kill the hub; until the end nobody starts another, as this process has the turn to."""
    with (workspace.root / "hub.starting").open("ab") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        end_hub(workspace)
        yield


def end_runs(workspace: Workspace) -> None:
    """Kill what runs in the background, also what has left no mark of itself yet."""
    for _ in range(ROUNDS):
        found = [
            process
            for process in psutil.process_iter(["cmdline"])
            # No right to see the command of another's process: None.
            if any(word.startswith(f"{workspace.runs}/") for word in process.info["cmdline"] or [])
        ]
        if not found:
            return
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def tasks(count: int, *, overlap: int = 1, completions: int = 3, gold: bool = False) -> Ingest:
    """A batch with `count` rankings.

    Args:
        gold: all have a known answer: best first in the order of their making.
    """
    batch = Ingest()
    for number in range(count):
        prompt = Prompt(
            prompt_id(f"Prompt {number}:"),
            f"Prompt {number}:",
            source="by-secret-model.jsonl",
            meta={"answer": 42},
        )
        made = [
            Completion(
                imported_completion_id(prompt.prompt_id, f" text {place}", "model", "secret-model"),
                prompt.prompt_id,
                f" text {place}",
                model="secret-model",
                run_id="generate-0007",
                parameters={"temperature": 0.5},
                parent="c-parent",
            )
            for place in range(completions)
        ]
        ids = [completion.completion_id for completion in made]
        known = {completion_id: tier for tier, completion_id in enumerate(ids, 1)}
        batch.prompts.append(prompt)
        batch.completions += made
        batch.tasks.append(
            Task(
                task_id("rank", ids),
                "rank",
                prompt.prompt_id,
                ids,
                overlap,
                gold=known if gold else None,
            )
        )
    return batch


def set_label(workspace: Workspace, **values: object) -> None:
    """Write [label] of rlhf.toml anew."""
    lines = "\n".join(f"{key} = {msgspec.json.encode(v).decode()}" for key, v in values.items())
    aside = workspace.config.with_name("rlhf.toml.new")
    aside.write_text(f"[label]\n{lines}\n", encoding="utf-8")
    aside.replace(workspace.config)


def ingest(workspace: Workspace, batch: Ingest) -> None:
    with HubClient(workspace) as client:
        client.call(batch, Ingested)


def judgement(item: Item, event_id: str = "") -> Event:
    """All completions of an item, best first as shown."""
    shown = [completion.completion_id for completion in item.completions]
    return Event(
        event_id or new_event_id(),
        "judge",
        item.task.task_id,
        shown=shown,
        tiers=list(range(1, len(shown) + 1)),
    )
