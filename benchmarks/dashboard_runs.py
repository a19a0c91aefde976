"""Workspaces with recorded runs for the dashboard's benchmarks, and a run that grows."""

from __future__ import annotations

import json
import math
import random
import threading
import time
from pathlib import Path

import msgspec

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import ProcessMark, RunArguments, RunExit, RunStatus, State
from rlhf_tui.runs.process import mark
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import RunRow, save_run
from rlhf_tui.workspace import Workspace, init_workspace

METRICS = ("objective/scores", "objective/kl", "loss/policy_avg", "loss/value_avg")
"""The first four charts of a PPO run."""
NOWHERE = ProcessMark(999_999, 1.0, "elsewhere", "an earlier boot")


def row(step: int, total: int, rng: random.Random, when: float) -> str:
    share = step / max(1, total)
    return json.dumps(
        {
            "step": step,
            "time": when,
            "objective/scores": 3 * share + rng.gauss(0, 0.2),
            "objective/kl": 9 * share + abs(rng.gauss(0, 0.4)),
            "loss/policy_avg": rng.gauss(-0.01, 0.01),
            "loss/value_avg": 0.6 * math.exp(-2 * share) + abs(rng.gauss(0, 0.05)),
        }
    )


def write_run(runs: Path, run_id: str, steps: int, state: State = "finished") -> RunRow:
    """A PPO run of so many steps, whatever `state` says of its end."""
    directory = runs / run_id
    directory.mkdir(parents=True)
    now = time.time()
    began = now - 3600
    options = msgspec.structs.asdict(OPTIONS["ppo"]())
    arguments = RunArguments(run_id, "ppo", options, created_ms=round(began * 1000))
    layout.write_atomic(directory / layout.ARGS, arguments)
    rng = random.Random(run_id)
    with (directory / layout.METRICS).open("w") as file:
        for step in range(1, steps + 1):
            file.write(row(step, steps, rng, began + 3600 * step / steps) + "\n")
    ended = state == "finished"
    worker = NOWHERE if ended else mark()
    phase = "finished" if ended else "running"
    status = RunStatus(phase, worker, now, steps, steps if ended else 10_000)
    layout.write_atomic(directory / layout.STATUS, status)
    if ended:
        layout.write_atomic(directory / layout.EXIT, RunExit(0, None, False, now))
    else:
        for name in (layout.SUPERVISOR, layout.WORKER):
            layout.write_atomic(directory / name, worker)
    milliseconds = round(began * 1000)
    return RunRow(
        run_id, "ppo", state, directory=str(directory), created_ms=milliseconds,
        started_ms=milliseconds, ended_ms=round(now * 1000) if ended else 0, arguments=options,
    )  # fmt: skip


def make(root: Path, runs: int, steps: int, *, live: bool = False) -> Workspace:
    """A workspace with so many finished runs, and a living one."""
    workspace = init_workspace(root)
    rows = [write_run(workspace.runs, f"ppo-{n:04d}", steps) for n in range(1, runs + 1)]
    if live:
        rows.append(write_run(workspace.runs, f"ppo-{runs + 1:04d}", 2_000, "running"))
    with Store(workspace.store, workspace.lock) as store:
        save_run(store, *rows)
    return workspace


class Growing:
    """A living run: lines twice a second, and its heartbeat."""

    def __init__(self, directory: Path, every: float = 0.5) -> None:
        self._directory, self._every = directory, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._grow, daemon=True)

    def __enter__(self) -> Growing:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _grow(self) -> None:
        rng, step = random.Random(1), 2_000
        with (self._directory / layout.METRICS).open("a") as file:
            while not self._over.wait(self._every):
                step += 1
                file.write(row(step, 10_000, rng, time.time()) + "\n")
                file.flush()
                status = RunStatus("running", mark(), time.time(), step, 10_000)
                layout.write_atomic(self._directory / layout.STATUS, status)
