"""`kill -9` of TUI, hub, worker and supervisor, each in turn while the others work.

Two people label in two terminals, exports are made all the while, and a generate run writes
completions that are labelled as they come.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from helpers import Cli, wait_until
from helpers.films import films
from helpers.hubs import end_hub
from helpers.labeller import Labeller
from helpers.terminals import PATIENCE_S, Terminals

from rlhf_tui.hub.life import read_hub_file
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import processes
from rlhf_tui.runs.process import ProcessMark, alive, signal_process
from rlhf_tui.workspace import Workspace

FILMS, STORIES, K = 500, 120, 2
RUN = "generate-0001"
EXPORTS_S = 2.0
"""A rest between two exports; they start a process each."""
ASK_S = 1.0
"""The same between two questions to the command line."""


def kill(mark: ProcessMark | None) -> None:
    assert mark is not None and signal_process(mark, 9)
    wait_until(lambda: not alive(mark), what="it is gone")


def rankings(cli: Cli, name: str) -> list[dict[str, Any]]:
    """The judgements in an export, or none when it said why there is no export."""
    out = cli.cwd.parent / name
    done = cli("export", "rankings", out, "--split", "all", timeout=PATIENCE_S)
    assert "Traceback" not in done.out + done.err
    if done.code:
        assert done.code in (4, 6) and done.err.startswith("error: "), done.err
        return []
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == "judge"]


def per_person(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((row["annotator"], row["prompt_text"]) for row in rows)


class Run:
    """The generate run, looked at from outside."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self.directory = cli.cwd / "runs" / RUN

    @property
    def written(self) -> int:
        file = self.directory / layout.COMPLETIONS
        return file.read_bytes().count(b"\n") if file.exists() else 0

    @property
    def facts(self) -> dict[str, Any]:
        told = self._cli("runs", "show", RUN, "--json", timeout=PATIENCE_S).ok().json
        assert isinstance(told, dict)
        return told

    def goes_on(self) -> None:
        before = self.written
        wait_until(lambda: self.written > before, PATIENCE_S, "the run writes")

    def ends(self) -> dict[str, Any]:
        over = ("finished", "failed", "stopped")
        wait_until(lambda: self.facts["state"] in over, PATIENCE_S, "the run's end", ASK_S)
        return self.facts


@pytest.mark.timeout(600)
def test_each_is_killed_while_the_others_work(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    films(cli, FILMS, split="validation")
    stories = cli.cwd.parent / "stories.txt"
    stories.write_text("".join(f"Story number {number} is\n" for number in range(STORIES)))
    cli("import", stories, "--split", "train").ok()
    people = [Labeller(screens, workspace.root, name) for name in ("Anna", "Ben")]
    anna = people[0]
    enough = threading.Event()
    exports: list[Counter[tuple[str, str]]] = []

    def export_all_the_while() -> None:
        while not enough.wait(EXPORTS_S):
            before = {(one.name, prompt) for one in people for prompt in list(one.saved)}
            found = per_person(rankings(cli, "meanwhile.jsonl"))
            if found:
                exports.append(found)
                # 'saved locally' may still be on its way; 'no row twice' holds at any moment.
                assert max(found.values()) == 1
                assert len(before - set(found)) <= 20

    with ThreadPoolExecutor(3) as pool:
        jobs: list[Future[None]] = [pool.submit(one.work, enough) for one in people]
        jobs.append(pool.submit(export_all_the_while))

        def all_go_on() -> None:
            """Both people judge, and both screens call it saved, after what just happened."""
            goal = [len(one.saved) + 2 for one in people]

            def reached() -> bool:
                for job in jobs:
                    if job.done():
                        job.result()
                return all(len(one.saved) >= n for one, n in zip(people, goal, strict=True))

            wait_until(reached, PATIENCE_S, f"both go on from {goal}")

        try:
            all_go_on()
            kill_in_turn(cli, workspace, anna, all_go_on)
        finally:
            enough.set()
        for job in jobs:
            job.result()

    found = rankings(cli, "end.jsonl")
    counts = per_person(found)
    assert max(counts.values()) == 1, "nobody judged an item twice"
    for one in people:
        assert len(set(one.pressed)) >= len(set(one.saved))
        missing = {prompt for prompt in one.saved if counts[one.name, prompt] != 1}
        assert not missing, "what a screen called saved is in the export once"
        invented = {p for who, p in counts if who == one.name} - set(one.pressed)
        assert not invented
    wanted = Counter(row["task_id"] for row in found if not row["surplus"])
    assert max(wanted.values()) == 1, "no item was judged by more people than it is for"
    assert not any(row["surplus"] for row in found), "no item was handed to two people at once"
    assert exports, "exports were made meanwhile"
    for seen in exports:
        assert set(seen) <= set(counts)
    screens_seen = "\n".join(text for one in people for text in one.last_screens)
    assert "Traceback" not in screens_seen
    assert "Traceback" not in (cli.cwd / "runs" / RUN / layout.LOG).read_text()
    assert "Traceback" not in workspace.hub_log.read_text()


def kill_in_turn(
    cli: Cli, workspace: Workspace, anna: Labeller, all_go_on: Callable[[], None]
) -> None:
    """A run is started; worker, supervisor, hub and TUI are killed, and the run ends well."""
    options = ("-k", str(K), "--max-new-tokens", "48", "--batch-size", "4", "--threads", "1")
    cli("generate", "--split", "train", *options, "--detach", timeout=PATIENCE_S).ok()
    run = Run(cli)
    run.goes_on()
    _, worker = processes(run.directory)
    kill(worker)
    told = run.ends()
    assert told["state"] == "failed"
    assert "SIGKILL" in told["message"], told["message"]
    left = run.written
    assert 0 < left < STORIES * K
    all_go_on()

    cli("runs", "resume", RUN, "--detach", timeout=PATIENCE_S).ok()
    run.goes_on()
    supervisor, worker = processes(run.directory)
    kill(supervisor)
    assert worker is not None and (alive(worker) or run.written == STORIES * K)

    first = read_hub_file(workspace)
    end_hub(workspace)
    all_go_on()  # at first on the disk of this machine: 'saved locally'

    def next_hub() -> bool:
        found = read_hub_file(workspace)
        return first is not None and found is not None and found.process != first.process

    wait_until(next_hub, PATIENCE_S, "somebody starts the next hub")
    all_go_on()

    anna.kill()
    all_go_on()

    told = run.ends()
    assert told["state"] == "finished", told
    with_ids = [json.loads(line) for line in read(run.directory / layout.COMPLETIONS)]
    assert len({row["completion_id"] for row in with_ids}) == len(with_ids) == STORIES * K


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
