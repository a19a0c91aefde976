"""How long a save takes while many people label at once: the hub against what could replace it.

    python benchmarks/hub_load.py [--clients 20] [--seconds 8] [--pace 0.05]

Every client is a process of its own that saves one ranking after another, with a pause of `pace`
seconds between (0: as fast as it can). Three ways to save the same event:

    hub         our hub: one writer, one commit for all who wait at that moment
    hub, 1 each the same hub with a commit for each request (its batch size set to 1)
    open/retry  no hub: each client opens the DuckDB file, inserts, commits, closes; when another
                one has it open, it waits 5 to 25 ms and tries again

A save counts from the call until it is durable. `lost` are saves that were reported durable and
are not in the file afterwards; the times are wall clock, in milliseconds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

import duckdb

from rlhf_tui.hub.autostart import answers
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Ingest, Ingested, Lease, Leased, Submit, Submitted
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
from rlhf_tui.workspace import Workspace, init_workspace

ONE_EACH = """
import sys
from rlhf_tui.hub import server, writer
writer.LARGEST_BATCH = 1
sys.exit(server.main())
"""
Saves = list[tuple[str, float]]
"""Event id and seconds of each save."""


def batch(count: int) -> Ingest:
    """`count` rankings of two."""
    made = Ingest()
    for number in range(count):
        prompt = Prompt(prompt_id(f"p{number}"), f"p{number}")
        completions = [
            Completion(
                imported_completion_id(prompt.prompt_id, f" {n}", "model", "m"),
                prompt.prompt_id,
                f" {n}",
            )
            for n in range(2)
        ]
        ids = [c.completion_id for c in completions]
        made.prompts.append(prompt)
        made.completions += completions
        made.tasks.append(Task(task_id("rank", ids), "rank", prompt.prompt_id, ids))
    return made


def save_by_hub(root: Path, name: str, pace: float, stop: Flag, start_line: Barrier) -> Saves:
    saves: Saves = []
    with HubClient(Workspace(root), as_name=name, autostart=False) as client:
        start_line.wait()
        while not stop.is_set():
            for item in client.call(Lease(kind="rank", limit=20), Leased).items:
                shown = item.task.completion_ids
                event = Event(new_event_id(), "judge", item.task.task_id, shown=shown, tiers=[1, 2])
                start = time.perf_counter()
                client.call(Submit([event]), Submitted)
                saves.append((event.event_id, time.perf_counter() - start))
                if stop.is_set():
                    break
                time.sleep(pace)
    return saves


def save_by_opening(root: Path, name: str, pace: float, stop: Flag, start_line: Barrier) -> Saves:
    saves: Saves = []
    start_line.wait()
    while not stop.is_set():
        event_id = new_event_id()
        start = time.perf_counter()
        while not stop.is_set():
            try:
                with duckdb.connect(str(root / "peer.duckdb")) as con:
                    con.execute(
                        "INSERT INTO events VALUES (?, ?, ['c-1', 'c-2'], [1, 2])",
                        [event_id, name],
                    )
            except duckdb.Error:
                time.sleep(random.uniform(0.005, 0.025))
                continue
            saves.append((event_id, time.perf_counter() - start))
            break
        time.sleep(pace)
    return saves


Way = Callable[[Path, str, float, Flag, Barrier], Saves]


def client(way: Way, out: Any, *arguments: Any) -> None:
    out.put(way(*arguments))


def measure(way: Way, root: Path, clients: int, seconds: float, pace: float) -> Saves:
    context = multiprocessing.get_context("spawn")
    stop, out, start_line = context.Event(), context.Queue(), context.Barrier(clients + 1)
    people = [
        context.Process(target=client, args=(way, out, root, f"person {n}", pace, stop, start_line))
        for n in range(clients)
    ]
    for person in people:
        person.start()
    # The start of twenty interpreters is no part of it.
    start_line.wait()
    time.sleep(seconds)
    stop.set()
    saves = [save for _ in people for save in out.get()]
    for person in people:
        person.join()
    return saves


def report(name: str, saves: Saves, seconds: float, stored: set[str]) -> None:
    times = sorted(1000 * taken for _, taken in saves)
    cuts = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else [0.0] * 99
    lost = sum(event_id not in stored for event_id, _ in saves)
    print(
        f"{name:<12}{len(saves):>8}{len(saves) / seconds:>10.0f}{cuts[49]:>9.1f}{cuts[98]:>9.1f}"
        f"{times[-1] if times else 0:>9.1f}{lost:>7}",
        flush=True,
    )


def hub_run(name: str, command: list[str], options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="hub-load-") as place:
        workspace = init_workspace(Path(place) / "w")
        hub = subprocess.Popen([*command, str(workspace.root)], stderr=subprocess.DEVNULL)
        while not answers(workspace):
            time.sleep(0.05)
        with HubClient(workspace) as owner:
            owner.call(batch(20_000), Ingested)
        saves = measure(save_by_hub, workspace.root, options.clients, options.seconds, options.pace)
        hub.terminate()
        hub.wait()
        with duckdb.connect(str(workspace.store), read_only=True) as con:
            stored = {row[0] for row in con.execute("SELECT event_id FROM events").fetchall()}
    report(name, saves, options.seconds, stored)


def peer_run(name: str, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="hub-load-") as place:
        file = Path(place) / "peer.duckdb"
        with duckdb.connect(str(file)) as con:
            con.execute(
                "CREATE TABLE events (event_id VARCHAR, annotator VARCHAR, shown VARCHAR[],"
                " tiers INTEGER[])"
            )
        saves = measure(
            save_by_opening, Path(place), options.clients, options.seconds, options.pace
        )
        with duckdb.connect(str(file), read_only=True) as con:
            stored = {row[0] for row in con.execute("SELECT event_id FROM events").fetchall()}
    report(name, saves, options.seconds, stored)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--pace", type=float, default=0.05)
    options = parser.parse_args()
    print(f"{options.clients} clients, {options.seconds:g} s, a pause of {options.pace:g} s")
    print(f"{'':<12}{'saves':>8}{'per s':>10}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'lost':>7}")
    hub_run("hub", [sys.executable, "-m", "rlhf_tui.hub.server"], options)
    hub_run("hub, 1 each", [sys.executable, "-c", ONE_EACH], options)
    peer_run("open/retry", options)


if __name__ == "__main__":
    main()
